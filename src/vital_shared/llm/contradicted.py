"""Find claims that say something else than the passages that they cite."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.llm.contradiction import contradicts
from vital_shared.llm.premise import is_quoted, premise
from vital_shared.retrieval.language import ENGLISH, language_of

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment

__all__ = ["Statement", "contradicted"]

DENIED: Final = -5.0
"""Logit below which the entailment model alone decides."""

DOUBTED: Final = -1.0
"""The same, where the words speak against the claim too. Both were set on the claims of ``tests/llm/claims``.

Of the first four files the words see 136 of 158 false ones, and 130 are seen with the model; of 130 true ones
none is taken for false. Of ``fifth.txt``, which says more in other words, the words see 28 of 42, and take 4
of 56 true ones for false; with the model that is 30 and 2."""


class Statement(NamedTuple):
    """A sentence of an answer, and the texts of the passages that it cites."""

    text: str
    sources: tuple[str, ...]


class _Suspect(NamedTuple):
    place: int
    premise: str
    by_words: bool


async def contradicted(statements: Sequence[Statement], entailment: Entailment | None) -> set[int]:
    """Return the places of the statements that their sources contradict.

    What is quoted word for word is not looked at, nor what is not in English. A sentence takes 1 to 3 ms, and
    35 more with the model.

    :param entailment: None: the words alone decide.
    :raises ConfigurationError: when the model cannot be loaded.
    """
    if not statements:  # as with every answer that cites nothing: without a thread for it
        return set()
    suspects = await asyncio.to_thread(_suspects, statements)
    if entailment is None:
        return {suspect.place for suspect in suspects if suspect.by_words}
    logits = await entailment.score([(each.premise, statements[each.place].text) for each in suspects])
    return {
        suspect.place
        for suspect, logit in zip(suspects, logits, strict=True)
        if logit < (DOUBTED if suspect.by_words else DENIED)
    }


def _suspects(statements: Sequence[Statement]) -> list[_Suspect]:
    """Compare all but the quotes with what they rest on."""
    suspects = []
    for place, (text, sources) in enumerate(statements):
        if is_quoted(text, sources) or language_of(text) != ENGLISH:
            continue
        sentences = premise(text, sources)
        if sentences:
            suspects.append(_Suspect(place, " ".join(sentences), contradicts(text, sentences)))
    return suspects
