"""The form of an answer from sources, as a grammar: sentences that each cite a passage that was given.

A small model knows what a citation is, and yet leaves it out, repeats itself until it is cut off, and makes
up figures. The server samples only what the grammar allows.

Source of the notation: llama.cpp, "GBNF Guide" (grammars/README.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from vital_shared.llm.base import ModelRequest
from vital_shared.models.citation import Passage

__all__ = ["NOT_FOUND", "answer_form", "answer_grammar"]

NOT_FOUND: Final = "The sources do not contain the answer."
"""The only sentence without a citation."""

MAX_SENTENCES: Final = 3
MAX_WORDS: Final = 60
"""Words of a sentence; the longer ones of small models repeat themselves."""

MAX_FIGURES: Final = 300
"""Different figures to choose from; where the sources have more, any may be written."""

_FIGURE: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ABBREVIATION: Final = re.compile(r"(?<!\S)(?:[^\W\d_]{1,8}\.){1,3}(?=\s+[^\W_A-Z])")
"""A word with a full stop that ends no sentence: what follows begins in lower case, or is a figure."""

_NO_CHARACTER: Final = r"[^\x00-\U0010FFFF]"


def answer_form(request: ModelRequest) -> dict[str, str]:
    """Return the field of the server's request that holds an answer from numbered sources to its form.

    What a tool has found without sources could not be cited.
    """
    is_free = not request.grounded or request.task != "answer" or request.response_schema is not None
    if is_free or request.results or not request.sources:
        return {}
    return {"grammar": answer_grammar(request.question, request.sources)}


def answer_grammar(question: str, sources: Sequence[Passage]) -> str:
    """Return the grammar of an answer: some sentences with citations, or `NOT_FOUND`.

    Its figures are those of the question and the sources.

    :param sources: in the order of their numbers; at least one.
    """
    texts = [question, *(f"{each.title} {each.section} {each.text}" for each in sources)]
    figures = sorted({figure for text in texts for figure in _FIGURE.findall(text)})
    abbreviations = sorted({each for text in texts for each in _ABBREVIATION.findall(text)})
    markers = [f"[{number}]" for number in range(1, len(sources) + 1)]
    return "\n".join(
        (
            f'root ::= {_any_of([NOT_FOUND])} | "- "? sentence (gap sentence){{0,{MAX_SENTENCES - 1}}}',
            r'gap ::= " " | "\n" "- "?',
            f'sentence ::= word (" " word){{1,{MAX_WORDS - 1}}} [.!?]? " "? citations',
            f"citations ::= {' | '.join(_one_or_two(markers))}",
            "word ::= plain+ (figure plain+)* figure? | figure (plain+ figure)* plain* | abbreviation",
            f"abbreviation ::= {_any_of(abbreviations)}",
            r"plain ::= [.!?]* [^ .!?\[\]\t\r\n0-9]",
            f"figure ::= {_any_of(figures) if len(figures) <= MAX_FIGURES else '[0-9]+'}",
        )
    )


def _one_or_two(markers: Sequence[str]) -> Iterator[str]:
    """Write each marker, alone or with a later one behind it."""
    for number, marker in enumerate(markers, start=1):
        yield f'"{marker}" {_any_of(markers[number:])}?'


def _any_of(texts: Iterable[str]) -> str:
    """Write alternatives; where there are none, nothing matches."""
    return "(" + (" | ".join(f'"{text}"' for text in texts) or _NO_CHARACTER) + ")"
