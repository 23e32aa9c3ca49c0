"""Times that a question asks for by their kind: an hour, a day of the week, a year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.models.citation import Passage
from vital_shared.retrieval.passage_text import passage_text

__all__ = ["asks_for_unstated_time"]

NEAR_BEST_LOGITS: Final = 3.0
"""Distance to the best passage from which on a passage is about something else."""

MAX_PASSAGES: Final = 3
"""Passages that an answer is taken from."""

_IGNORE: Final = re.IGNORECASE
_SPELT: Final = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_MONTHS: Final = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    "|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)


class _KindOfTime(NamedTuple):
    """A kind of time: how questions ask for it, and how texts state it."""

    asked: re.Pattern[str]
    stated: re.Pattern[str]


_KINDS: Final = (
    _KindOfTime(
        re.compile(
            r"\bwhat time\b|\bat (?:what|which) hour\b|\bum wie ?viel uhr\b|\bwie ?viel uhr\b"
            r"|\bwelche[rn]? uhrzeit\b",
            _IGNORE,
        ),
        re.compile(
            r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?[ap]\.?m\b|o['\u2019]clock|\b(?:noon|midday|midnight)\b"
            r"|\b(?:dawn|dusk)\b|\bsun(?:rise|set)\b|\bhalf past\b"
            r"|\b\d\d?00 hours\b|\b24 hours\b|\bround the clock\b"
            rf"|\b(?:at|from|until|till|before|after|by|to) (?:{_SPELT}|\d{{1,2}})\b"
            r"|\buhr\b|\b\d{1,2} ?h\b|\bmittags?\b|\bmitternachts?\b|\bsonnen(?:auf|unter)gang|dämmerung",
            _IGNORE,
        ),
    ),
    _KindOfTime(
        re.compile(
            r"\b(?:which|what) (?:week)?days?\b(?! of (?:the )?(?:month|year))"
            r"|\ban welche[mn] (?:wochen)?tag\w*|\bwelche[rn]? wochentag\w*",
            _IGNORE,
        ),
        re.compile(
            r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\bweekdays?\b|\b(?:every|each|working) days?\b"
            r"|\b(?:daily|weekends?|tomorrow|today|christmas|easter|holidays?)\b"
            r"|\b(?:same|next|following|previous) day\b|\bday (?:after|before)\b"
            r"|\b(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|\btäglich|\bwerktag|wochenend"
            r"|\bjeden tag|feiertag|\bheute\b|\bmorgen\b|ostern|weihnacht"
            rf"|\b\d{{1,2}}(?:\.|st|nd|rd|th)? ?(?:{_MONTHS})\b|\b(?:{_MONTHS}) \d{{1,2}}\b"
            r"|\b\d{1,2}\.\d{1,2}\.|\b\d{4}-\d\d-\d\d\b|\b\d{1,2}/\d{1,2}/",
            _IGNORE,
        ),
    ),
    _KindOfTime(
        re.compile(r"\b(?:in )?(?:which|what) year\b|\b(?:in )?welche[mns]? jahr\b", _IGNORE),
        re.compile(r"\b\d{4}\b|\d0(?:er|s)\b|\bjahrhundert|\bcentury\b|\byears? ago\b|\bjahren?\b", _IGNORE),
    ),
)


def asks_for_unstated_time(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether a question asks for an hour, a day of the week or a year, and no passage has one.

    Only the passages that an answer is taken from are looked at: another one has the hours of other things.

    :param passages: best first, reranked.
    """
    kinds = [kind for kind in _KINDS if kind.asked.search(question)]
    if not kinds or not passages:
        return False
    best = max(passage.score for passage in passages)
    near = [each for each in passages[:MAX_PASSAGES] if each.score >= best - NEAR_BEST_LOGITS]
    text = "\n".join(passage_text(each.title, each.section, each.text) for each in near)
    return not all(kind.stated.search(text) for kind in kinds)
