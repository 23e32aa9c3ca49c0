"""Questions that expressly wish openFDA to be searched, and what for.

"How long does a 510(k) take?" does not: the documents answer it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from vital_shared.tools.question import short_sentences

__all__ = ["clearances_in", "events_in", "label_in", "recalls_in"]

_ASK: Final = r"\b(?:find|list|show|search|look up|look for|search for|get|which|what|are there|were there)\b"
_OF: Final = r"(?:for|of|on|about|involving|against)"
_TOPIC: Final = r"(?P<topic>.+)"
_ANY: Final = r"(?:me |us |any |all |the |recent |latest |new |fda |fda's |openfda |device |class [i1-3]+ )*"

_NUMBER = re.compile(r"\b(?:K\d{6}|DEN\d{6})\b")
_CLEARANCES = re.compile(
    rf"{_ASK} {_ANY}(?:510\(?k\)? (?:clearances|database|records|submissions)|clearances) {_OF} {_TOPIC}",
    re.IGNORECASE,
)
_RECALLS = re.compile(rf"{_ASK} {_ANY}recalls? (?:are there |were there )?{_OF} {_TOPIC}", re.IGNORECASE)
_EVENTS = re.compile(
    r"\b(?:adverse (?:events?|reactions?)|side effects?|reactions?) "
    rf"(?:are |were |have been |most often )*reported (?:most )?(?:{_OF}|with|to) {_TOPIC}",
    re.IGNORECASE,
)
_PART: Final = (
    r"(?P<section>boxed warnings?|indications?|dos(?:e|age)|contraindications?|warnings?|adverse reactions?|"
    r"interactions?)"
)
_LABEL = re.compile(
    rf"\b{_PART} (?:(?:do|does|is|are) )?(?:on|in|from) the (?:drug )?label(?:ing)? (?:of|for) (?P<topic>.+)"
    r"|\b(?:fda|drug) label (?:of|for) (?P<whole>.+)",
    re.IGNORECASE,
)
_SECTIONS: Final = {
    "boxed": "boxed_warning",
    "indic": "indications_and_usage",
    "dose": "dosage_and_administration",
    "dosag": "dosage_and_administration",
    "contr": "contraindications",
    "warni": "warnings",
    "adver": "adverse_reactions",
    "inter": "drug_interactions",
}


def clearances_in(query: str) -> dict[str, Any] | None:
    """Take the arguments of `fda_510k_search`."""
    number = _NUMBER.search(query)
    return {"query": number.group()} if number else _topic(_CLEARANCES, query, "query")


def recalls_in(query: str) -> dict[str, Any] | None:
    """Take the arguments of `fda_recall_search`."""
    return _topic(_RECALLS, query, "query")


def events_in(query: str) -> dict[str, Any] | None:
    """Take the arguments of `fda_event_search`."""
    return _topic(_EVENTS, query, "drug")


def label_in(query: str) -> dict[str, Any] | None:
    """Take the arguments of `fda_label_search`."""
    for sentence in short_sentences(query):
        found = _LABEL.search(sentence)
        topic = _trimmed(found["topic"] or found["whole"]) if found else ""
        if found and topic:
            section = _SECTIONS.get((found["section"] or "").lower()[:5])
            return {"drug": topic, **({"section": section} if section else {})}
    return None


def _topic(wish: re.Pattern[str], query: str, argument: str) -> dict[str, Any] | None:
    for sentence in short_sentences(query):
        found = wish.search(sentence)
        if found and (topic := _trimmed(found["topic"])):
            return {argument: topic}
    return None


def _trimmed(topic: str) -> str:
    return topic.strip(" ?.!,\"'“”")[:200]
