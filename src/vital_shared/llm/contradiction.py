"""Whether a sentence in a passage's own words says something else: denied, turned round, or mixed up.

Words alone, for English. A sentence is compared clause by clause with the clause that it most resembles.
What turns its meaning round (a denial, an opposite, an exchange of the two sides) counts; an odd number of
turns is a contradiction. Numbers, names and labels have to stand with the words that they stand with in the
passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from vital_shared.llm.opposites import BOUNDS, DENIALS, LIMITED, UNITS, UNIVERSAL, opposites, root
from vital_shared.retrieval.sentences import split
from vital_shared.retrieval.words import content_words, numbers, ordinals, spelt_numbers

__all__ = ["contradicts"]

ALIKE: Final = 0.5
"""Share of a clause's content words that another must have for the two to say something of the same."""

SAID_ALIKE: Final = 0.75
"""The same, for what turns a meaning round to be counted."""

SHARED_START: Final = 0.5
"""The weight of a word of a sentence's start for its later clauses; with a pronoun, 1."""

SHARED_MARK: Final = 1.5
"""The weight of two marks that stand together in both."""

MAX_EXCHANGED_WORDS: Final = 2
MIN_SHARED_WORDS: Final = 2
"""Words that two clauses must have in common for a replaced one to be seen."""

KEPT_SENTENCES: Final = 512
"""Sentences whose clauses are remembered: the claims of an answer are compared with the same passages."""

_CLAUSE = re.compile(
    r"[,;:](?=\s)|\s[(\u2013\u2014]|\)(?=\s|$)"
    r"|\b(?:and|but|while|whereas|unless|although|though|because|except|instead|or)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*%?|[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_TIME = re.compile(r"\b\d{1,2}:\d\d\b")
_LABEL = re.compile(r"(?<=[a-z] )(?:[IVX]{1,5}|[B-HJ-Z]|A(?=[\s.,;]*(?:$|[A-Z,.;]|and|while|in|is)))\b")
_NAME = re.compile(r"\b[A-Z][a-z]+\b")
_NO_DENIAL = re.compile(
    r"\b(?:no (?:more|less|fewer|later|earlier|sooner|longer) than|not (?:only|more|less|later|earlier) \w*"
    r"|no matter)\b",
    re.IGNORECASE,
)
_BY_THEN = re.compile(
    r"\bby (?=(?:the )?(?:end|beginning|\d|noon|midnight|first|second|third|fourth|fifth|last|next))",
    re.IGNORECASE,
)
_AMOUNT_IN_YEAR = re.compile(r"(\d[\d.,]*)(?: [^\W\d]+){0,3} in ((?:19|20)\d\d)\b")
_EVERY_ONE = re.compile(r"\b(every|each)(?= (?:second|minute|hour|day|week|month|year)\b)", re.IGNORECASE)
_OFTEN = frozenset("hourly daily weekly monthly quarterly yearly annually".split())  # noqa: SIM905
_FROM_TO = re.compile(r"\bfrom\b(.{1,60}?)\b(?:to|until)\b(.{1,60})", re.IGNORECASE)
_PASSIVE = re.compile(r"\b(?:is|are|was|were|been|be)\s+(?:\w+\s+){1,4}by\b")
_EXCEPTION = re.compile(
    r"\b(?:except|excepting|excluding|other than|but (?:an?|the)|others?|else|rest|remaining)\b",
    re.IGNORECASE,
)
_PRONOUN = frozenset("it its they them their he she him her his these those".split())  # noqa: SIM905
_RELATIVE = frozenset("who whom whose which that".split())  # noqa: SIM905
_RATE = re.compile(
    r"\b(?:an?|per|every 1|each 1) (second|minute|hour|day|week|month|year|night|term)\b", re.IGNORECASE
)
_EVEN = re.compile(r"\b(?:even (?:if|when|where|though)|regardless|whether or not)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?<!even )(?<!only )(?:(?P<unless>unless|except (?:if|when))|if|when)\b(?P<condition>[^,;.]+)",
    re.IGNORECASE,
)
_UNLESS = re.compile(r"\b(?:unless|except|only if|only when)\b", re.IGNORECASE)
_WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())  # noqa: SIM905
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)


class _Mark(NamedTuple):
    """A word that distinguishes a thing from others of its kind: a number, a label such as "II", a name."""

    kind: str
    value: str


class _Clause(NamedTuple):
    sentence: str
    text: str
    tokens: tuple[str, ...]
    roots: frozenset[str]
    content: frozenset[str]
    """Content words but for marks."""
    start: frozenset[str]
    """Words at the start of the sentence: they hold for the later clauses too."""
    marks: frozenset[_Mark]


