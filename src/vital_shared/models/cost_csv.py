"""Costs as CSV (RFC 4180), for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO

from vital_shared.models.costs import CostGroup, CostReport, CostSums
from vital_shared.models.csv_text import defused

__all__ = ["to_csv"]


def to_csv(report: CostReport, group_by: Sequence[CostGroup]) -> str:
    """Return a header and the lines; no total, so that a column can be summed.

    A text that a spreadsheet could take for a formula, such as a model's name that begins with ``=``,
    has an apostrophe before it.
    """
    out = StringIO()
    writer = csv.writer(out)  # as RFC 4180 wants it
    fields = tuple(CostSums.model_fields)
    writer.writerow((*group_by, *fields))
    for line in report.lines:
        groups = (defused(line.group[name] or "") for name in group_by)
        writer.writerow((*groups, *(_number(getattr(line, name)) for name in fields)))
    return out.getvalue()


def _number(value: int | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
