"""Tables of a PDF as rows of text; one that goes over pages keeps the header of its first part."""

from __future__ import annotations

from typing import Final

from vital_shared.retrieval.ingest.divided_header import divided_header
from vital_shared.retrieval.ingest.header_rows import header_rows
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.tables import EMPTY, row_text, stacked, unheaded_row

__all__ = ["TableText"]

SAME_COLUMN: Final = 15.0
"""Distance in points within which a column of the next page is the same one."""


class TableText:
    """A writer of the tables of a document, in their order."""

    def __init__(self) -> None:
        self._last: Table | None = None
        self._header: list[str] = []

    def interrupt(self) -> None:
        """Note that something else stands between the last table and what follows."""
        self._last = None

    def rows(self, table: Table) -> list[str]:
        """Return a line for each row: ``Header: value; Header: value``."""
        titles, table = _without_title(table)
        table = _with_label_beside(table)
        if table.header <= 1 and (whole := divided_header(table.rows)):
            rest = table.rows[len(whole) :]
            table = table._replace(rows=(*map(tuple, whole), *rest), header=len(whole))
        header = stacked(table.rows[: table.header])
        start = table.header
        if self._header and self._goes_on(table) and (header == self._header or not table.is_marked):
            start = start if header == self._header else 0
            header = self._header
        self._last, self._header = table, header
        rows = [[cell.text for cell in row] for row in table.rows[start:]]
        if not rows:
            return [*titles, row_text((), header)]
        unused = [
            heading for heading, *column in zip(header, *rows, strict=False) if heading and not any(column)
        ]
        return [*titles, *(_row(header, row) for row in rows), *(f"{heading}: {EMPTY}" for heading in unused)]

    def _goes_on(self, table: Table) -> bool:
        before = self._last
        return (
            before is not None
            and len(before.edges) == len(table.edges)
            and all(
                abs(one - other) <= SAME_COLUMN for one, other in zip(before.edges, table.edges, strict=True)
            )
        )


def _without_title(table: Table) -> tuple[list[str], Table]:
    """Take off rows at the top that have one cell over all columns: they name the table."""
    titles: list[str] = []
    rows = table.rows
    while len(rows) > 1 and len(rows[0]) > 1 and rows[0][0].text and len(set(rows[0])) == 1:
        titles.append(rows[0][0].text)
        rows = rows[1:]
    if not titles:
        return [], table
    header, is_marked = max(table.header - len(titles), 0), table.is_marked
    if header == 0:
        header, is_marked = header_rows(rows)
    return titles, table._replace(rows=rows, header=header, is_marked=is_marked)


def _with_label_beside(table: Table) -> Table:
    """Put a label that stands between two rows of headings, and belongs to both, into the first."""
    if len(table.rows) < 4 or table.header != 2:
        return table
    first, label, second = table.rows[:3]
    if not label[0].text or any(cell.text for cell in (first[0], second[0], *label[1:])):
        return table
    return table._replace(rows=((label[0], *first[1:]), *table.rows[2:]), header=1)


def _row(header: list[str], row: list[str]) -> str:
    return row_text(header, row) if header else unheaded_row(row)