def contradicts(claim: str, sources: Sequence[str]) -> bool:
    """Return whether a sentence says something else than passages whose words it uses.

    :param sources: sentences of the passages, those that resemble the claim.
    """
    claim, sources = _prepared(claim), [_prepared(source) for source in sources]
    source_clauses = [clause for source in sources for clause in _clauses(source)]
    quoted = {clause.tokens for clause in source_clauses}
    for clause in _clauses(claim):
        if clause.tokens in quoted:
            continue
        like = _most_alike(clause, source_clauses)
        if like is not None and (_turns(clause, like) % 2 or _differs(clause, like, source_clauses)):
            return True
        if _has_other_unit(clause, source_clauses) or _marks_elsewhere(clause, source_clauses):
            return True
    likest = max(sources, key=lambda source: len(content_words(claim) & content_words(source)), default="")
    if _EVEN.search(claim) and _UNLESS.search(likest):
        return True
    return _reverses_range(claim, likest) or _is_of_another_year(claim, sources)


def _prepared(text: str) -> str:
    """Write "every year" as "every 1 year", and "by noon" as "before noon"."""
    return _BY_THEN.sub("before ", _EVERY_ONE.sub(r"\1 1", text))


@lru_cache(maxsize=KEPT_SENTENCES)
def _clauses(text: str) -> tuple[_Clause, ...]:
    return tuple(clause for sentence in split(text) for clause in _of_sentence(sentence))


def _of_sentence(sentence: str) -> Iterator[_Clause]:
    start: frozenset[str] = frozenset()
    names: frozenset[_Mark] = frozenset()
    for part in _CLAUSE.split(sentence):
        tokens = tuple(token.lower().replace("\u2019", "'") for token in _TOKEN.findall(part))
        if not tokens:
            continue
        marks = frozenset(_marks(part))
        own_names = frozenset(mark for mark in marks if mark.kind == "name")
        content = content_words(part) - {root(token) for token in tokens if _is_mark(token, marks)}
        content = frozenset(word for word in content if not (word[0].isdigit() or ordinals(word)))
        has_names = marks if own_names else marks | names
        yield _Clause(sentence, part, tokens, frozenset(map(root, tokens)), content, start, has_names)
        if not start:  # the subject, and its names, go on
            start, names = content, own_names


def _is_mark(token: str, marks: frozenset[_Mark]) -> bool:
    values = {mark.value.lower() for mark in marks}
    return token in values or bool(_figures(token) & values)


def _marks(text: str) -> Iterator[_Mark]:
    times = _TIME.findall(text)
    yield from (_Mark("time", time) for time in times)
    plain = _TIME.sub(" ", text)
    units = dict(_with_units(plain))
    yield from (_Mark(units.get(number, "number"), number) for number in _figures(plain))
    yield from (_Mark("label", label) for label in _LABEL.findall(text))
    yield from (_Mark("frequency", word) for word in re.findall(r"\w+", text.lower()) if word in _OFTEN)
    for name in _NAME.findall(text):
        lowered = name.lower()
        day = lowered.removesuffix("s")
        if day in _WEEKDAYS or lowered in _MONTHS:
            yield _Mark("day" if day in _WEEKDAYS else "month", day)
        elif content_words(lowered) and not text.lstrip().startswith(name):
            yield _Mark("name", lowered)


def _figures(text: str) -> frozenset[str]:
    """Return the numbers, but for "one", which says too many other things."""
    return numbers(text) | (spelt_numbers(text) - {"1"})


def _most_alike(clause: _Clause, others: Sequence[_Clause]) -> _Clause | None:
    """Return the clause with most of the content words, where it has enough."""
    if not clause.content:
        return None
    best = max(others, key=lambda other: _likeness(clause, other), default=None)
    return best if best is not None and _likeness(clause, best) >= ALIKE else None


def _likeness(clause: _Clause, other: _Clause) -> float:
    """Opposites count as the same word: they are what is looked for."""
    same = sum(word in other.content or bool(opposites(word, other.roots)) for word in clause.content)
    begun = SHARED_START * len((clause.content - other.content) & other.start)
    marks = len(clause.marks & other.marks)
    nearness = 0.08 * len(clause.roots & other.roots) - 0.01 * len(other.content)
    return (same + begun + marks) / (len(clause.content) + len(clause.marks)) + nearness


def _turns(clause: _Clause, source: _Clause) -> int:
    """Count what turns the meaning round; nothing does where too much is said in other words."""
    known = sum(word in source.roots | source.start or _is_opposed(word, source) for word in clause.content)
    if known < SAID_ALIKE * len(clause.content):
        return 0
    has_exception = _EXCEPTION.search(clause.sentence) or _EXCEPTION.search(source.sentence)
    turns = 0 if has_exception else (_denials(clause.text) + _denials(source.text)) % 2
    turns += _opposed(clause, source) + _other_bound(clause.text, source.text)
    turns += _other_condition(clause, source)
    return turns + _sides_exchanged(clause, source)


