"""Kinds of answers that questions ask for, and whether a text has one of that kind."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from vital_shared.llm.known_words import words_of
from vital_shared.llm.money_words import MONEY

__all__ = ["Attribute", "asked_attribute", "asks_whether", "avoids", "denies", "lacks_kind"]

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_UNITS_OF_TIME = (
    "day|week|month|year|hour|minute|second|morning|evening|noon|night|spring|summer|autumn|winter"
)
_HOW_OFTEN = r"annual\w*|dai?ly|weekly|monthly|yearly|quarterly"
_IGNORE: Final = re.IGNORECASE


class _Kind(NamedTuple):
    """A kind of question, and what an answer of that kind has."""

    question: re.Pattern[str]
    answer: re.Pattern[str]


_TIME = _Kind(
    re.compile(
        r"^(?:(?!\b(?:how|what|where|which|who|why)\b).)*\bwhen\b"
        r"|\b(?:what (?:date|day|time|year)|which (?:date|day|year|months?|time)|how soon)\b",
        _IGNORE,
    ),
    re.compile(
        rf"\b\d{{4}}\b|\b\d{{1,2}}[.:]\d\d\b|\b(?:a|p)\.?m\b|\b(?:{_MONTHS})\b|\b\d+(?:st|nd|rd|th)\b"
        r"|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"
        rf"|\b(?:{_UNITS_OF_TIME}|sunset|sunrise|once|after|before|until)s?\b|\b(?:{_HOW_OFTEN})\b",
        _IGNORE,
    ),
)
_PERSON = _Kind(
    re.compile(r"\bwho\b|\bwhom\b|\bwhich (?:company|person|firm|organi[sz]ation)\b", _IGNORE),
    re.compile(
        r"(?<=[a-z,;:|] )[A-Z]\w+|[A-Z]\. [A-Z][a-z]+|\b(?:staff|inspector|manager|director|officer|team"
        r"|office|doctor|trainees|caretaker|people|person|sponsor|manufacturer|company|parents?|owner|board|council"
        r"|authority|committee|department|desk|service|anyone|everybody|nobody)\b"
    ),
)
_GROUP = _Kind(
    re.compile(
        r"\bwho (?:can|could|may|must|should|has to|have to|needs?|gets?|receives?|pays?|qualifies"
        r"|does|do|are|is (?:not )?(?:allowed|entitled|eligible|exempt|excluded|covered|insured|permitted"
        r"|required))",
        _IGNORE,
    ),
    re.compile(
        r"\b(?:(?:employe|train|attend)ees|(?:work|driv|teach|own|hold|custom|us|found|buy|sell|learn|beginn|play|hik"
        r"|cycl|lead|strang|newcom|fath|moth|lodg|foreign|pension|passeng)ers|visitors|residents|members"
        r"|tenants|guests|students|pupils|patients|children|adults|applicants|seniors|women|men|families|couples"
        r"|citizens|neighbou?rs|interns|girls|boys|clubs|groups|businesses|schools)\b",
        _IGNORE,
    ),
)
"""Groups of people, of whom it is asked who may or must do something, but not who somebody is."""

_NUMBER = _Kind(
    re.compile(
        r"\bhow (?:many|much|long|often|old|high|deep|wide|heavy|fast|loud|far|big|large|tall|thick|hot|cold"
        r"|quickly|soon|late|early)\b|\bwhat (?:share|percentage|number|size|weight|speed|age|temperature)\b"
        r"|\bwhat (?:do|does|did|will|would|can)\b.*\b(?:cost|weigh)\b"
        r"|\bwhat(?:['\u2019]s| is| are| was| were) (?:the |its |his |her |their |our |my )?(?:[^\W_]+ ){0,2}"
        r"(?:price|cost|fine|weight|height|width|length|depth|diameter|capacity|temperature|voltage)s?"
        r"(?= (?:of|for|in|per|at)\b|\W*$)",
        _IGNORE,
    ),
    re.compile(
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
        r"|hundred|half|quarter|third|double|twice|once|no|none|free|every|each|all|both|immediately|at once"
        rf"|{_HOW_OFTEN})\b",
        _IGNORE,
    ),
)
_KINDS: Final = (_TIME, _PERSON, _NUMBER)


class Attribute(NamedTuple):
    """Something that is asked of a thing, and the words and units with which documents state it."""

    words: frozenset[str]
    stated: re.Pattern[str]

    def named(self, words: frozenset[str]) -> Attribute:
        """Return what a question has that yes or no answers: naming it is enough, as in "not by money"."""
        own = "|".join(sorted(self.words & words))
        return self._replace(stated=re.compile(rf"{self.stated.pattern}|\b(?:{own})\b", _IGNORE))


def _attribute(words: str, stated: str) -> Attribute:
    return Attribute(frozenset(words.split()), re.compile(stated, _IGNORE))


_ATTRIBUTES: Final = (
    _attribute(
        "cost costs costed price prices priced pay pays paid fee fees charge fine penalty rent "
        "deposit salary money bonus expensive cheap cheaper cheapest tax dollars euros pounds worth "
        "earn earns earned wage wages",
        rf"{MONEY}|\b(?:free|prices?|costs?|fees?|charge[sd]?|paid|pays?|cash|payments?|salar\w+|wages?|worth|valued?)\b",
    ),
    _attribute(
        "weigh weighs weight heavy heavier heaviest mass",
        r"\b(?:weigh\w*|heav\w+|mass|kg|kilograms?|kilos?|tonnes?|tons?|grams?|g|mg|lbs?|oz|ounces?|pounds?)\b",
    ),
    _attribute(
        "tall high height wide width deep depth thick thickness diameter",
        r"\b(?:high|tall|height|wide|width|deep|depth|thick|thickness|diameter|mm|cm|m|metres?|meters?|centimet\w+"
        r"|millimet\w+|inch(?:es)?|feet|ft|kilomet\w+|km|miles?)\b",
    ),
    _attribute("born birth birthday birthplace", r"\b(?:born|births?|birth\w+|native)\b"),
    _attribute(
        "die died dies death", r"\b(?:dies|died?|dead|deaths?|deceased|killed|fell|drown\w*|buried)\b"
    ),
    _attribute(
        "built erected constructed",
        r"\b(?:buil[dt]\w*|rebuilt|erect\w*|construct\w*|complet\w*|dates? from)\b",
    ),
    _attribute(
        "founded established founder",
        r"\b(?:found\w*|establish\w*|set up|start\w*|beg[au]n|since|creat\w*)\b",
    ),
    _attribute(
        "designed designer architect",
        r"\b(?:design\w*|architect\w*|plann\w*|dr[ae]wn?|plans?|draft\w*|ma[dk]e|built)\b",
    ),
    _attribute(
        "address",
        r"\b(?:address\w*|street|road|avenue|lane|square|quay|terrace|postbox|box)\b|@|https?:"
        r"|\b[^\W\d_]{4,} \d+[a-z]?,|\b\d+ [^\W\d_]+ (?:st|rd|ave)\b",
    ),
    _attribute("loud noise noisy quiet", r"\b(?:loud\w*|nois\w*|sound|db|decibels?|quiet)\b"),
    _attribute(
        "fast speed faster fastest quick",
        r"\b(?:speed|km/h|m/s|mph|knots?|rpm|fast\w*|strokes?|seconds?|minutes?|hours?|days?|weeks?|months?"
        r"|quick\w*)\b|/min",
    ),
    _attribute("telephone phone", r"\+?\d[\d /-]{5,}\d|\b(?:telephone|phone)s?\b"),
    _attribute("email mail", r"@|\be-?mail\b"),
    _attribute(
        "colour color colours colors",
        r"\b(?:colou?r\w*|red|green|blue|black|white|yellow|gr[ea]y|orange|brown|pink|purple|violet|silver"
        r"|transparent)\b",
    ),
    _attribute(
        "temperature temperatures hot cold warm",
        r"°|\b(?:degrees?|temperature\w*|celsius|fahrenheit|hot|cold|warm)\b",
    ),
    _attribute("age", r"\b(?:ages?|old|older|years?|under|adults?|children|aged|months?|\d{2})\b"),
)

_ASKS_WHETHER: Final = re.compile(
    r"\W*(?:(?:and|but|so|hi|hello),? )*(?:is|are|am|was|were|do|does|did|can|could|may|must|should|shall"
    r"|will|would|has|have|had)\b",
    _IGNORE,
)
_DENIAL: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|without|cannot|forbidden|prohibited|impossible|closed"
    r"|removed)\b|n['\u2019]t\b"
    r"|\b(?:was|were|been) (?:dropped|scrapped|suspended)\b|\bexcepted\b"
    r"|\b(?:(?:switched|turned) off|off by default)\b"
    r"|\b(?:refus|withdr[ae]w|reject|exclud|lack|abolish|cancel|declin|den(?:y|ied)|stopped|discontinu)\w*",
    _IGNORE,
)
_NO_DENIAL: Final = re.compile(
    r"\b(?:no|not) (?:later|more|less|fewer|longer|only|necessarily|yet|enough)\b"
    r"|\b(?:no|not|never|nobody|none|cannot)\b[^.;:,!?]{0,40}"
    r"\b(?:more|less|fewer|later|earlier|longer|older) than\b"
    r"|\bwithout (?:a|an|any|the) ",
    _IGNORE,
)
"""Limits: "no person may walk more than four dogs" says how many may be walked."""

_AVOIDS: Final = re.compile(
    r"\b(?:avoid|prevent|protect)\w*\b|\b(?:keep|keeps|kept|stop|stops|stopped)\b.{0,60}\bfrom \w+ing\b",
    _IGNORE,
)
_OPEN_QUESTION: Final = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", _IGNORE)
_POSSIBLE: Final = re.compile(
    r"\?\s*$|\b(?:possible|allowed|permitted|needed|required|necessary|included|covered"
    r"|any (?:way|chance))\b",
    _IGNORE,
)
_REASON_OR_TERM: Final = re.compile(r"\bwhy\b|\bhow (?:long|soon|often)\b|\buntil when\b", _IGNORE)
"""Questions for a reason or a time, whatever thing they are about: "Why is it cheaper?"."""

_HIGH_AMOUNT: Final = re.compile(
    r"\bhow (?:high|low) (?:is|are|was|were|will|would|can|may|must|did|does)\b.*"
    r"\b(?:dividend|turnover|revenue|income|profit|loss|budget|interest|rate|allowance|pension|grant|subsid\w+"
    r"|contribution|premium|discount|share|percentage|quota|humidity|pressure|voltage|output|consumption|risk"
    r"|score|debt|limit|temperature|reading|count)s?\b",
    _IGNORE,
)
"""Amounts, which are high in their own units, and not in metres."""

_HOW_OLD: Final = re.compile(r"\bhow old\b", _IGNORE)
_IN_CHARGE: Final = re.compile(r"\bin charge\b", _IGNORE)
_LABEL: Final = re.compile(r"(?:(?<=; )|^)[^:;]{1,40}: ")


def lacks_kind(question: str, answer: str) -> bool:
    """Return whether a question asks for a time, a person or a number, and the answer has none."""
    if _PERSON.question.search(question):
        words = _LABEL.sub("", answer)
        is_group = _GROUP.question.search(question) and _GROUP.answer.search(words)
        return not _PERSON.answer.search(words) and not is_group
    kind = next((kind for kind in _KINDS if kind.question.search(question)), None)
    return kind is not None and not kind.answer.search(answer)


def asked_attribute(question: str) -> Attribute | None:
    """Return what is asked of a thing, such as its price or weight; None where it is something else."""
    if _PERSON.question.search(question) or _REASON_OR_TERM.search(question):
        return None
    words = frozenset(words_of(_HOW_OLD.sub("what age", _IN_CHARGE.sub("", question))))
    words -= {"high"} if _HIGH_AMOUNT.search(question) else set()
    attribute = next((attribute for attribute in _ATTRIBUTES if attribute.words & words), None)
    return attribute.named(words) if attribute and asks_whether(question) else attribute


def asks_whether(question: str) -> bool:
    """Return whether yes or no would be an answer, as to "Is it open?" and "permit needed?"."""
    if _ASKS_WHETHER.match(question):
        return True
    return _OPEN_QUESTION.search(question) is None and _POSSIBLE.search(question) is not None


def avoids(question: str) -> bool:
    """Return whether it is asked how something is kept from happening: what denies it answers."""
    return _AVOIDS.search(question) is not None


def denies(text: str) -> bool:
    """Return whether a text says that something is not so."""
    return _DENIAL.search(_NO_DENIAL.sub("", text)) is not None
