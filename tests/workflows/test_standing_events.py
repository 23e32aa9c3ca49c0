"""The events of a run that count when another worker goes on with it: readers are left with one answer."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.events.owners import Owners, Reader, over_files

from vital_shared import Done, Workflow, node
from vital_shared.events.memory import MemoryLog
from vital_shared.graph import Span
from vital_shared.models.event import (
    Event,
    NodeFinished,
    NodeYielded,
    Retrieval,
    RunFailedEvent,
    RunPaused,
    RunStarted,
    Superseded,
    Token,
    ToolFinished,
    ToolStarted,
)
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import Timings, WorkflowMode, WorkflowOutput
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.standing_events import restore_standing


class Research(Workflow):
    """Search and draft at the same time, then answer."""

    @node
    async def rag_retrieval(self, query: str) -> str:
        return query

    @node
    async def draft(self, query: str) -> AsyncIterator[str | Done[str]]:
        yield query
        yield Done(query)

    @node
    async def answer(self, rag_retrieval: str, draft: str) -> AsyncIterator[str | Done[str]]:
        yield draft
        yield Done(draft)


PLAN = Research.plan
WAITING = WorkflowOutput(
    run_id="run_1",
    status="awaiting_approval",
    mode=WorkflowMode.MODE_1,
    tenant_id="acme",
    agent_id="expert",
    response="",
    timings=Timings(total_seconds=1.5),
)
ALL = {"rag_retrieval", "draft", "answer"}
CALL = ToolCall(id="c1", name="calculator", arguments={}, reason="", cost_dollars=Decimal(0))


class Owner:
    """The part of a worker that writes events."""

    def __init__(self, log: MemoryLog, kept: set[str] | None = None) -> None:
        self.log = log
        spans = [Span(name, "success", 0.0, 1.0) for name in sorted(kept or ())]
        standing = None if kept is None else restore_standing(log, PLAN, kept, spans)
        self.stream = RunEvents(log, standing=standing)
        self.stream.announce(WorkflowMode.MODE_2, resumed=False)

    def start(self, name: str) -> None:
        self.stream.node_started(None, PLAN.node(name))

    def finish(self, name: str) -> None:
        self.stream.node_finished(None, PLAN.node(name), "success", 1.0, None)

    def emit(self, make, **fields) -> None:
        self.stream.emit(make, **fields)


def taken_over(log: MemoryLog, *kept: str) -> Owner:
    log.begin_epoch(log.epoch + 1)
    return Owner(log, set(kept))


def events_of(log: MemoryLog) -> list[Event]:
    return [log.event(seq) for seq in range(log.first_seq, log.last_seq + 1)]


def counting(log: MemoryLog) -> list[Event]:
    """Return the events of a reader that drops the void ones."""
    left: list[Event] = []
    for event in events_of(log):
        if isinstance(event, Superseded):
            left = [each for each in left if each.seq < event.from_seq]
        else:
            left.append(event)
    return left


def shown(log: MemoryLog) -> list[str]:
    return [
        f"{event.type} {getattr(event, 'node', None) or getattr(event, 'text', '')}".strip()
        for event in counting(log)
    ]


def begun() -> Owner:
    owner = Owner(MemoryLog("run_1"))
    for name in ("rag_retrieval", "draft"):
        owner.start(name)
        owner.finish(name)
    owner.start("answer")
    return owner


def test_text_of_a_node_that_runs_again_is_void():
    owner = begun()
    owner.stream.emit_text("The first")
    new = taken_over(owner.log, "rag_retrieval", "draft")
    (void,) = [event for event in events_of(new.log) if isinstance(event, Superseded)]
    assert void.from_seq == 7
    new.start("answer")
    new.stream.emit_text("The second")
    new.finish("answer")
    assert shown(new.log) == [
        "run_started",
        "node_started rag_retrieval",
        "node_finished rag_retrieval",
        "node_started draft",
        "node_finished draft",
        "node_started answer",
        "token The second",
        "node_finished answer",
    ]


def test_a_run_of_which_nothing_is_void_goes_on_as_if_nothing_had_happened():
    owner = begun()
    before = events_of(owner.log)
    new = taken_over(owner.log, "rag_retrieval")
    for name in ("draft", "answer"):
        new.start(name)
        new.finish(name)
    assert events_of(new.log)[: len(before)] == before
    assert [event.type for event in events_of(new.log)[len(before) :]] == ["node_finished"]


def test_what_counts_behind_something_void_is_written_again():
    owner = Owner(MemoryLog("run_1"))
    owner.start("rag_retrieval")
    owner.start("draft")
    owner.emit(NodeYielded, node="draft", value="half a dra")
    owner.emit(Retrieval, source="memory", status="success", documents=3, duration_seconds=0.1)
    owner.finish("rag_retrieval")
    new = taken_over(owner.log, "rag_retrieval")
    new.start("draft")
    new.emit(NodeYielded, node="draft", value="a draft")
    new.finish("draft")
    assert [event.type for event in counting(new.log)] == [
        "run_started",
        "node_started",
        "node_started",
        "retrieval",
        "node_finished",
        "node_yielded",
        "node_finished",
    ]
    assert [event.value for event in counting(new.log) if isinstance(event, NodeYielded)] == ["a draft"]


def test_calls_of_a_node_that_runs_again_are_void_with_their_results():
    owner = begun()
    owner.emit(ToolStarted, tool=CALL)
    result = ToolResult(
        id="c1", name="calculator", arguments={}, status="success", content="42", duration_seconds=0.1
    )
    owner.emit(ToolFinished, result=result)
    new = taken_over(owner.log, "rag_retrieval", "draft")
    assert not [event for event in counting(new.log) if isinstance(event, ToolStarted | ToolFinished)]


def test_the_end_of_a_node_that_was_stored_but_not_seen_is_made_good():
    owner = begun()
    owner.stream.emit_text("All of it")
    new = taken_over(owner.log, *ALL)
    new.stream.finish_text("All of it")
    assert not [event for event in events_of(new.log) if isinstance(event, Superseded)]
    assert shown(new.log)[-2:] == ["token All of it", "node_finished answer"]


def test_the_rest_of_an_answer_that_was_stored_but_not_streamed_is_streamed():
    owner = begun()
    owner.stream.emit_text("All of")
    new = taken_over(owner.log, *ALL)
    new.stream.finish_text("All of it")
    assert "".join(event.text for event in counting(new.log) if isinstance(event, Token)) == "All of it"


def test_text_that_is_no_beginning_of_the_stored_answer_is_void():
    owner = begun()
    owner.stream.emit_text("Withdrawn")
    new = taken_over(owner.log, *ALL)
    new.stream.finish_text("The answer")
    assert [event.text for event in counting(new.log) if isinstance(event, Token)] == ["The answer"]
    assert NodeFinished in map(type, counting(new.log))


def test_what_came_before_a_pause_stays():
    owner = begun()
    owner.stream.emit_text("Before.")
    owner.emit(RunPaused, output=WAITING)
    owner.log.reopen(owner.log.last_seq, 1)
    owner.emit(RunStarted, mode=WorkflowMode.MODE_2, resumed=True)
    before = events_of(owner.log)
    new = taken_over(owner.log)
    assert events_of(new.log) == before


def test_a_resumption_that_nobody_has_seen_is_announced():
    owner = begun()
    owner.emit(RunPaused, output=WAITING)
    new = taken_over(owner.log)
    assert events_of(new.log)[-1] == RunStarted(
        run_id="run_1", seq=new.log.last_seq, epoch=1, mode=WorkflowMode.MODE_2, resumed=True
    )


def test_a_log_whose_events_may_be_lost_begins_again_and_voids_all():
    log = MemoryLog("run_1")
    log.begin_epoch(2, last_seq=2_000_000)
    new = Owner(log, set())
    assert [(event.seq, event.type) for event in events_of(new.log)] == [
        (2_000_001, "superseded"),
        (2_000_002, "run_started"),
    ]
    assert events_of(new.log)[0].from_seq == 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("work"), st.integers(1, 6)),
        st.tuples(st.just("join"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.002])),
        st.tuples(st.just("kill"), st.integers(0, 900), st.booleans()),
    ),
    max_size=12,
)


class Script:
    """The events of a worker, one after the other; its answer differs in each epoch."""

    def __init__(self, owner: Owner, kept: set[str]) -> None:
        self.owner = owner
        self.kept = kept
        self.answer = ""
        self._steps = self._events()

    def work(self, events: int) -> None:
        for _ in range(events):
            if next(self._steps, None) is None:
                return

    def finish(self) -> None:
        for _ in self._steps:
            pass

    def _events(self):
        owner = self.owner
        for name in ("rag_retrieval", "draft"):
            if name not in self.kept:
                yield owner.start(name) or True
                yield owner.emit(NodeYielded, node=name, value=f"{name} {owner.log.epoch}") or True
                yield owner.finish(name) or True
                self.kept.add(name)
        yield owner.start("answer") or True
        for piece in range(4):
            text = f"{owner.log.epoch}.{piece} "
            self.answer += text
            yield owner.stream.emit_text(text) or True
        yield owner.finish("answer") or True


async def play(owners: Owners, moves) -> tuple[list[Reader], str, set[str]]:
    readers: list[Reader] = []
    script = Script(Owner(await owners.begin()), set())
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for name, *values in moves:
            match name:
                case "work":
                    script.work(values[0])
                case "join" if len(readers) < 3:
                    readers.append(Reader(owners, min(values[0], owners.log.readable_seq)))
                    tasks.create_task(readers[-1].read())
                case "wait":
                    await asyncio.sleep(values[0])
                case "kill":
                    await owners.kill(values[0])
                    kept = script.kept if values[1] else set()
                    script = Script(Owner(await owners.take_over(), set(kept)), set(kept))
        script.finish()
        readers.append(Reader(owners, 0))
        tasks.create_task(readers[-1].read())
        script.owner.emit(RunFailedEvent, error_type="model", message="")
        owners.log.close()
    return readers, script.answer, ALL


@given(moves=steps)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_happens_the_text_that_counts_is_the_final_answer(moves):
    async def run(folder: str) -> None:
        async with over_files(Path(folder), "") as owners:
            readers, answer, nodes = await play(owners, moves)
            for reader in readers:
                assert reader.numbers == list(range(reader.after + 1, owners.log.last_seq + 1))
            whole = readers[-1].counting()
            assert "".join(event["text"] for event in whole if event["type"] == "token") == answer
            for kind in ("node_started", "node_finished", "node_yielded"):
                of = [event["node"] for event in whole if event["type"] == kind]
                assert len(of) == len(set(of)), (kind, of)
            assert {event["node"] for event in whole if event["type"] == "node_finished"} == nodes

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))