def _is_opposed(word: str, source: _Clause) -> bool:
    return bool(opposites(word, source.roots))


def _denials(text: str) -> int:
    plain = _NO_DENIAL.sub(" ", text)
    tokens = [token.lower().replace("\u2019", "'") for token in _TOKEN.findall(plain)]
    return sum(token in DENIALS or token.endswith("n't") for token in tokens)


def _opposed(clause: _Clause, source: _Clause) -> int:
    """Count words in whose place the other has an opposite."""
    ours, theirs = clause.roots - source.roots, source.roots - clause.roots
    return sum(bool(opposites(word, theirs)) for word in ours - DENIALS)


def _other_condition(clause: _Clause, source: _Clause) -> int:
    """Count it where "unless" and "if" with the same condition stand for each other."""
    ours, theirs = _CONDITION.search(clause.sentence), _CONDITION.search(source.sentence)
    if ours is None or theirs is None or clause.text.strip() in ours.group():
        return 0
    if bool(ours["unless"]) == bool(theirs["unless"]):
        return 0
    return int(bool(content_words(ours["condition"]) & content_words(theirs["condition"])))


def _other_bound(claim: str, source: str) -> int:
    ours, theirs = _bounds(claim), _bounds(source)
    return int(bool(ours) and bool(theirs) and not ours & theirs)


def _bounds(text: str) -> set[str]:
    lowered = text.lower()
    return {kind for kind, phrases in BOUNDS.items() if any(phrase in lowered for phrase in phrases)}


def _sides_exchanged(clause: _Clause, source: _Clause) -> int:
    """Count it where what stood on one side of "than", or of a verb, now stands on the other."""
    if "than" in clause.tokens and "than" in source.tokens:
        return int(_crosses(_sides(clause), _sides(source)))
    ours, theirs = _names(clause.text), _names(source.text)
    both = [name for name in ours if name in theirs]
    if _RELATIVE & {*clause.tokens, *source.tokens}:
        return 0
    if len(both) < 2 or both == [name for name in theirs if name in ours]:
        return 0
    if not _between(clause.text, both) & (_between(source.text, both) | _opposed_between(clause, source)):
        return 0
    is_passive = bool(_PASSIVE.search(clause.text)) != bool(_PASSIVE.search(source.text))
    return 0 if is_passive else 1


Sides = tuple[frozenset[str], frozenset[str]]


def _crosses(ours: Sides, theirs: Sides) -> bool:
    """Return whether something of each side stood on the other one."""
    return bool((ours[0] - theirs[0]) & theirs[1]) and bool((ours[1] - theirs[1]) & theirs[0])


def _sides(clause: _Clause) -> Sides:
    before, _, after = clause.text.lower().partition(" than ")
    return content_words(before) | _figures(before) | clause.start, content_words(after) | _figures(after)


def _names(text: str) -> list[str]:
    """Return the capitalised words in their order, but for days and months."""
    words = dict.fromkeys(name.lower() for name in _NAME.findall(text))
    return [word for word in words if word.removesuffix("s") not in _WEEKDAYS and word not in _MONTHS]


def _between(text: str, names: Sequence[str]) -> frozenset[str]:
    """Return the content words between the first and the last of some names."""
    lowered = text.lower()
    places = [lowered.find(name) for name in names]
    return content_words(lowered[min(places) : max(places)]) - frozenset(map(root, names))


def _opposed_between(clause: _Clause, source: _Clause) -> frozenset[str]:
    return frozenset(word for word in clause.roots if opposites(word, source.roots))


def _differs(clause: _Clause, like: _Clause, sources: Sequence[_Clause]) -> bool:
    """Return whether one thing, amount or quantity of a clause was replaced by another."""
    return (
        _has_other_amount(clause, like, sources)
        or _has_other_part(clause, like, sources)
        or _generalises(clause, like)
    )


def _has_other_amount(clause: _Clause, like: _Clause, sources: Sequence[_Clause]) -> bool:
    """Return whether an amount that no clause has stands for another of its unit."""
    known = frozenset[str]().union(*(_figures(each.text) | ordinals(each.text) for each in sources))
    theirs = dict.fromkeys(noun for _, noun in _with_nouns(like.text))
    if any(number not in known and noun in theirs for number, noun in _with_nouns(clause.text)):
        return True
    rates = {rate.lower() for source in sources for rate in _RATE.findall(source.text)}
    return bool(_RATE.search(like.text)) and any(
        rate.lower() not in rates for rate in _RATE.findall(clause.text)
    )


