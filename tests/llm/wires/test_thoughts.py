"""Thoughts between tags are reasoning, however the text is cut, and no text is lost or held back for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.base import ReasoningDelta, TextDelta, TextWithdrawn
from vital_shared.llm.wires.thoughts import ThoughtSplitter


def split(*pieces, begins_thinking=False, is_cut_off=False):
    """Return the text and the reasoning of pieces."""
    splitter = ThoughtSplitter(begins_thinking=begins_thinking)
    events = [event for piece in pieces for event in splitter.feed(piece)] + splitter.end(
        is_cut_off=is_cut_off
    )
    text, reasoning = "", ""
    for event in events:
        if isinstance(event, TextWithdrawn):
            text = ""
        elif isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ReasoningDelta):
            reasoning += event.text
    assert text == "".join(splitter.written)
    return text, reasoning


CASES = [
    ("<think>plan</think>90 days.", "90 days.", "plan"),
    ("\n<think>\nplan\n</think>\n\n90 days.", "90 days.", "\nplan\n"),
    ("<THINK>plan</Think>90 days.", "90 days.", "plan"),
    ("<thinking>plan</thinking>90 days.", "90 days.", "plan"),
    ("<think></think>90 days.", "90 days.", ""),
    ("<think>a</think>One.\n<think>b</think> Two.", "One.\nTwo.", "ab"),
    ("<think>a<think>b</think>c</think>90 days.", "90 days.", "abc"),
    ("<think>a<think>b</think> 90 days.", " 90 days.", "ab 90 days."),
    ("A secret plan.\n</think>\n\n90 days.", "90 days.", ""),
    ("<think>plan without an end", "", "plan without an end"),
    ("Use the <think> tag to think.", "Use the <think> tag to think.", " tag to think."),
    ("Write `<think>` and `</think>`.", "Write `<think>` and `</think>`.", ""),
    ("a < b <th and </th> c", "a < b <th and </th> c", ""),
    ("All of it is text </think>", "All of it is text ", ""),
    ("no tags <", "no tags <", ""),
    ("[THINK]plan[/THINK]90 days [1].", "90 days [1].", "plan"),
    ("<seed:think>plan</seed:think>90 days.", "90 days.", "plan"),
    ("\u25c1think\u25b7plan\u25c1/think\u25b790 days.", "90 days.", "plan"),
    (
        "<|channel|>analysis<|message|>plan<|end|><|start|>assistant<|channel|>final<|message|>90 days.<|return|>",
        "90 days.",
        "plan",
    ),
    ("<|start|>assistant<|channel|>final<|message|>90 days.<|end|>", "90 days.", ""),
    ("<|channel|>analysis<|message|>plan<|channel|>final<|message|>90 days.", "90 days.", "plan"),
    (
        "<|channel|>commentary to=f <|constrain|>json<|message|>{}<|call|><|channel|>final<|message|>90 days.",
        "90 days.",
        "{}",
    ),
    ("a | b <| c |> d", "a | b <| c |> d", ""),
    ("See [1] and [think about it].", "See [1] and [think about it].", ""),
    ("", "", ""),
    ("  indented", "  indented", ""),
]


@pytest.mark.parametrize(("said", "text", "reasoning"), CASES)
def test_text_and_reasoning_are_kept_apart(said, text, reasoning):
    assert split(said) == (text, reasoning)


@given(st.sampled_from(CASES), st.data())
def test_wherever_it_is_cut(case, data):
    said = case[0]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=6)))
    assert split(*[said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]) == case[1:]


@given(st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "a ", "b", "`", "\n"]), max_size=12))
def test_any_order_of_tags_is_the_same_whole_or_in_pieces(pieces):
    assert split(*pieces) == split("".join(pieces)) == split(*"".join(pieces))


@given(st.text("abc <>/`\n", max_size=30))
def test_text_without_tags_stays_as_it_is(text):
    assert split(*text) == ("" if text.isspace() else text, "")


def test_no_more_than_a_tag_is_held_back():
    splitter = ThoughtSplitter()
    assert splitter.feed("It is <") == [TextDelta(text="It is ")]
    assert splitter.feed("th") == []
    assert splitter.feed("e end") == [TextDelta(text="<the end")]
    assert splitter.is_idle


def test_a_model_known_to_leave_the_opening_tag_out_begins_with_its_thoughts():
    assert split("plan", "</think>90 days.", begins_thinking=True) == ("90 days.", "plan")
    assert split("<think>plan", "</think>90 days.", begins_thinking=True) == ("90 days.", "plan")
    assert split("90 days.", begins_thinking=True) == ("90 days.", "90 days.")


def test_thoughts_that_were_cut_off_are_no_answer():
    assert split("<think>a</think>b</think>", is_cut_off=True) == ("", "a")
    assert split("plan", begins_thinking=True, is_cut_off=True) == ("", "plan")
