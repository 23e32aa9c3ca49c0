"""Sentences get the citations that a small model leaves out, and no others."""

import pytest

from vital_shared.llm.local.attribution import Attribution
from vital_shared.testing import passage

SOURCES = [
    passage("The review takes 42 days. It costs nothing."),
    passage("The canal was dug by Jakob Thorsen.", id="p2"),
]


def read(pieces):
    attribution = Attribution(SOURCES)
    return "".join(attribution.feed(piece) for piece in pieces) + attribution.end()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("The review takes 42 days.", "The review takes 42 days. [1]"),
        (
            "The review takes 42 days. Jakob Thorsen dug the canal!",
            "The review takes 42 days. [1] Jakob Thorsen dug the canal! [2]",
        ),
        ("The review takes 43 days.", "The review takes 43 days."),
        ("The review takes 42 days [1]. So it is.", "The review takes 42 days [1]. So it is."),
        (
            "The review takes 42 days. [1] Jakob Thorsen dug the canal.",
            "The review takes 42 days. [1] Jakob Thorsen dug the canal. [2]",
        ),
        (
            "- the review takes 42 days\n- it costs nothing\n",
            "- the review takes 42 days [1]\n- it costs nothing [1]\n",
        ),
        ("Yes.", "Yes."),
    ],
)
def test_however_it_is_cut(written, text):
    assert read([written]) == text
    assert read(list(written)) == text
