"""Whether an answer says what its sources say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from vital_shared.models.citation import Citation, Passage
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.sentences import is_item, is_lead_in, split
from vital_shared.retrieval.words import content_words, coverage, names, numbers, spelt_numbers

__all__ = ["abstains", "groundedness"]

WORDS_BACKED = 0.6
"""The share of a sentence's content words that its sources must have; the rest may be rephrased."""

LONGEST_ABSTENTION = 600
"""Characters; who goes on says more than that."""

_MARKER = re.compile(r"\[(\d+)\]")
_MARKERS_AFTER_STOP = re.compile(r"([.!?:;])((?:\s*\[\d+\])+)")
_ABSTENTION = re.compile(
    r"\b(?:(?:do|does|did|could|can|was|is)(?:n['\u2019]t| not)|cannot|no)\b.{0,60}"
    r"\b(?:find|found|hold|contain|mention|answer|information|know|say|provide|cover|specify|state)",
    re.IGNORECASE | re.DOTALL,
)


def abstains(answer_text: str) -> bool:
    """Tell whether an answer without a citation says that it does not know, and little else."""
    return len(answer_text) <= LONGEST_ABSTENTION and _ABSTENTION.search(answer_text) is not None


class _Claim(NamedTuple):
    text: str
    cited: frozenset[int]


def groundedness(
    answer_text: str,
    citations: Sequence[Citation],
    passages: Sequence[Passage],
    tool_results: Sequence[ToolResult] = (),
) -> float | None:
    """Return the share of the answer's sentences that are backed, or None where nothing is claimed.

    A sentence is backed by the passages that it cites when they (with their titles) have all its
    numbers, all its names and `WORDS_BACKED` of its content words. A sentence without a citation is
    backed by the tools' results alone. An answer that cites nothing and says that it does not know
    claims nothing, and neither does one that had no sources and pretends to none.
    """
    results = [result for result in tool_results if result.status == "success"]
    if not _MARKER.search(answer_text) and (
        (not passages and not results) or _ABSTENTION.search(answer_text)
    ):
        return None
    texts = {passage.id: f"{passage.title}\n{passage.section}\n{passage.text}" for passage in passages}
    sources = {citation.number: texts.get(citation.passage_id, "") for citation in citations}
    from_tools = "\n".join(f"{result.name} {result.arguments} {result.content}" for result in results)
    claims = _claims(answer_text)
    if not claims:
        return None
    backed = sum(_is_backed(claim, sources, from_tools) for claim in claims)
    return backed / len(claims)


def _claims(answer_text: str) -> list[_Claim]:
    """Split the answer into its claims; a list and its lead-in share the citations at the list's end."""
    # "… days. [1] Next" would give the marker to the next sentence: it moves before the full stop.
    text = _MARKERS_AFTER_STOP.sub(r"\2\1", answer_text)
    sentences = [sentence for sentence in split(text) if content_words(_MARKER.sub("", sentence))]
    claims = []
    for in_list, group in groupby(zip(sentences, _in_lists(sentences), strict=True), key=itemgetter(1)):
        members = [_Claim(sentence, _cited(sentence)) for sentence, _ in group]
        shared = frozenset().union(*(member.cited for member in members)) if in_list else frozenset()
        claims += [_Claim(member.text, member.cited or shared) for member in members]
    return [claim for claim in claims if claim.cited or not _is_no_claim(claim.text)]


def _in_lists(sentences: Sequence[str]) -> list[bool]:
    """Tell which sentences belong to a list: its items, whole, and the line that leads in."""
    flags: list[bool] = []
    for sentence in sentences:
        goes_on = bool(flags) and flags[-1] and not sentences[len(flags) - 1].endswith("\n")
        flags.append(is_item(sentence) or goes_on)
    for index in range(len(sentences) - 1):
        leads_in = sentences[index].endswith("\n") and not sentences[index].endswith("\n\n")
        if is_item(sentences[index + 1]) and (leads_in or is_lead_in(_MARKER.sub("", sentences[index]))):
            flags[index] = True
    return flags


def _cited(sentence: str) -> frozenset[int]:
    return frozenset(int(number) for number in _MARKER.findall(sentence))


def _is_no_claim(sentence: str) -> bool:
    """Tell whether an uncited sentence only leads over: a heading, a question, "There are two steps:"."""
    bare = sentence.strip()
    return bare.startswith("#") or bare.endswith("?") or (is_lead_in(bare) and not numbers(bare))


def _is_backed(claim: _Claim, sources: dict[int, str], from_tools: str) -> bool:
    if any(number not in sources for number in claim.cited):
        return False
    source = "\n".join(sources[number] for number in claim.cited) if claim.cited else from_tools
    text = _MARKER.sub("", claim.text)
    if is_item(text):
        text = text.lstrip(" \t-*+•0123456789.)")
    known = {word.lower() for word in re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)*", source)}
    return (
        numbers(text) <= numbers(source) | spelt_numbers(source)
        and names(text) <= {word.removesuffix("'s") for word in known}
        and coverage(content_words(text), source) >= WORDS_BACKED
    )
