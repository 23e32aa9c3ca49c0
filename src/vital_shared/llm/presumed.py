"""The presupposition of an English question, as a statement.

"How much did the insurance pay for the stage?" has no answer where it paid nothing: the question takes for
granted "The insurance pay for the stage." Its words stand as they do in the question, without grammar, which
is enough for a model that compares meanings.
"""

from __future__ import annotations

import re
from typing import Final

from vital_shared.llm.question_kinds import asks_whether, avoids, denies
from vital_shared.llm.question_parts import question_sentences

__all__ = ["presumed"]

_BE: Final = frozenset({"is", "are", "was", "were"})
_DO: Final = frozenset({"do", "does", "did"})
_VERB: Final = (
    r"(?:do|does|did|is|are|was|were|can|may|must|will|would|should|has|have|had|could|shall|might)"
)
_ASKS: Final = re.compile(
    r"^(?:and |so |but )?(?:(?:in|on|at|to|from|for|by|with|of|under|until|since|up to) )?"
    r"(what|which|who|whom|whose|when|where|why|how)\b(.*)$",
    re.IGNORECASE,
)
_MEASURE: Final = re.compile(
    r"^(much|many|long|often|far|high|deep|wide|large|big|old|heavy|tall|early|late|soon|quickly|fast|close|thick"
    r"|strong|loud|warm|hot|cold|expensive)\b\s*(.*)$",
    re.IGNORECASE,
)
_LED_BY_VERB: Final = re.compile(rf"^({_VERB})\b\s*(.*)$", re.IGNORECASE)
_PARTED_BY_VERB: Final = re.compile(rf"^(.*?)\b({_VERB})\b\s*(.*)$", re.IGNORECASE)
_SUBJECT: Final = re.compile(
    r"^(?:the|a|an|this|that|these|those|my|your|our|their|its|his|her|all|each|every|i|we|you|they|he|she|it|one"
    r"|people)\b",
    re.IGNORECASE,
)
_SHORT: Final = (("what's", "what is"), ("who's", "who is"))
_WORDS_WITH_OBJECT: Final = 12
"""Words from which on a question is too long to miss its object."""


def presumed(question: str) -> str | None:
    """Return what a question takes for granted; None for one that is answered by yes, no or a denial."""
    asks = question_sentences(question).strip()
    if denies(asks) or avoids(asks) or asks_whether(asks):
        return None
    text = " ".join(asks.rstrip("?!. ").split())
    for short, long in _SHORT:
        text = re.sub(re.escape(short), long, text, flags=re.IGNORECASE)
    match = _ASKS.match(text)
    if match is None or not match[2].strip():
        return None
    statement = " ".join(_statement(match[1].lower(), match[2].strip()).split())
    return f"{statement[:1].upper()}{statement[1:]}." if statement else None


def _statement(asks: str, rest: str) -> str:
    if asks in {"when", "where", "why"}:
        match = _LED_BY_VERB.match(rest)
        return match[2] if match else rest
    if asks in {"who", "whom"}:
        return _of_person(rest)
    return _of_degree(rest) if asks == "how" else _of_thing(asks, rest)


def _of_person(rest: str) -> str:
    match = _LED_BY_VERB.match(rest)
    if match is None:
        return f"somebody {rest}"
    verb, after = match[1].lower(), match[2]
    if verb in _BE:
        return f"there {'is' if verb in {'is', 'are'} else 'was'} {after}"
    return after if verb in _DO else f"somebody {verb} {after}"


def _of_degree(rest: str) -> str:
    measure = _MEASURE.match(rest)
    rest = measure[2] if measure else rest
    match = _PARTED_BY_VERB.match(rest)
    if match is None:
        return rest
    thing, verb, after = match[1].strip(), match[2].lower(), match[3]
    if not thing:
        is_of_thing = measure is not None and measure[1].lower() != "often" and verb in _BE
        return f"there {verb} {after}" if is_of_thing else after
    if after.lower().startswith("there"):
        return f"there {verb} {thing} {after[len('there') :].strip()}"
    is_object = verb in _DO or _SUBJECT.match(after)
    return f"{after} {thing}" if is_object else f"{thing} {verb} {after}"


def _of_thing(asks: str, rest: str) -> str:
    match = _PARTED_BY_VERB.match(rest)
    if match is None:
        return rest
    thing, verb, after = match[1].strip(), match[2].lower(), match[3]
    has_subject = _SUBJECT.match(after) is not None
    if thing:
        return f"{after} {thing}" if verb in _DO or has_subject else f"{thing} {verb} {after}"
    if verb in _BE:
        is_there = after.lower().startswith("there ")
        return f"there {verb} something {after[len('there ') :]}" if is_there else f"there {verb} {after}"
    if verb in _DO:
        return f"{after} something" if len(after.split()) < _WORDS_WITH_OBJECT else after
    return after if has_subject or asks != "what" else f"something {verb} {after}"
