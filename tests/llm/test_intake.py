"""What comes of a model is bounded and clean before anybody sees it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.base import ModelFailed, ModelToolCall, ModelTurn, ReasoningDelta, TextDelta, Usage
from vital_shared.llm.intake import (
    MAX_CHARACTERS,
    MAX_TOOL_CALLS,
    MIN_CHARACTERS,
    PIECE_CHARACTERS,
    Intake,
)
from vital_shared.llm.tool_arguments import argument_problem, arguments_text
from vital_shared.models.clean_text import clean_text


def taken(event, intake=None):
    return list((intake or Intake("m", None)).take(event))


def nested(depth, value=1):
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("kind", [TextDelta, ReasoningDelta])
def test_an_answer_is_no_longer_than_a_multiple_of_what_was_asked_for(kind):
    intake = Intake("m", max_output_tokens=1_000)
    assert taken(kind(text="x" * 16_000), intake)
    with pytest.raises(ModelFailed, match="longer"):
        taken(kind(text="x"), intake)


def test_a_short_answer_has_some_room():
    assert taken(TextDelta(text="x" * MIN_CHARACTERS), Intake("m", max_output_tokens=1))


def test_no_answer_is_longer_than_any_model_writes():
    with pytest.raises(ModelFailed, match="longer"):
        taken(TextDelta(text="x" * (MAX_CHARACTERS + 1)), Intake("m", max_output_tokens=10**9))


def test_an_endless_row_of_empty_pieces_ends():
    intake, empty = Intake("m", max_output_tokens=1), TextDelta(text="")
    for _ in range(MIN_CHARACTERS):
        assert taken(empty, intake) == [empty]
    with pytest.raises(ModelFailed):
        taken(empty, intake)


def test_a_long_piece_comes_in_several():
    text = "x" * (2 * PIECE_CHARACTERS + 1)
    pieces = taken(TextDelta(text=text))
    assert "".join(piece.text for piece in pieces) == text
    assert [len(piece.text) for piece in pieces] == [PIECE_CHARACTERS, PIECE_CHARACTERS, 1]


def test_a_usual_piece_is_passed_on_as_it_is():
    event = TextDelta(text="naïve 😀")
    assert taken(event)[0] is event


def test_more_than_so_many_tool_calls_are_left_out():
    intake = Intake("m", None)
    call = ModelToolCall(id="1", name="echo", arguments={})
    for _ in range(MAX_TOOL_CALLS):
        assert taken(call, intake) == [call]
    assert taken(call, intake) == []
    (turn,) = taken(ModelTurn(calls=(call,) * (MAX_TOOL_CALLS + 1), wire="w", native=[1]))
    assert turn == ModelTurn(calls=(call,) * MAX_TOOL_CALLS)


def test_counts_that_no_call_can_have_are_left_out():
    usage = Usage(input_tokens=5, output_tokens=7)
    assert taken(usage) == [usage]
    assert taken(Usage.model_construct(input_tokens=-5, output_tokens=10**30)) == []


@pytest.mark.parametrize("event", [None, 42, "text"])
def test_what_is_no_event_fails_the_call(event):
    with pytest.raises(ModelFailed, match="no event"):
        taken(event)


ODD_ARGUMENTS = {
    "nested": nested(1_000),
    "very nested": nested(100_000),
    "a huge number": {"a": 10**400},
    "not a number": {"a": float("nan")},
    "infinity": {"a": [float("-inf")]},
    "half of a surrogate pair": {"a": "\ud800"},
    "a key of half a pair": {"\udc00": 1},
    "NUL": {"a": "\0"},
    "a long text": {"a": "x" * 200_000},
    "many values": {"a": [0] * 20_000},
    "many lists": {"a": [[[]] * 100] * 200},
    "no JSON": {"a": {1, 2}},
}


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS)
def test_odd_arguments_are_taken_away_and_named(arguments):
    call = ModelToolCall(id="1", name="echo", arguments=arguments)
    (passed,) = taken(call)
    assert (passed.id, passed.name, passed.arguments) == ("1", "echo", {})
    assert passed.problem
    (turn,) = taken(ModelTurn(text="Wait.", calls=(call,), wire="w", native=[arguments]))
    assert turn == ModelTurn(text="Wait.", calls=(passed,))


def test_usual_arguments_and_turns_stay_as_they_are():
    call = ModelToolCall(id="1", name="echo", arguments={"a": [1, 2.5, None, True, "é"], "b": {"c": ()}})
    turn = ModelTurn(calls=(call,), wire="w", native={"signature": "x"})
    assert taken(call)[0] is call
    assert taken(turn)[0] is turn


def test_odd_names_are_cut_and_cleaned():
    (call,) = taken(ModelToolCall(id="\0" * 500, name="\ud800" * 500, arguments={}))
    assert len(call.id) == len(call.name) == 256
    assert clean_text(call.id + call.name) == call.id + call.name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.thorough
@given(st.dictionaries(st.text(), JSON))
def test_arguments_without_a_problem_can_be_sent(arguments):
    if argument_problem(arguments) is None:
        assert orjson.loads(orjson.dumps(arguments)) == arguments


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_is_utf_8_without_nul_and_leaves_what_is_clean(text):
    cleaned = clean_text(text)
    assert "\0" not in cleaned.encode().decode()
    assert clean_text(cleaned) == cleaned
    if not any("\ud800" <= char <= "\udfff" or char == "\0" for char in text):
        assert cleaned == text


def test_halves_that_belong_together_are_joined():
    assert clean_text("a\ud83d\ude00b\ud83d") == "a😀b\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS)
def test_odd_arguments_have_no_text(arguments):
    assert arguments_text(arguments) == ""


def test_arguments_are_written_as_json():
    assert arguments_text({"a": [1, "é"]}) == '{"a":[1,"é"]}'
