"""The last events of a run for a reader that finds no log of it: the end, and the answer where it may lack some."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.ai_engine.harness import SteppedModel

from ai_engine.runs.last_event import last_frames
from vital_shared.events.encoding import decode, encode
from vital_shared.events.logs import EventLogs
from vital_shared.models.event import Event
from vital_shared.store.run_record import RunRecord
from vital_shared.testing import question, workflow_services
from vital_shared.workflows.base_workflow import BaseWorkflow

NO_LOGS = EventLogs()


class LeftLogs(EventLogs):
    """Logs that have some events of a run whose worker has died."""

    def __init__(self, left: bytes) -> None:
        super().__init__()
        self._left_frames = left

    async def left(self, run_id: str, epoch: int) -> bytes:
        return self._left_frames


@pytest.fixture
async def workflow(tmp_path, model: SteppedModel) -> AsyncIterator[BaseWorkflow]:
    async with workflow_services(tmp_path, models=[model]) as services:
        yield BaseWorkflow(services)


async def finished(workflow: BaseWorkflow, model: SteppedModel) -> tuple[list[Event], RunRecord]:
    model.finish()
    handle = await workflow.begin(question("Why?", model="stepped"))
    await handle.run()
    with handle.log.follow() as follower:
        handle.log.close()
        events = [event async for event in follower]
    return events, await workflow.services.runs.get(handle.run_id, tenant_id="acme")


async def rest(record: RunRecord, after: int) -> list[tuple[str, dict[str, Any]]]:
    return list(decode(await last_frames(NO_LOGS, record, after) or b""))


async def test_the_number_of_the_last_event_is_stored(workflow: BaseWorkflow, model: SteppedModel):
    events, record = await finished(workflow, model)
    assert record.output is not None
    assert record.output.warnings
    assert record.last_seq == events[-1].seq


async def test_a_reader_that_has_the_whole_text_gets_the_end_alone(
    workflow: BaseWorkflow, model: SteppedModel
):
    events, record = await finished(workflow, model)
    text = max(event.seq for event in events if event.type == "token")
    first_warning = min(event.seq for event in events if event.type == "warning")
    assert text < first_warning
    for after in range(first_warning - 1, record.last_seq):
        ((name, end),) = await rest(record, after)
        assert (name, end["seq"]) == ("run_finished", after + 1)


async def test_a_reader_that_may_lack_some_of_the_text_gets_all_of_it(
    workflow: BaseWorkflow, model: SteppedModel
):
    events, record = await finished(workflow, model)
    first_warning = min(event.seq for event in events if event.type == "warning")
    for after in range(1, first_warning - 1):
        (_, voided), (_, token), (last, end) = await rest(record, after)
        assert voided["from_seq"] == 1
        assert [voided["seq"], token["seq"], end["seq"]] == [record.last_seq + 1 + n for n in range(3)]
        assert token["text"] == end["output"]["response"]
        assert last == "run_finished"
        assert [name for name, _ in await rest(record, end["seq"])] == ["run_finished"]


async def test_a_reader_of_all_gets_the_whole_text_where_only_its_beginning_is_left(
    workflow: BaseWorkflow, model: SteppedModel
):
    events, record = await finished(workflow, model)
    left = b"".join(encode(event) for event in events if event.seq <= 3)
    frames = await last_frames(LeftLogs(left), record.model_copy(update={"is_durable": True}), 0)
    names = [name for name, _ in decode(frames or b"")]
    assert names[:3] == [event.type for event in events[:3]]
    assert names[3:] == ["superseded", "token", "run_finished"]


async def test_a_reader_of_a_run_whose_last_number_is_not_known_gets_all_of_its_text(
    workflow: BaseWorkflow, model: SteppedModel
):
    _, record = await finished(workflow, model)
    unknown = record.model_copy(update={"last_seq": 0})
    assert [name for name, _ in await rest(unknown, 100)] == ["superseded", "token", "run_finished"]
    assert [name for name, _ in await rest(unknown, 0)] == ["run_finished"]
