"""The cost of a run: values that are validated, and answers that are written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from vital_shared import BaseWorkflow
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.testing import CannedModel, question, workflow_services

MAX_VALIDATED_VALUES = 35
"""Values of a run that are validated, apart from the words of the model: once there were 66."""


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    made: Counter[str] = Counter()
    validate = BaseModel.__init__

    def count(self: BaseModel, /, **fields: object) -> None:
        made[type(self).__name__] += 1
        validate(self, **fields)

    monkeypatch.setattr(BaseModel, "__init__", count)
    return made


async def test_a_run_validates_few_values_and_none_of_its_events(tmp_path, validated):
    async with workflow_services(tmp_path, models=[CannedModel("One two three four.")]) as services:
        workflow = BaseWorkflow(services)
        asked = {"model": "canned", "enable_rag": False, "enable_tools": False}
        await workflow.execute_typed(question("What is opened with the first run?", **asked))
        validated.clear()
        await workflow.execute_typed(question("How long does it take?", **asked))
    assert validated.pop("TextDelta", 0) in (0, 4)  # the model's own
    assert not {name for name in validated if name in {"Token", "NodeStarted", "NodeFinished", "NodeTiming"}}
    assert validated.total() <= MAX_VALIDATED_VALUES, validated


async def test_an_answer_is_written_as_json_once(tmp_path, monkeypatch):
    written: list[str] = []
    write = WorkflowOutput.model_dump_json

    def count(self: WorkflowOutput, **options: object) -> str:
        written.append(self.run_id)
        return write(self, **options)

    async with workflow_services(tmp_path, models=[CannedModel()]) as services:
        monkeypatch.setattr(WorkflowOutput, "model_dump_json", count)
        output = await BaseWorkflow(services).execute_typed(
            question("How long?", model="canned", enable_rag=False)
        )
    assert written == [output.run_id]
