"""The cells of rich text's tables, marked, with those that belong to the cell above or before them.

See the Rich Text Format Specification 1.9.1, "Table Definitions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from vital_shared.retrieval.ingest.header_rows import Cell, is_value
from vital_shared.retrieval.ingest.rtf_tokens import TOKEN

__all__ = ["CELL", "ROW", "cells_of", "with_marked_cells"]

ROW, CELL = "\x05", "\x06"
_ABOVE, _BEFORE = "\x0e", "\x0f"
_MERGED: Final = {"clvmrg": _ABOVE, "clmrg": _BEFORE}
_NESTED: Final = {"nestcell": CELL, "nestrow": rf"{ROW}\par "}
_TABLE: Final = re.compile(r"\\(?:nest)?cell(?![a-z])")


def with_marked_cells(source: str) -> str:
    """Return the source of a rich text with marks at the ends of cells and rows."""
    return "".join(_marked(source)) if _TABLE.search(source) else source


def _marked(source: str) -> Iterator[str]:
    defined: list[str] = []
    merged, number = "", 0
    for token in TOKEN.finditer(source):
        word = token["word"]
        if word == "cell":
            yield (defined[number] if number < len(defined) else "") + CELL
            number += 1
        elif word == "row":
            yield rf"{ROW}\par "
            number = 0
        elif word in _NESTED:
            yield _NESTED[word]
        else:
            yield token.group()
        if word == "trowd":
            defined, merged = [], ""
        elif word in _MERGED:
            merged = _MERGED[word]
        elif word == "cellx":
            defined.append(merged)
            merged = ""


def cells_of(lines: Sequence[str]) -> list[list[Cell]]:
    """Return the cells of marked rows; one that belongs to another says what that says."""
    rows: list[list[Cell]] = []
    for line in lines:
        cells: list[Cell] = []
        for text in line.split(ROW)[0].split(CELL)[:-1]:
            cell = Cell(" ".join(text.replace(_ABOVE, "").replace(_BEFORE, "").split()))
            if _ABOVE in text and rows and len(cells) < len(rows[-1]):
                cell = rows[-1][len(cells)]
            elif _BEFORE in text and cells and (not rows or is_value(cells[-1].text)):
                cell = cells[-1]
            cells.append(cell)
        rows.append(cells)
    return rows
