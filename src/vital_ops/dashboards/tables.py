"""Tables: one row for each set of labels, and each query's value in a column with a name.

Grafana ignores the legend of a query in table format: the value of query A is called "Value #A", or "Value"
where there is no other query, and labels keep their names. So columns are renamed by a transformation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import dashboard as models

from vital_ops.dashboards.panel import Panel

__all__ = ["draw_table", "query_id"]

HEADINGS: Final = {
    "agent_id": "Agent",
    "commit": "Commit",
    "environment": "Environment",
    "instance": "Instance",
    "mode": "Mode",
    "period": "Period",
    "tenant_id": "Tenant",
    "level": "Level",
    "holder": "Holder",
    "unit": "Unit",
    "version": "Version",
}
"""The headings of labels."""


def query_id(number: int) -> str:
    """Return the letter by which Grafana knows a panel's query, counted from 0."""
    return chr(ord("A") + number)


def draw_table(panel: Panel) -> table.Panel:
    """Draw the panel's labels as columns, then each query's value; rows are ordered by the first value."""
    drawn = table.Panel().transformations(
        [
            models.DataTransformerConfig(id_val="merge", options={}),
            models.DataTransformerConfig(id_val="organize", options=_columns(panel)),
        ]
    )
    for query in panel.queries:
        if query.unit:
            drawn.override_by_name(query.legend, [models.DynamicConfigValue(id_val="unit", value=query.unit)])
    return drawn


def _columns(panel: Panel) -> dict[str, object]:
    names = dict(_names(panel))
    return {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(names)},
        "renameByName": names,
    }


def _names(panel: Panel) -> Iterator[tuple[str, str]]:
    for label in panel.rows:
        yield label, HEADINGS[label]
    if len(panel.queries) == 1:
        yield "Value", panel.queries[0].legend
    for number, query in enumerate(panel.queries):
        yield f"Value #{query_id(number)}", query.legend
