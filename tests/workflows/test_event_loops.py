"""One workflow object in several event loops, one after another and in threads at once."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vital_shared import BaseWorkflow, track_llm_call, track_tool_execution
from vital_shared.graph import node
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.testing import counted
from vital_shared.workflows.loop_services import loop_services

THREADS = 4


def question(query: str) -> WorkflowInput:
    return WorkflowInput(query=query, mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Do work in several threads that begin at the same moment."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_each_asyncio_run_has_services_of_its_own_that_end_with_it():
    workflow, loops, services = BaseWorkflow(), [], []

    async def ask(number: int) -> str:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        output = await workflow.execute_typed(question(f"What is a recall {number}?"))
        services.append(weakref.ref(workflow.services.closing))
        return output.status

    assert [asyncio.run(ask(number)) for number in range(3)] == ["completed"] * 3
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3
    assert [each() for each in services] == [None] * 3


def test_one_workflow_answers_in_several_threads_at_once():
    workflow, used = BaseWorkflow(), []

    async def ask(number: int) -> str:
        output = await workflow.execute_typed(question(f"What is a recall {number}?"))
        used.append(workflow.services)
        return output.status

    assert in_threads(lambda number: asyncio.run(ask(number))) == ["completed"] * THREADS
    assert len({id(each) for each in used}) == THREADS


def test_closing_in_one_loop_leaves_the_others_open():
    workflow, first_runs, second_done = BaseWorkflow(), threading.Event(), threading.Event()

    async def first() -> str:
        await workflow.execute_typed(question("one"))
        first_runs.set()
        await asyncio.to_thread(second_done.wait)
        await workflow.services.database.ping()
        return (await workflow.execute_typed(question("two"))).status

    async def second() -> None:
        async with workflow:
            await workflow.execute_typed(question("three"))
        with pytest.raises(RuntimeError, match="first run"):
            _ = workflow.services

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(asyncio.run, first())
        first_runs.wait()
        asyncio.run(second())
        second_done.set()
        assert answer.result() == "completed"


def test_a_node_in_a_thread_has_the_services_of_its_run():
    class Sync(BaseWorkflow):
        @node
        def looked_up(self, answer: Any) -> str:
            return str(len(self.services.tools.names))

    workflow = Sync()
    for _ in range(2):
        output = asyncio.run(workflow.execute_typed(question("hello")))
        assert output.status == "completed"


async def test_a_workflow_that_is_dropped_counts_as_a_user_no_longer():
    kept, dropped = BaseWorkflow(), BaseWorkflow()
    await kept.execute_typed(question("one"))
    await dropped.execute_typed(question("two"))
    del dropped
    gc.collect()
    await kept.aclose()
    assert loop_services().opened is None


def test_what_threads_count_at_once_is_counted_in_full():
    def count(_: int) -> None:
        for _ in range(200):
            track_tool_execution("calculator")
            track_llm_call(2, "gpt-4", 1, 1, cost_per_1k_input=1, cost_per_1k_output=1)

    with counted() as growth:
        in_threads(count)
    assert growth("vital_tool_executions_total") == THREADS * 200
    assert growth("vital_llm_calls_total") == THREADS * 200
    assert growth("vital_cost_overall_dollars_total") == pytest.approx(THREADS * 200 * 0.002)


async def test_a_thread_of_a_run_adds_to_its_bill():
    class Counting(BaseWorkflow):
        @node
        def counted(self, answer: Any) -> str:
            track_llm_call(2, "gpt-4", 1000, 0, cost_per_1k_input=1, cost_per_1k_output=1)
            return "counted"

    async with Counting() as workflow:
        output = await workflow.execute_typed(question("hello"))
    assert output.cost.total == 1


UNCLEAN = """
import asyncio, gc, weakref
from vital_shared import BaseWorkflow, WorkflowInput, WorkflowMode
workflow = BaseWorkflow()
loops = []
for _ in range(2):
    loop = asyncio.new_event_loop()
    loops.append(weakref.ref(loop))
    asked = WorkflowInput(query="hello", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")
    print(loop.run_until_complete(workflow.execute_typed(asked)).status)
    loop.close()
for _ in range(3):  # what ends in one pass frees more in the next
    gc.collect()
print(loops[0]() is None)
"""


def test_a_loop_that_is_closed_without_its_generators_is_let_go_with_the_next(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", UNCLEAN],
        env={"VITAL_DATA_DIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["completed", "completed", "True"]
