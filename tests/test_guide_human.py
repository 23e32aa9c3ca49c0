"""The guide's workflows of one's own that stream, and that wait for a person, do what it says."""

from tests.test_guide import blocks

from ai_engine.api.resumption import ResumeRequest
from vital_shared.models.event import NodeYielded, Token
from vital_shared.testing import CannedModel, question, workflow_services


def defined(name: str) -> type:
    """Run the block of the guide that defines a class."""
    (code,) = (block for block in blocks("python") if f"class {name}(" in block)
    names: dict = {"__name__": __name__}
    exec(code, names)
    return names[name]


async def test_the_report_streams_its_outline_and_its_text(tmp_path):
    async with workflow_services(tmp_path) as services:
        asked = question("Report.", mode="2", enable_rag=False, enable_tools=False)
        events = [event async for event in defined("Report")(services).execute_stream(asked)]
    outline = [event.value["heading"] for event in events if isinstance(event, NodeYielded)]
    assert outline == ["Scope", "Findings"]
    assert [event.text for event in events if isinstance(event, Token)] == ["# Scope\n", "# Findings\n"]


async def test_the_editorial_waits_for_its_verdict_and_goes_on_with_it(tmp_path):
    async with workflow_services(tmp_path, models=[CannedModel()]) as services:
        workflow = defined("Editorial")(services)
        paused = await workflow.execute_typed(question("Is it so?", model="canned"))
        (waiting,) = paused.required_input
        assert waiting.value == {"draft": paused.response}
        assert set(waiting.answer_schema["properties"]) == {"publish", "note"}
        output = await workflow.resume(paused.run_id, answers={"verdict": {"publish": False, "note": "thin"}})
        assert output.values["published"] == "Held back: thin"


def test_the_body_of_a_resumption_is_right():
    (text,) = (block for block in blocks("json") if "edited" in block)
    request = ResumeRequest.model_validate_json(text)
    assert (request.edited, request.user_id) == ({"call-2": {"expression": "6 * 7"}}, "ann")
