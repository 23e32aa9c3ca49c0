"""AG-UI: what a node waits for is an interrupt with its value and schema; calls are edited, denied with a reason."""

import pytest
from ag_ui.core import EventType
from tests.ai_engine.api.test_agui import asked, of, post
from tests.ai_engine.api.test_resume import reviewed
from tests.ai_engine.harness import SUM, Serve, Service


@pytest.fixture
async def reviewing(serve: Serve) -> Service:
    return await serve(settings={"workflow": reviewed()})


def resolved(interrupt, payload) -> dict:
    return {"interruptId": interrupt.id, "status": "resolved", "payload": payload}


async def test_input_is_an_interrupt_with_value_and_schema_and_the_payload_answers_it(
    reviewing: Service,
) -> None:
    paused = await post(reviewing, asked("A draft."), mode="2", agent_id="generalist")
    waiting = {each.metadata["vital"]["name"]: each for each in paused[-1].outcome.interrupts}
    assert {each.reason for each in waiting.values()} == {"input_required"}
    assert waiting["colour"].message == "Which colour?"
    assert waiting["colour"].response_schema == {"type": "string"}
    assert waiting["review"].metadata["vital"]["value"] == {"draft": "A draft."}
    assert waiting["review"].response_schema["required"] == ["verdict"]
    right = [resolved(waiting["colour"], "red"), resolved(waiting["review"], {"verdict": "yes", "score": 2})]
    wrong = {
        "one is missing": right[:1],
        "a wrong type": [resolved(waiting["colour"], 5), right[1]],
        "cancelled": [{"interruptId": waiting["colour"].id, "status": "cancelled"}, right[1]],
    }
    for name, resume in wrong.items():
        (error,) = await post(reviewing, asked("A draft.", run_id="run-2", resume=resume))
        assert error.type == EventType.RUN_ERROR, name
    resumed = await post(reviewing, asked("A draft.", run_id="run-3", resume=right))
    assert resumed[-1].result["response"] == "yes 2 red"
    decisions = await reviewing.services.runs.decisions(resumed[-1].result["run_id"])
    assert sorted(each.subject for each in decisions) == ["colour", "review"]


async def test_a_call_is_edited_and_the_client_learns_of_it(service: Service) -> None:
    paused = await post(service, asked(SUM), mode="1", agent_id="generalist")
    (interrupt,) = paused[-1].outcome.interrupts
    (wrong,) = await post(
        service, asked(SUM, resume=[resolved(interrupt, {"approved": True, "arguments": {"expression": 5}})])
    )
    assert wrong.type == EventType.RUN_ERROR
    answer = resolved(interrupt, {"approved": True, "arguments": {"expression": "6 * 7"}})
    resumed = await post(service, asked(SUM, run_id="run-2", resume=[answer]))
    (edited,) = (event.value for event in of(resumed, EventType.CUSTOM) if event.name == "tool_call_edited")
    assert edited == {
        "tool_call_id": interrupt.tool_call_id,
        "name": "calculator",
        "arguments": {"expression": "6 * 7"},
    }
    (result,) = of(resumed, EventType.TOOL_CALL_RESULT)
    assert (result.tool_call_id, result.content) == (interrupt.tool_call_id, "6 * 7 = 42")


async def test_a_denial_has_its_reason(service: Service) -> None:
    paused = await post(service, asked(SUM), mode="1", agent_id="generalist")
    (interrupt,) = paused[-1].outcome.interrupts
    answer = resolved(interrupt, {"approved": False, "reason": "I know it."})
    resumed = await post(service, asked(SUM, run_id="run-2", resume=[answer]))
    (result,) = resumed[-1].result["tool_results"]
    assert (result["status"], result["error"]) == ("denied", "the user did not approve it: I know it.")
