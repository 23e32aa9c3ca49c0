"""Whether an answer says what its sources say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from vital_shared.llm.contradicted import Statement, contradicted
from vital_shared.llm.markdown_blocks import MarkdownBlock, blocks, is_label, plain
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.quality import UnsupportedSentence
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.sentences import is_item, is_lead_in, split
from vital_shared.retrieval.words import content_words, names, numbers, opening_name, ordinals, spelt_numbers

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["WORDS_BACKED", "Grounding", "abstains", "groundedness", "overlap"]

WORDS_BACKED = 0.6
"""The share of a sentence's content words that its sources must have; the rest may be rephrased."""

WORDS_PLAIN = 0.8
"""The share from which on nothing more has to be checked."""

WORDS_OF_A_PART = 0.3
"""The share that one passage must have of a sentence that cites several."""

SAYS_THE_SAME = 2.0
NOT_ANOTHER = 0.0
"""Logits of a sentence and a passage that it cites, where few of its words are the passage's, and where most
are. Of 13 sentences on the topic of a passage that it does not say, the best scored -0.1, with a swapped name
1.2; of 12 that say the same in other words, 6 scored above 2.9, and 6 below 0: those are taken for
unsupported, which errs on the side of doubt."""

MAX_ABSTENTION_CHARACTERS = 600
"""Characters of an abstention, at most; a longer text says more than that."""

CHECKED_CHARACTERS = 200_000
"""Characters of an answer that are checked, from its beginning."""

ABSTENTION_CHARACTERS = 10_000

MAX_JUDGED = 100
"""Sentences for which the cross-encoder is asked; for more the words alone decide."""

QUICK_CHARACTERS = 20_000
"""Characters of an answer and its sources that are checked without a thread."""

_MARKER = re.compile(r"\[(\d{1,9})\]")
_MARKERS_AFTER_STOP = re.compile(r"([.!?:;])((?:\s*+\[\d{1,9}\])+)")
_ABSTENTION = re.compile(
    r"\b(?:(?:do|does|did|could|can|was|is)(?:n['\u2019]t| not)|cannot|no)\b.{0,60}"
    r"\b(?:find|found|hold|contain|mention|answer|information|know|say|provide|cover|specify|state)",
    re.IGNORECASE | re.DOTALL,
)


def abstains(answer_text: str) -> bool:
    """Return whether an answer without a citation says that it does not know, and little else."""
    return len(answer_text) <= MAX_ABSTENTION_CHARACTERS and _ABSTENTION.search(answer_text) is not None


class Grounding(NamedTuple):
    """The result of the check."""

    share: float
    """The share of the answer's sentences that are backed."""
    unsupported: tuple[UnsupportedSentence, ...]


class _Claim(NamedTuple):
    text: str
    cited: frozenset[int]
    """Its own, or those of its list."""
    in_list: bool
    is_row: bool
    """Whether it is a row of a table: not a sentence."""
    start: int
    end: int


async def groundedness(
    answer_text: str,
    citations: Sequence[Citation],
    passages: Sequence[Passage],
    tool_results: Sequence[ToolResult] = (),
    reranker: Reranker | None = None,
    entailment: Entailment | None = None,
) -> Grounding | None:
    """Check each sentence against what it cites; None where nothing is claimed.

    A sentence is backed by the passages that it cites when they (with their titles) have all its
    numbers, all its names and `WORDS_BACKED` of its content words, or say the same in other words, as
    the cross-encoder judges (`SAYS_THE_SAME`), when each of several has a part in it, and when they do
    not contradict it (see `contradicted`). A sentence
    without a citation is backed by the tools' results alone. An answer that cites nothing and says that it
    does not know claims nothing, and neither does one that had no sources and pretends to none.

    In Markdown headings, labels, code and the heads of tables claim nothing; a row of a table does where it
    cites, and then its numbers have to be the passages'. Code without a sentence beside it is not backed: it
    may hold anything.

    Of a very long answer the first `CHECKED_CHARACTERS` are checked, and `MAX_JUDGED` sentences are judged.

    :param passages: all that may be cited, the tools' passages included.
    :param reranker: the cross-encoder; asked only where the words alone do not settle it. None: they do.
    :param entailment: sees contradictions; None: words alone do.
    """
    results = [result for result in tool_results if result.status == "success"]
    text = answer_text[:CHECKED_CHARACTERS]
    if not _MARKER.search(text) and (
        (not passages and not results) or _ABSTENTION.search(text[:ABSTENTION_CHARACTERS])
    ):
        return None
    sources = _sources(citations, passages)
    from_tools = "\n".join(f"{result.name} {result.arguments} {result.content}" for result in results)
    length = len(text) + len(from_tools) + sum(map(len, sources.values()))
    if length <= QUICK_CHARACTERS:
        verdicts = _by_words(text, sources, from_tools)
    else:
        verdicts = await asyncio.to_thread(_by_words, text, sources, from_tools)
    if not verdicts:
        code = tuple(_code(text))
        return Grounding(share=0.0, unsupported=code) if code else None
    failed = await _failed(verdicts, reranker, entailment)
    return Grounding(
        share=1 - len(failed) / len(verdicts),
        unsupported=tuple(UnsupportedSentence(start=claim.start, end=claim.end) for claim in failed),
    )


