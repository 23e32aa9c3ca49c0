"""PowerPoint: a section for each slide, with its tables, charts and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any, Final

from lxml import etree
from pptx import Presentation
from pptx.chart.plot import BubblePlot, XyPlot
from pptx.oxml.ns import qn
from pptx.shapes.base import BaseShape
from pptx.table import Table, _Cell
from pptx.text.text import _Paragraph

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.contact_links import contact_of
from vital_shared.retrieval.ingest.header_rows import Cell, is_amount, is_value
from vital_shared.retrieval.ingest.html_instead import FILE_NAME
from vital_shared.retrieval.ingest.letter_forms import LetterForm, Written, spelt_out
from vital_shared.retrieval.ingest.office_parts import diagram_texts
from vital_shared.retrieval.ingest.packages import open_package
from vital_shared.retrieval.ingest.slide_list_numbers import SlideListNumbers
from vital_shared.retrieval.ingest.tables import row_text, table_lines

__all__ = ["parse_pptx"]

MAX_DEPTH: Final = 20
_ON: Final = {"1", "true"}
_OFF: Final = {"0", "false"}


def parse_pptx(data: bytes, *, uri: str) -> Parsed:
    """Read a presentation; shapes in the order of their places on the slide.

    :raises IngestError: when it has a password or is damaged.
    """
    open_package(data, uri=uri).close()
    presentation = Presentation(BytesIO(data))
    outline, notes = Outline(), []
    for number, slide in enumerate(presentation.slides, start=1):
        if slide._element.get("show", "1") in _OFF:  # noqa: SLF001 - the library has no name for it
            notes.append(f"The hidden slide {number} was not read.")
            continue
        title = slide.shapes.title
        name = title.text_frame.text if title is not None and title.has_text_frame else ""
        outline.heading(2, f"Slide {number}: {name}" if name.strip() else f"Slide {number}")
        for shape in _in_order(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            if not _add(shape, outline):
                notes.append(f"A chart on slide {number} is of a kind that was not read.")
        for text in diagram_texts(slide.part):
            outline.add("item", text)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            spoken = slide.notes_slide.notes_text_frame.text.strip()
            outline.add("paragraph", f"Notes: {spoken}" if spoken else "")
    return outline.finish(title=presentation.core_properties.title or title_from(uri), uri=uri, notes=notes)


def _in_order(shapes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if shape.element.xpath("string(./*[1]/p:cNvPr/@hidden)") in _ON:
            continue
        if hasattr(shape, "shapes") and depth < MAX_DEPTH:
            yield from _in_order(shape.shapes, depth + 1)
        else:
            yield shape


def _add(shape: Any, outline: Outline) -> bool:
    """Add what a shape shows; returns False for a chart that the library does not know."""
    if getattr(shape, "has_table", False):
        for row in _table(shape.table):
            outline.add("row", row)
    elif getattr(shape, "has_chart", False):
        try:
            _add_chart(shape.chart, outline)
        except (KeyError, ValueError, NotImplementedError, AttributeError):
            return False
    elif shape.has_text_frame:
        numbers = SlideListNumbers()
        for paragraph in shape.text_frame.paragraphs:
            text = _text(paragraph)
            if text.strip() and (number := numbers.label(paragraph._p)):  # noqa: SLF001 - as in `_text`
                text = f"{number} {text}"
            outline.add("item" if len(shape.text_frame.paragraphs) > 1 else "paragraph", text)
    else:
        outline.add("paragraph", _picture_words(shape))
    return True


def _table(table: Table) -> list[str]:
    """Return a line for each row; a heading or a value over several rows or columns is in each."""
    titles: list[str] = []
    rows: list[list[Cell]] = []
    for row in table.rows:
        cells: list[Cell] = []
        for place, cell in enumerate(row.cells):
            if cell.is_spanned and _is_below(cell) and rows:
                cells.append(rows[-1][place])
            elif cell.is_spanned and cells and (not rows or _is_value_over(row.cells, place, cells[-1])):
                cells.append(cells[-1])
            else:
                text = " ".join(_text(paragraph) for paragraph in cell.text_frame.paragraphs)
                cells.append(Cell(" ".join(text.split())))
        if not rows and len(cells) > 1 and all(cell.is_spanned for cell in list(row.cells)[1:]):
            titles += [cells[0].text] if cells[0].text else []
        else:
            rows.append(cells)
    has_header = table.first_row and len(rows) > 1 and not any(map(is_amount, rows[0]))
    return [*titles, *(table_lines(rows, int(has_header)) if rows else [])]


def _is_value_over(row: Sequence[_Cell], place: int, cell: Cell) -> bool:
    """Return whether a short text, of a column but the first, covers the cell at this place, too."""
    first = next((column for column in range(place, -1, -1) if not row[column].is_spanned), 0)
    return first > 0 and is_value(cell.text)


def _is_below(cell: _Cell) -> bool:
    """Return whether a cell is covered by the one above it."""
    return bool(cell._tc.vMerge)  # noqa: SLF001 - the library has no name for the cell that covers it


def _text(paragraph: _Paragraph) -> str:
    """Return a paragraph with raised and struck letters written out."""
    pieces = []
    for run in paragraph._p.xpath("./a:r | ./a:br | ./a:fld"):  # noqa: SLF001 - it has no place for fields
        properties = run.find(qn("a:rPr"))
        text = "\n" if run.tag == qn("a:br") else "".join(run.xpath("./a:t/text()")).replace("\v", "\n")
        pieces.append(Written(text, _form(properties)))
        link = properties.find(qn("a:hlinkClick")) if properties is not None else None
        relation = paragraph.part.rels.get(link.get(qn("r:id"), "")) if link is not None else None
        if (
            relation is not None
            and relation.is_external
            and (contact := contact_of(relation.target_ref, text))
        ):
            pieces.append(Written(f" ({contact})", "plain"))
    return spelt_out(pieces)


def _form(properties: etree._Element | None) -> LetterForm:
    if properties is None:
        return "plain"
    if properties.get("strike", "noStrike") != "noStrike":
        return "struck"
    height = properties.get("baseline", "0").rstrip("%")
    if height in {"", "0"}:
        return "plain"
    return "lowered" if height.startswith("-") else "raised"


def _picture_words(shape: BaseShape) -> str:
    """Return the alternative text of a picture; programs write file names there, too."""
    words = " ".join(shape.element.xpath("string(.//p:cNvPr/@descr)").split())
    return "" if FILE_NAME.fullmatch(words) else words


def _add_chart(chart: Any, outline: Outline) -> None:
    """Add the numbers of a chart: a row for each category, or for each point of a scatter chart."""
    if chart.has_title and chart.chart_title.has_text_frame:
        outline.add("paragraph", chart.chart_title.text_frame.text)
    for plot in chart.plots:
        if not isinstance(plot, XyPlot | BubblePlot):
            _add_categories(plot, outline)
    for series in chart.element.xpath("//c:scatterChart/c:ser | //c:bubbleChart/c:ser"):
        _add_points(series, outline)


def _add_categories(plot: Any, outline: Outline) -> None:
    series = [(one.name, list(one.values)) for one in plot.series]
    names = [str(category) for category in plot.categories]
    for number in range(max([len(names), *(len(values) for _, values in series)])):
        values = ["" if number >= len(row) or row[number] is None else str(row[number]) for _, row in series]
        name = names[number] if number < len(names) else str(number + 1)
        outline.add("row", row_text(["", *(name for name, _ in series)], [name, *values]))


def _add_points(series: Any, outline: Outline) -> None:
    """Add a row for each point (ISO/IEC 29500-1, elements xVal, yVal and bubbleSize)."""
    name = "".join(series.xpath("./c:tx//c:v/text()"))
    axes = [_numbers(series, axis) for axis in ("xVal", "yVal", "bubbleSize")]
    for number in sorted({*axes[0], *axes[1]}):
        outline.add("row", row_text(["", "x", "y", "size"], [name, *(axis.get(number, "") for axis in axes)]))


def _numbers(series: Any, axis: str) -> dict[int, str]:
    """Return the values of an axis by their places; an empty cell has none."""
    points = series.xpath(f"./c:{axis}//c:pt")
    return {int(point.get("idx")): "".join(point.itertext()).strip() for point in points}
