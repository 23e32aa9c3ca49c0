"""Answers to a paused workflow are checked before it goes on."""

import pytest

from vital_shared.errors import InvalidRequest
from vital_shared.graph import Pause, node
from vital_shared.models.answer import Answer
from vital_shared.testing import question
from vital_shared.workflows.base_workflow import BaseWorkflow


class Asks(BaseWorkflow):
    @node(pauses=True)
    async def colour(self, query: str) -> str:
        raise Pause("Which colour?")

    @node
    async def painted(self, colour: str, answer: Answer) -> str:
        return colour


@pytest.mark.parametrize(
    "answers", [{}, {"colour": 7}, {"colour": "red", "size": 3}, {"colour": "red", "approved_tools": ()}]
)
async def test_answers_that_do_not_fit_are_refused_and_the_run_waits_on(services, answers):
    workflow = Asks(services)
    paused = await workflow.execute_typed(question("How long?", model="canned"))
    with pytest.raises(InvalidRequest) as raised:
        await workflow.resume(paused.run_id, answers=answers)
    assert raised.value.field.startswith("answers")
    output = await workflow.resume(paused.run_id, answers={"colour": "red"})
    assert output.status == "completed"