def _sources(citations: Sequence[Citation], passages: Sequence[Passage]) -> dict[int, str]:
    texts = {passage.id: f"{passage.title} {passage.section}\n{passage.text}" for passage in passages}
    return {citation.number: texts.get(citation.passage_id, "") for citation in citations}


class _Words(NamedTuple):
    """A source by its words, taken out once for all claims."""

    words: frozenset[str]
    numbers: frozenset[str]
    content: frozenset[str]

    @classmethod
    def of(cls, source: str) -> _Words:
        """Take out the words of a text."""
        known = (word.lower() for word in re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)*", source))
        return cls(
            frozenset(word.removesuffix("'s") for word in known),
            numbers(source) | spelt_numbers(source) | ordinals(source),
            content_words(source),
        )


class _Verdict(NamedTuple):
    """A claim, judged by its words."""

    claim: _Claim
    text: str
    backed: bool
    doubts: tuple[str, ...] = ()
    """Cited passages that share too little with the claim: each has to have a part in it."""
    may_say_the_same: tuple[str, ...] = ()
    """Cited passages that decide where the words do not."""
    cited: tuple[str, ...] = ()
    """All cited passages."""


def _by_words(answer_text: str, sources: Mapping[int, str], from_tools: str) -> list[_Verdict]:
    """Judge all claims by their words alone."""
    known = {number: _Words.of(source) for number, source in sources.items()}
    tools = _Words.of(from_tools)
    return [_verdict(claim, sources, known, tools) for claim in _claims(answer_text)]


def _verdict(
    claim: _Claim, sources: Mapping[int, str], known: Mapping[int, _Words], tools: _Words
) -> _Verdict:
    text = plain(_MARKER.sub("", claim.text))
    if any(number not in sources for number in claim.cited):
        return _Verdict(claim, text, backed=False)
    if claim.is_row:  # its cells are no sentences, but a number has to come from somewhere
        unknown = numbers(text).difference(*(known[number].numbers for number in claim.cited))
        return _Verdict(claim, text, backed=not unknown)
    cited = tuple(_body(sources[number]) for number in sorted(claim.cited))
    if len(cited) == 1 and _is_verbatim(text, cited[0]):
        return _Verdict(claim, text.strip(), backed=True, cited=cited)
    share = _share(text, [known[number] for number in claim.cited] if claim.cited else [tools])
    if share == 0:
        return _Verdict(claim, text, backed=False)
    each_has_a_part = len(claim.cited) > 1 and not claim.in_list
    doubts = [
        _body(sources[number])
        for number in claim.cited
        if each_has_a_part and not _has_a_part(text, known[number])
    ]
    is_plain = share >= WORDS_PLAIN or not claim.cited
    undecided = () if is_plain else cited
    return _Verdict(claim, text.strip(), share >= WORDS_BACKED, tuple(doubts), undecided, cited)


async def _failed(
    verdicts: Sequence[_Verdict], reranker: Reranker | None, entailment: Entailment | None
) -> list[_Claim]:
    """Return the claims that are not backed, once the models have been asked for the doubtful ones."""
    backed = [verdict for verdict in verdicts if verdict.backed or verdict.may_say_the_same]
    statements = [Statement(verdict.text, verdict.cited) for verdict in backed if verdict.cited]
    denied = await contradicted(statements[:MAX_JUDGED], entailment)
    texts = {statements[place] for place in denied}
    failed, left = [], MAX_JUDGED
    for verdict in verdicts:
        is_doubtful = bool(verdict.doubts or verdict.may_say_the_same)
        left -= is_doubtful
        judge = reranker if left >= 0 else None
        is_backed = await _judged(verdict, judge) if is_doubtful else verdict.backed
        if not is_backed or Statement(verdict.text, verdict.cited) in texts:
            failed.append(verdict.claim)
    return failed


