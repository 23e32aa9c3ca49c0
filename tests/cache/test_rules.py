"""What may be cached, and under which key."""

import pytest

from vital_shared.cache.rules import is_cacheable, key_of, normalised
from vital_shared.models.agent import AgentProfile
from vital_shared.models.tool import ToolResult
from vital_shared.models.workflow_io import Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.testing import question

AGENT = AgentProfile(id="generalist", name="Generalist", system_prompt="Answer.")
KNOWN = {"workflow": "a.B", "plan": "1", "prompts": ("answer@1",), "knowledge": 7, "epoch": 0}


def key(asked: WorkflowInput, agent: AgentProfile = AGENT, **changed) -> str | None:
    return key_of(asked, agent, **KNOWN | changed)


ASKED = question("How long is the review?")


@pytest.mark.parametrize(
    "same",
    [
        question("  how long is\tTHE review? "),
        question("How long is the review?", user_id="bob", metadata={"page": 3}),
        question("How long is the review?", execution="sequential", max_cost_dollars="1"),
    ],
)
def test_what_changes_no_answer_changes_no_key(same):
    assert key(same) == key(ASKED)


@pytest.mark.parametrize(
    "other",
    [
        question("How long was the review?"),
        question("How long is the review?", tenant_id="globex"),
        question("How long is the review?", mode="1"),
        question("How long is the review?", model="openai:gpt"),
        question("How long is the review?", enable_rag=False),
        question("How long is the review?", enable_tools=False),
        question("How long is the review?", requested_tools=["calculator"]),
    ],
)
def test_what_may_change_an_answer_changes_the_key(other):
    assert key(other) != key(ASKED)


@pytest.mark.parametrize(
    "changed",
    [{"workflow": "a.C"}, {"plan": "2"}, {"prompts": ("answer@2",)}, {"knowledge": 8}, {"epoch": 1}],
)
def test_a_change_of_the_parts_changes_the_key(changed):
    assert key(ASKED, **changed) != key(ASKED)


def test_a_change_of_the_agent_changes_the_key():
    assert key(ASKED, AGENT.model_copy(update={"system_prompt": "Answer well."})) != key(ASKED)


@pytest.mark.parametrize("mode", ["3", "4"])
def test_conversations_have_no_key(mode):
    assert key(question("How long?", mode=mode)) is None


def test_a_question_is_the_same_in_any_spelling():
    assert normalised("\uff37hat  is\na ５１０(k)?") == normalised("what is a 510(K)?")  # noqa: RUF001 - full width


def answer(**changed) -> WorkflowOutput:
    known = {
        "run_id": "run_1",
        "status": "completed",
        "mode": WorkflowMode.MODE_2,
        "tenant_id": "acme",
        "agent_id": "generalist",
        "response": "It takes 90 days.",
        "timings": Timings(total_seconds=1),
    }
    return WorkflowOutput(**known | changed)


def result(name: str) -> ToolResult:
    return ToolResult(
        id="1", name=name, arguments={}, status="success", content="4", duration_seconds=0.1, cost_dollars=0
    )


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (answer(), True),
        (answer(quality_score=0.8), True),
        (answer(quality_score=0.79), False),
        (answer(mode=WorkflowMode.MODE_1), True),
        (answer(mode=WorkflowMode.MODE_4), False),
        (answer(status="awaiting_approval"), False),
        (answer(response=""), False),
    ],
)
def test_only_good_whole_answers_of_single_questions_are_kept(output, kept):
    assert is_cacheable(output, (), resumed=False) == kept


def test_what_a_person_has_decided_on_is_not_kept():
    assert not is_cacheable(answer(), (), resumed=True)
