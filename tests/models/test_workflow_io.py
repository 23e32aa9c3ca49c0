from decimal import Decimal

import pytest
from pydantic import ValidationError

from vital_shared.models.event import EventAdapter, RunFinished, Token
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput

GOOD = {"query": "Why?", "mode": "1", "tenant_id": "tenant-123", "user_id": "user-456"}


@pytest.mark.parametrize("mode", [1, "1", WorkflowMode.MODE_1])
def test_a_mode_is_a_number_its_text_or_itself(mode):
    assert WorkflowInput(**GOOD | {"mode": mode}).mode is WorkflowMode.MODE_1


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"query": ""}, "query"),
        ({"query": " \n\t "}, "query"),
        ({"query": "x" * 10_001}, "query"),
        ({"query": 7}, "query"),
        ({"mode": 5}, "mode"),
        ({"mode": True}, "mode"),
        ({"mode": "MODE_1"}, "mode"),
        ({"mode": None}, "mode"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "a b"}, "tenant_id"),
        ({"tenant_id": "../x"}, "tenant_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"agent_id": "No Such"}, "agent_id"),
        ({"execution": "both"}, "execution"),
        ({"enable_rag": "yes"}, "enable_rag"),
        ({"max_cost_dollars": -1}, "max_cost_dollars"),
        ({"max_cost_dollars": "nan"}, "max_cost_dollars"),
        ({"requested_tools": [{"name": ""}]}, "requested_tools"),
        ({"requested_tools": ["a"] * 17}, "requested_tools"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_bad_input_names_its_field(fields, where):
    with pytest.raises(ValidationError) as caught:
        WorkflowInput(**GOOD | fields)
    assert caught.value.errors()[0]["loc"][0] == where


def test_a_session_goes_with_chat_only():
    assert WorkflowInput(**GOOD | {"mode": 3, "session_id": "s1"}).session_id == "s1"
    with pytest.raises(ValidationError, match="modes 3 and 4"):
        WorkflowInput(**GOOD | {"session_id": "s1"})


def test_a_tool_may_be_asked_for_by_its_bare_name():
    asked = WorkflowInput(**GOOD | {"requested_tools": ["calculator"]}).requested_tools
    assert [(request.name, request.arguments) for request in asked] == [("calculator", None)]


def test_values_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        WorkflowInput(**GOOD).query = "other"


def test_input_and_output_survive_json():
    asked = WorkflowInput(**GOOD | {"requested_tools": ["x"], "max_cost_dollars": Decimal("0.1")})
    assert WorkflowInput.model_validate_json(asked.model_dump_json()) == asked
    output = WorkflowOutput(
        run_id="r",
        status="completed",
        mode=WorkflowMode.MODE_2,
        tenant_id="t",
        agent_id="a",
        degradation_reasons=("no_sources",),
        cost=Cost(llm=Decimal("0.0000001"), tools=Decimal("1.10")),
        timings=Timings(total_seconds=1.5),
    )
    text = output.model_dump_json()
    assert WorkflowOutput.model_validate_json(text) == output
    assert '"total":"1.1000001"' in text
    assert '"is_degraded":true' in text


def test_events_survive_json_and_keep_their_type():
    events = [Token(run_id="r", seq=3, text="Hé\n")]
    events.append(
        RunFinished(
            run_id="r",
            seq=4,
            output=WorkflowOutput(
                run_id="r",
                status="completed",
                mode=WorkflowMode.MODE_1,
                tenant_id="t",
                agent_id="a",
                timings=Timings(total_seconds=1),
            ),
        )
    )
    for event in events:
        assert EventAdapter.validate_json(event.model_dump_json()) == event