async def _judged(verdict: _Verdict, reranker: Reranker | None) -> bool:
    if reranker is None:
        return verdict.backed and not verdict.doubts
    for body in verdict.doubts:
        if float((await reranker.score(verdict.text, [body]))[0]) < NOT_ANOTHER:
            return False
    if not verdict.may_say_the_same:
        return verdict.backed
    logits = await reranker.score(verdict.text, verdict.may_say_the_same)
    return float(max(logits)) >= (NOT_ANOTHER if verdict.backed else SAYS_THE_SAME)


def _claims(answer_text: str) -> list[_Claim]:
    """Split the answer into its claims; a list and its lead-in share the citations at the list's end."""
    # "… days. [1] Next" would give the marker to the next sentence: it moves before the full stop.
    text = _MARKERS_AFTER_STOP.sub(r"\2\1", answer_text)
    places = _places(text)
    sentences = [text[place.start : place.end].replace("\r\n", "\n") for place in places]
    claims = []
    for in_list, group in groupby(zip(places, _in_lists(sentences), strict=True), key=itemgetter(1)):
        members = [_claim(text, place, in_list=in_list) for place, _ in group]
        shared = frozenset().union(*(member.cited for member in members)) if in_list else frozenset()
        claims += [member._replace(cited=member.cited or shared) for member in members]
    return [claim for claim in claims if claim.cited or not (claim.is_row or _is_no_claim(claim.text))]


def _claim(text: str, place: MarkdownBlock, *, in_list: bool) -> _Claim:
    said = text[place.start : place.end].rstrip()
    return _Claim(said, _cited(said), in_list, place.kind == "row", place.start, place.start + len(said))


def _places(text: str) -> list[MarkdownBlock]:
    """Return where the sentences and the rows of tables stand that say anything."""
    return [
        place
        for block in blocks(text)
        if block.kind != "none"
        for place in ([block] if block.kind == "row" else _sentences(text, block))
        if content_words(_MARKER.sub("", text[place.start : place.end]))
    ]


def _code(text: str) -> Iterator[UnsupportedSentence]:
    """Return where there is code that has words."""
    for block in blocks(text):
        if block.kind == "none" and content_words(text[block.start : block.end]):
            yield UnsupportedSentence(start=block.start, end=block.end)


def _sentences(text: str, block: MarkdownBlock) -> Iterator[MarkdownBlock]:
    ends = accumulate((len(each) for each in split(text[block.start : block.end])), initial=block.start)
    return (MarkdownBlock("prose", start, end) for start, end in pairwise(ends))


def _in_lists(sentences: Sequence[str]) -> list[bool]:
    """Return which sentences belong to a list: its items, whole, and the line that leads in."""
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
    """Return whether an uncited sentence only leads over: a heading, a question, "There are two steps:"."""
    bare = plain(sentence).strip()
    leads_over = bare.startswith("#") or bare.endswith("?") or is_label(sentence)
    return leads_over or (is_lead_in(bare) and not numbers(bare))


def _has_a_part(text: str, source: _Words) -> bool:
    """Return whether a passage plainly has anything of a sentence that cites others too."""
    wanted = content_words(text)
    shared = len(wanted & source.content) / len(wanted) if wanted else 1.0
    return bool(numbers(text) & source.numbers) or shared >= WORDS_OF_A_PART


def _body(source: str) -> str:
    """Return a source without its title, which alone can lift a related passage."""
    return source.partition("\n")[2]


def overlap(sentence: str, source: str) -> float:
    """Return the share of a sentence's words that a source has; 0 where it lacks a number or a name."""
    return _share(sentence, [_Words.of(source)])


def _is_verbatim(sentence: str, source: str) -> bool:
    """Return whether a source has a sentence as it is, but for its end and the space between its words."""
    said = " ".join(sentence.split()).rstrip(" .!?;:,")
    whole = rf"(?<![\w.,-]){re.escape(said)}(?!\w|[.,]\d)"
    return bool(said) and re.search(whole, " ".join(source.split())) is not None


def _share(sentence: str, sources: Sequence[_Words]) -> float:
    if numbers(sentence).difference(*(source.numbers for source in sources)):
        return 0.0
    if names(sentence).difference(*(source.words for source in sources)):
        return 0.0
    if (name := opening_name(sentence)) and not any(_knows(source, name) for source in sources):
        return 0.0
    wanted = content_words(sentence)
    missing = wanted.difference(*(source.content for source in sources))
    return 1 - len(missing) / len(wanted) if wanted else 1.0


def _knows(source: _Words, name: str) -> bool:
    return name in source.words or bool(content_words(name) & source.content)
