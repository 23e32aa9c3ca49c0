"""Headings over several columns, in formats that do not say which columns a cell covers."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.retrieval.ingest.header_rows import Cell, are_short, is_amount, mostly_numbers

__all__ = ["divided_header"]


def divided_header(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Return two rows of headings, the first with each over all of its columns; none in other tables.

    The second row divides the headings of the first, whose cells are empty or the same behind each:
    "Adult" and nothing, above "Start" and "Max". Either its labels come again under the next heading, or the
    rows below it have labels and numbers.

    :param rows: rows of equal length.
    """
    if len(rows) < 3 or len(rows[0]) < 3 or not are_short(rows[:2]):
        return []
    first, second, body = rows[0], rows[1], rows[2:]
    covering = _covering(first)
    divided = [column for column, over in enumerate(covering) if covering.count(over) > 1]
    if not divided or covering[0] in {covering[column] for column in divided}:
        return []
    labels = [second[column] for column in divided]
    is_unnamed = second[0].text in {"", first[0].text}
    if not all(label.text for label in labels) or any(map(is_amount, second)) or not is_unnamed:
        return []
    names = [label.text for label in labels]
    is_repeated = len(set(names)) < len(names)
    has_numbers = any(mostly_numbers([row[column] for row in body]) for column in divided)
    if not is_repeated and not (has_numbers and all(row[0].text for row in body)):
        return []
    return [[first[over] for over in covering], list(second)]


def _covering(first: Sequence[Cell]) -> list[int]:
    """Return, for each column, the column of the heading over it."""
    covering = [0]
    for column in range(1, len(first)):
        over = covering[-1]
        is_covered = first[column].text in {"", first[over].text} and over > 0
        covering.append(over if is_covered else column)
    return covering