def _with_nouns(text: str) -> Iterator[tuple[str, str]]:
    """Yield numbers with the word that follows them, which names the thing counted."""
    for token, following in pairwise(token.lower() for token in _TOKEN.findall(text)):
        for number in (_figures(token) | ordinals(token)) - {"1"}:
            if content_words(following):
                yield number, root(following)


def _has_other_part(clause: _Clause, like: _Clause, sources: Sequence[_Clause]) -> bool:
    """Return whether a word came from another clause, in the place of one that is left out."""
    if _PRONOUN & set(like.tokens) or _EXCEPTION.search(clause.sentence + like.sentence):
        return False
    new = clause.content - like.content
    left_out = like.content - clause.content - clause.start
    if not 1 <= len(new) <= MAX_EXCHANGED_WORDS or not 1 <= len(left_out) <= MAX_EXCHANGED_WORDS:
        return False
    shared = len(clause.content & like.content) + len(clause.marks & like.marks)
    elsewhere = frozenset[str]().union(*(source.content for source in sources if source is not like))
    return (
        shared >= MIN_SHARED_WORDS
        and new <= elsewhere
        and not any(opposites(word, clause.roots) for word in left_out)
    )


def _has_other_unit(clause: _Clause, sources: Sequence[_Clause]) -> bool:
    """Return whether a number has a unit that it has nowhere, and another one somewhere."""
    theirs: dict[str, set[str]] = {}
    for source in sources:
        for number, unit in _with_units(source.text):
            theirs.setdefault(number, set()).add(unit)
    return any(number in theirs and unit not in theirs[number] for number, unit in _with_units(clause.text))


def _with_units(text: str) -> Iterator[tuple[str, str]]:
    for token, following in pairwise((*(token.lower() for token in _TOKEN.findall(text)), "")):
        for number in _figures(token.rstrip("%")):
            if token.endswith("%"):
                yield number, "percent"
            elif following in UNITS:
                yield number, UNITS[following]


def _marks_elsewhere(clause: _Clause, sources: Sequence[_Clause]) -> bool:
    """Return whether a mark stands with words that the passage has with another mark of its kind."""
    if clause.tokens[0] in _RELATIVE:
        return False
    return any(_is_elsewhere(mark, clause, sources) for mark in clause.marks)


def _is_elsewhere(mark: _Mark, clause: _Clause, sources: Sequence[_Clause]) -> bool:
    wanted = clause.content | clause.start
    marks = clause.marks - {mark}
    own = max((_weight(wanted, marks, source) for source in sources if mark in source.marks), default=-1.0)
    others = [
        _weight(wanted, marks, source)
        for source in sources
        if mark not in source.marks
        and any(other.kind == mark.kind and other not in clause.marks for other in source.marks)
    ]
    return own >= 0 and bool(others) and max(others) > own


def _weight(wanted: frozenset[str], marks: frozenset[_Mark], source: _Clause) -> float:
    share = 1.0 if _PRONOUN & set(source.tokens) else SHARED_START
    begun = share * len(wanted & (source.start - source.content))
    opposed = sum(bool(opposites(word, source.roots - wanted)) for word in wanted - source.roots)
    return len(wanted & source.content) + begun + SHARED_MARK * len(marks & source.marks) - opposed


def _generalises(clause: _Clause, source: _Clause) -> bool:
    """Return whether "all" or "never" took the place of "most", "some" or "only"."""
    ours, theirs = set(clause.tokens), set(source.tokens)
    if ours & UNIVERSAL and not theirs & UNIVERSAL and theirs & LIMITED and not ours & LIMITED:
        return True
    return (
        "never" in ours
        and "without" not in ours
        and "never" not in theirs
        and bool(theirs & (LIMITED | UNIVERSAL))
    )


def _reverses_range(claim: str, source: str) -> bool:
    """Return whether "from A to B" became "from B to A"."""
    ours, theirs = _FROM_TO.search(claim), _FROM_TO.search(source)
    if ours is None or theirs is None:
        return False
    first, last = (_of_range(part) for part in ours.groups())
    their_first, their_last = (_of_range(part) for part in theirs.groups())
    return _crosses((first, last), (their_first, their_last))


def _of_range(text: str) -> frozenset[str]:
    months = _MONTHS.intersection(re.findall(r"\w+", text.lower()))  # "May" is no content word
    return content_words(text) | _figures(text) | months


def _is_of_another_year(claim: str, sources: Sequence[str]) -> bool:
    """Return whether an amount is given for a year that has another one."""
    theirs = {pair for source in sources for pair in _AMOUNT_IN_YEAR.findall(source)}
    years, amounts = {year for _, year in theirs}, {amount for amount, _ in theirs}
    return any(
        (amount, year) not in theirs and amount in amounts and year in years
        for amount, year in _AMOUNT_IN_YEAR.findall(claim)
    )
