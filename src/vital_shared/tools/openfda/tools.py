"""openFDA: clearances and recalls of devices, labels of drugs and reports of their effects.

Source: openFDA's documentation, "Query syntax" and the references of the endpoints device/510k,
device/enforcement, drug/label and drug/event. Without a key 240 requests a minute are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from vital_shared.models.citation import Passage
from vital_shared.tools.base import Found, Tool, ToolError, tool
from vital_shared.tools.openfda.intents import clearances_in, events_in, label_in, recalls_in
from vital_shared.tools.public_api import PublicApi

__all__ = ["ADDRESS", "openfda"]

ADDRESS: Final = "https://api.fda.gov"

DISCLAIMER: Final = (
    "Do not rely on openFDA to make decisions regarding medical care; its data may be incomplete."
)

Query = Annotated[str, Field(min_length=1, max_length=200, description="Plain words; no query syntax.")]
Limit = Annotated[int, Field(ge=1, le=10, description="How many records.")]
Since = Annotated[date | None, Field(description="None older than this.")]
Section = Literal[
    "boxed_warning",
    "indications_and_usage",
    "dosage_and_administration",
    "contraindications",
    "warnings",
    "adverse_reactions",
    "drug_interactions",
]

_CLEARANCE = re.compile(r"\b(?:K\d{6}|DEN\d{6})\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_OPERATORS = frozenset({"and", "or", "not", "to"})


def openfda(api: PublicApi) -> tuple[Tool, ...]:
    """Make the tools."""

    @tool(timeout_seconds=20, read_only=True, from_query=clearances_in)
    async def fda_510k_search(query: Query, limit: Limit = 5, since: Since = None) -> Found:
        """Search FDA's 510(k) clearances and De Novo grants by device, applicant or number (K123456)."""
        number = _CLEARANCE.search(query)
        search = (
            f'k_number:"{number.group().upper()}"'
            if number
            else _any_field(("device_name", "applicant"), query)
        )
        search += _since("decision_date", since)
        records = await _records(
            api, "/device/510k.json", search=search, limit=limit, sort="decision_date:desc"
        )
        return _found(records, f"clearances for “{query}”", _clearance)

    @tool(timeout_seconds=20, read_only=True, from_query=recalls_in)
    async def fda_recall_search(query: Query, limit: Limit = 5, since: Since = None) -> Found:
        """Search FDA's enforcement reports of recalled devices by product or firm, with class and reason."""
        search = _any_field(("product_description", "recalling_firm"), query)
        search += _since("recall_initiation_date", since)
        records = await _records(
            api, "/device/enforcement.json", search=search, limit=limit, sort="recall_initiation_date:desc"
        )
        return _found(records, f"recalls for “{query}”", _recall)

    @tool(timeout_seconds=20, read_only=True, from_query=label_in)
    async def fda_label_search(drug: Query, section: Section = "indications_and_usage") -> Found:
        """Read a section of a drug's label: its uses, doses, warnings, interactions or adverse reactions."""
        search = _any_field(("openfda.generic_name", "openfda.brand_name"), drug)
        records = await _records(api, "/drug/label.json", search=f"{search} AND _exists_:{section}", limit=1)
        return _found(records, f"labels of “{drug}” with that section", lambda each: _label(each, section))

    @tool(timeout_seconds=20, read_only=True, from_query=events_in)
    async def fda_event_search(drug: Query, limit: Limit = 10) -> Found:
        """Count the reactions that were reported most for a drug; reports prove no cause and no frequency."""
        search = _any_field(("patient.drug.medicinalproduct", "patient.drug.openfda.generic_name"), drug)
        records = await _records(
            api,
            "/drug/event.json",
            search=search,
            count="patient.reaction.reactionmeddrapt.exact",
            limit=limit,
        )
        return _events(drug, records)

    return fda_510k_search, fda_recall_search, fda_label_search, fda_event_search


