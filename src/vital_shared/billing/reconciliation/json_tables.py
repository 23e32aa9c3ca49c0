"""Tables saved as JSON: queries of Azure's cost management, of BigQuery, and of AWS's Cost Explorer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from vital_shared.billing.reconciliation.columns import column_name
from vital_shared.billing.reconciliation.reported import ProviderExport
from vital_shared.billing.reconciliation.table_rows import TableReader, has_known_columns
from vital_shared.errors import InvalidRequest

__all__ = ["read_json_table"]

_COST_METRICS: Final = (
    "UnblendedCost",
    "NetUnblendedCost",
    "AmortizedCost",
    "NetAmortizedCost",
    "BlendedCost",
)
"""Cost Explorer's costs; the first of them that a response has is read."""


def read_json_table(document: Any) -> ProviderExport | None:
    """Read a table; None: the document is none.

    :raises InvalidRequest: when it is one that cannot be read.
    """
    if isinstance(document, Mapping):
        if isinstance(document.get("ResultsByTime"), list):
            return _cost_explorer(document)
        properties = document.get("properties", document)
        if isinstance(properties, Mapping) and isinstance(properties.get("columns"), list):
            return _azure(properties)
    pages = document if isinstance(document, list) else []
    if pages and all(isinstance(each, Mapping) and not isinstance(each.get("data"), list) for each in pages):
        return _flat([_flattened(each) for each in pages])
    return None


def _azure(properties: Mapping[str, Any]) -> ProviderExport:
    if properties.get("nextLink"):
        raise InvalidRequest("The export has further pages (nextLink): export it as CSV.")
    rows = properties.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise InvalidRequest("The export has columns, but no list `rows` of lists.")
    names = [str(each.get("name")) if isinstance(each, Mapping) else "" for each in properties["columns"]]
    return _read(names, rows, "azure")


def _flat(items: Sequence[Mapping[str, Any]]) -> ProviderExport:
    names = list(dict.fromkeys(name for item in items for name in item))
    return _read(names, [[item.get(name) for name in names] for item in items])


def _flattened(item: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the fields of a row, those of objects within it under both names: ``sku_description``."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            found |= _flattened(value, f"{prefix}{name}_")
        elif isinstance(value, list) and value:
            raise InvalidRequest(f'The export has the list "{prefix}{name}" in a row: export a plain table.')
        else:
            found[f"{prefix}{name}"] = value
    return found


def _cost_explorer(document: Mapping[str, Any]) -> ProviderExport:
    if document.get("NextPageToken"):
        raise InvalidRequest("The export has further pages (NextPageToken): export all of it.")
    rows = [list(row) for result in document["ResultsByTime"] for row in _cost_explorer_rows(result)]
    return _read(["starting_at", "ending_at", "model", "cost", "currency"], rows)


def _cost_explorer_rows(result: Any) -> Iterator[tuple[Any, ...]]:
    period = result.get("TimePeriod") if isinstance(result, Mapping) else None
    if not isinstance(period, Mapping) or not isinstance(period.get("End"), str):
        raise InvalidRequest("The export has a result without its TimePeriod.")
    # The end is a day, and not included.
    start, end = period.get("Start"), f"{period['End'][:10]}T00:00:00Z"
    groups = result.get("Groups") or [{"Keys": [], "Metrics": result.get("Total")}]
    for group in groups if isinstance(groups, list) else ():
        fields = group if isinstance(group, Mapping) else {}
        keys, metrics = fields.get("Keys"), fields.get("Metrics")
        if not isinstance(metrics, Mapping) or not isinstance(keys, list):
            raise InvalidRequest("The export has a group without keys and metrics.")
        if not metrics:
            yield start, end, "", None, None  # a day without costs
            continue
        cost = next((metrics[each] for each in _COST_METRICS if each in metrics), None)
        if not isinstance(cost, Mapping):
            raise InvalidRequest("The export has a group without a cost, such as UnblendedCost.")
        yield start, end, " ".join(map(str, keys)), cost.get("Amount"), cost.get("Unit")


def _read(names: Sequence[str], rows: Sequence[Sequence[Any]], provider: str = "") -> ProviderExport:
    columns = [column_name(name) for name in names]
    if not has_known_columns(columns):
        raise InvalidRequest("The JSON is not a usage or cost report: its rows have no day, or no amounts.")
    texts = [[_text(cell) for cell in row] for row in rows]
    export = TableReader(columns).read(lambda: enumerate(texts, start=1))
    return ProviderExport(export.provider or provider, export.amounts, export.period, export.left_out)


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, bool):
        return ""
    return str(cell)
