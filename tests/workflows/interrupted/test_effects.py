"""Effects that a worker had begun when it died are not repeated: the run asks, or fails, as it is declared."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.workflows.interrupted.world import cut_off, go_on, over_a_takeover, record, world

from vital_shared import Workflow, node
from vital_shared.errors import InvalidRequest
from vital_shared.graph import PlanError
from vital_shared.models.event import InputRequired
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.tools.base import ToolContext, tool
from vital_shared.tools.registry import ToolRegistry
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.declared import check_values
from vital_shared.workflows.services import Services


class Mailing(Workflow):
    durable = "nodes"

    @node
    async def draft(self, query: str) -> str:
        return f"About {query}"

    @node(effects=True)
    async def receipt(self, draft: str) -> int:
        world.sent.append(draft)
        world.begun.set()
        await world.gate.wait()
        return len(world.sent)

    @node
    async def answer(self, receipt: int) -> str:
        return f"Receipt {receipt}"


class Paying(Workflow):
    durable = "nodes"

    @node(effects=True, if_interrupted="fail")
    async def answer(self, query: str) -> str:
        world.sent.append(query)
        world.begun.set()
        await world.gate.wait()
        return "paid"


async def test_the_run_asks_whether_it_happened(dead_and_alive: tuple[Services, Services]) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Mailing)
    handle = await go_on(alive, Mailing)
    assert world.sent == ["About bees"]
    events = [handle.log.event(seq) for seq in range(1, handle.log.last_seq + 1)]
    (asked,) = [event for event in events if isinstance(event, InputRequired)]
    paused = await record(alive, run_id)
    assert paused.status == "awaiting_approval"
    assert isinstance(paused.output, WorkflowOutput)
    (required,) = paused.output.required_input
    assert required == asked.input
    assert (required.name, required.value["interrupted"]) == ("receipt", "receipt")
    decisions = [choice["properties"]["decision"]["const"] for choice in required.answer_schema["oneOf"]]
    assert decisions == ["done", "repeat", "give_up"]
    assert required.answer_schema["oneOf"][0]["properties"]["value"] == {"type": "integer"}


@pytest.mark.parametrize(
    ("decision", "response", "sent"),
    [
        ({"decision": "done", "value": 41}, "Receipt 41", 1),
        ({"decision": "repeat"}, "Receipt 2", 2),
    ],
)
async def test_the_run_goes_on_as_is_decided(
    dead_and_alive: tuple[Services, Services], decision: dict[str, Any], response: str, sent: int
) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Mailing)
    await go_on(alive, Mailing)
    world.gate.set()
    output = await Mailing(alive).resume(run_id, answers={"receipt": decision})
    assert output.response == response
    assert len(world.sent) == sent
    (stored,) = await alive.runs.decisions(run_id)
    assert (stored.subject, stored.answer) == ("receipt", decision)


async def test_an_effect_that_is_given_up_fails_the_run(dead_and_alive: tuple[Services, Services]) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Mailing)
    await go_on(alive, Mailing)
    with pytest.raises(Exception, match="was given up"):
        await Mailing(alive).resume(run_id, answers={"receipt": {"decision": "give_up"}})
    failed = await record(alive, run_id)
    assert (failed.status, failed.error_type) == ("failed", "interrupted")
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [41, {"decision": "perhaps"}, {"decision": "done", "value": "x"}, {"decision": "repeat", "value": 1}],
)
async def test_what_is_no_decision_is_refused_and_the_run_waits_on(
    dead_and_alive: tuple[Services, Services], answer: object
) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Mailing)
    await go_on(alive, Mailing)
    with pytest.raises(InvalidRequest):
        await Mailing(alive).resume(run_id, answers={"receipt": answer})
    assert (await record(alive, run_id)).status == "awaiting_approval"


async def test_a_declared_failure_fails_the_run(dead_and_alive: tuple[Services, Services]) -> None:
    failed = await over_a_takeover(dead_and_alive, Paying)
    assert (failed.status, failed.error_type, failed.error_node) == ("failed", "interrupted", "answer")
    assert "may have happened" in (failed.error_message or "")
    assert world.sent == ["bees"]


async def test_an_effect_that_has_finished_is_neither_asked_about_nor_repeated(
    dead_and_alive: tuple[Services, Services],
) -> None:
    class Reporting(Mailing):
        @node
        async def answer(self, receipt: int) -> str:
            world.begun.set()
            await world.gate.wait()
            return f"Receipt {receipt}"

        @node(effects=True)
        async def receipt(self, draft: str) -> int:
            world.sent.append(draft)
            return len(world.sent)

    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Reporting)
    world.gate.set()
    await go_on(alive, Reporting)
    ended = await record(alive, run_id)
    assert ended.output is not None
    assert ended.output.response == "Receipt 1"
    assert len(world.sent) == 1


async def test_a_decision_outlives_the_next_worker_too(open_services: Any) -> None:
    first, second, third = [await open_services() for _ in range(3)]
    run_id = await cut_off(first, Mailing)
    await go_on(second, Mailing)
    world.begun.clear()
    handle = await Mailing(second).begin_resumed(
        run_id, Decision(answers={"receipt": {"decision": "repeat"}})
    )
    running = asyncio.create_task(handle.run())
    await world.begun.wait()  # it is repeated, and this worker dies, too
    handle.hand_over()
    await asyncio.wait([running])
    await second.lease.aclose(gives_up=True)
    await go_on(third, Mailing)
    assert (await record(third, run_id)).status == "awaiting_approval"
    assert len(world.sent) == 2


def test_an_effect_whose_value_cannot_be_stored_is_an_error_at_definition() -> None:
    with pytest.raises(PlanError, match="has effects in a durable workflow, and its value cannot be stored"):

        class Untyped(Workflow):
            durable = "nodes"

            @node(effects=True)
            async def answer(self, query: str):  # type: ignore[no-untyped-def]
                return query

    class Undurable(Workflow):
        @node(effects=True)
        async def answer(self, query: str):  # type: ignore[no-untyped-def]
            return query

    with pytest.raises(PlanError, match="its value cannot be stored"):  # made durable by the configuration
        check_values(Undurable.plan, "nodes")


class Tooled(Workflow):
    """Calls two tools in a node, one of which may change something."""

    durable = "nodes"

    @node
    async def answer(self, query: str, run_id: str) -> str:
        @tool()
        async def order(item: str) -> str:
            """Order something."""
            world.sent.append(item)
            return "ordered"

        @tool(read_only=True)
        async def stock(item: str) -> str:
            """Look how many there are."""
            world.looked += 1
            world.begun.set()
            await world.gate.wait()
            return "plenty"

        tools, context = ToolRegistry([order, stock]), ToolContext(tenant_id="acme", run_id=run_id)
        made = [await tools.run(call(name, item=query), context) for name in ("order", "stock")]
        return "; ".join(result.content or result.error or "" for result in made)


def call(name: str, **arguments: str) -> ToolCall:
    return ToolCall(id=name, name=name, arguments=arguments, reason="?")


async def test_a_tool_that_may_change_something_is_not_called_again_by_the_next_worker(
    dead_and_alive: tuple[Services, Services],
) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Tooled)
    world.gate.set()
    await go_on(alive, Tooled)
    ended = await record(alive, run_id)
    assert ended.output is not None
    assert "died before it knew the result" in ended.output.response
    assert ended.output.response.endswith("plenty")
    assert (world.sent, world.looked) == (["bees"], 2)