async def _records(api: PublicApi, path: str, **params: str | int) -> list[dict[str, Any]]:
    """Return the records found; none where openFDA answers 404, which is how it says so."""
    answer = await api.get(path, **params)
    if answer is None:
        return []
    try:
        results = orjson.loads(answer)["results"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ToolError("openFDA sent an answer that cannot be read.") from error
    return [each for each in results if isinstance(each, dict)]


def _any_field(fields: Sequence[str], query: str) -> str:
    """Ask for records one of whose fields has all the words.

    Only words go in, singular and plural: nothing that a question has is read as query syntax.

    :raises ToolError: when there is no word in it.
    """
    words = [word for word in _WORD.findall(query) if word.lower() not in _OPERATORS]
    if not words:
        raise ToolError("Name a product, a firm or a drug to search for.")
    wanted = [
        f"({word} OR {word[:-1]})" if len(word) > 4 and word.endswith("s") else f'"{word}"' for word in words
    ]
    return (
        "(" + " OR ".join("(" + " AND ".join(f"{field}:{w}" for w in wanted) + ")" for field in fields) + ")"
    )


def _since(field: str, since: date | None) -> str:
    return f" AND {field}:[{since:%Y%m%d} TO 29991231]" if since else ""


def _found(
    records: Sequence[Mapping[str, Any]], what: str, as_passage: Callable[[Mapping[str, Any]], Passage]
) -> Found:
    if not records:
        return Found(text=f"openFDA has no {what}.")
    passages = tuple(as_passage(record) for record in records)
    lines = [f"{number}. {each.title} ({each.uri})" for number, each in enumerate(passages, start=1)]
    return Found(text="\n".join([f"openFDA has these {what}:", *lines, DISCLAIMER]), passages=passages)


def _passage(kind: str, number: str, title: str, uri: str, text: str) -> Passage:
    name = f"openfda:{kind}:{number}"
    return Passage(id=name, document_id=name, title=title, source="openfda", uri=uri, text=text, score=0.0)


def _clearance(record: Mapping[str, Any]) -> Passage:
    number, device = _of(record, "k_number"), _of(record, "device_name")
    page = "denovo.cfm?id" if number.startswith("DEN") else "pmn.cfm?ID"
    return _passage(
        "510k",
        number,
        f"{number}: {device}",
        f"https://www.accessdata.fda.gov/scripts/cdrh/cfdocs/cfpmn/{page}={number}",
        f"{device} of {_of(record, 'applicant')} has the number {number}. Decision of "
        f"{_day(record, 'decision_date')}: {_of(record, 'decision_description')}. Product code "
        f"{_of(record, 'product_code')}, reviewed by {_of(record, 'advisory_committee_description')}.",
    )


def _recall(record: Mapping[str, Any]) -> Passage:
    number = _of(record, "recall_number")
    return _passage(
        "recall",
        number,
        f"Recall {number} of {_of(record, 'recalling_firm')}",
        f"https://api.fda.gov/device/enforcement.json?search=recall_number:{number}",
        f"{_of(record, 'classification')} recall {number} of {_of(record, 'recalling_firm')}, begun on "
        f"{_day(record, 'recall_initiation_date')}, {_of(record, 'status').lower()}. Product: "
        f"{_of(record, 'product_description')}. Reason: {_of(record, 'reason_for_recall')}.",
    )


def _label(record: Mapping[str, Any], section: str) -> Passage:
    known = record.get("openfda") or {}
    names = [*known.get("brand_name", [])[:1], *known.get("generic_name", [])[:1]] or ["The drug"]
    number = _of(record, "set_id") or _of(record, "id")
    said = record.get(section)
    return _passage(
        "label",
        f"{number}:{section}",
        f"Label of {' / '.join(str(name) for name in names)}: {section.replace('_', ' ')}",
        f"https://dailymed.nlm.nih.gov/dailymed/drugInfo.cfm?setid={number}",
        "\n".join(map(str, said)) if isinstance(said, list) else str(said or ""),
    )


def _events(drug: str, records: Sequence[Mapping[str, Any]]) -> Found:
    if not records:
        return Found(text=f"openFDA has no reports on “{drug}”.")
    counts = "; ".join(f"{str(each.get('term', '')).lower()}: {each.get('count', 0):,}" for each in records)
    text = (
        f"Reactions most often reported to FDA with {drug}, by number of reports: {counts}. A report does "
        "not mean that the drug was the cause, and the numbers say nothing of how often a reaction occurs."
    )
    passage = _passage(
        "event", drug, f"Reports of adverse events with {drug}", "https://open.fda.gov/apis/drug/event/", text
    )
    return Found(text=f"{text} {DISCLAIMER}", passages=(passage,))


def _of(record: Mapping[str, Any], field: str) -> str:
    return " ".join(str(record.get(field) or "").split())


def _day(record: Mapping[str, Any], field: str) -> str:
    """Return a date that openFDA writes as 2024-05-31 or 20240531."""
    digits = _of(record, field).replace("-", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 else "an unknown day"
