"""Text that turns out to be reasoning is no part of the answer, though a reader of the stream has seen it."""

from tests.workflows.conftest import Open

from vital_shared.llm.base import Stop, TextDelta, TextWithdrawn, Usage
from vital_shared.testing import ScriptedModel, asks_for, question
from vital_shared.workflows.base_workflow import BaseWorkflow

USAGE = Usage(input_tokens=10, output_tokens=5)
ANSWER = (
    TextDelta(text="A secret plan."),
    TextWithdrawn(),
    TextDelta(text="It takes 42 days."),
    USAGE,
    Stop(reason="end"),
)


class WithoutTools(ScriptedModel):
    calls_tools = False


async def test_withdrawn_text_is_not_in_the_answer(open_services: Open):
    services = await open_services(models=[WithoutTools(ANSWER)])
    output = await BaseWorkflow(services).execute_typed(question("How long?", model="scripted"))
    assert (output.response, output.ending) == ("It takes 42 days.", "whole")


async def test_what_was_said_before_the_tools_ran_stays(open_services: Open):
    first = (TextDelta(text="Let me see."), *asks_for("calculator", expression="6 * 7"))
    services = await open_services(models=[ScriptedModel((USAGE, Stop(reason="end")), first, ANSWER)])
    output = await BaseWorkflow(services).execute_typed(question("What is 6 * 7?", model="scripted"))
    assert output.response == "Let me see.\n\nIt takes 42 days."
