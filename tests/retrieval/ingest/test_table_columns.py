"""Cells keep their columns: where cells are empty, cover others, or have headings over two rows."""

import pytest
from tests.retrieval.ingest.made_files import odf, saved, slide_table, texts, word_table, workbook

from vital_shared.retrieval.ingest.header_rows import Cell
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.table_text import TableText

PARTLY_HEADED = [
    ("Item", "", "Price", ""),
    ("Nut", "x", "", "5"),
    ("Bolt", "", "2", ""),
    ("Pin", "y", "3", "7"),
]
PARTLY_HEADED_TEXTS = ["Item: Nut; x; Price: \u2013; 5", "Item: Bolt; Price: 2", "Item: Pin; y; Price: 3; 7"]

DOSES = [
    ("Drug", "Adult", "", "Child", ""),
    ("", "Start", "Max", "Start", "Max"),
    ("Bentrix", "10", "40", "", "20"),
    ("Calmor", "", "", "5", "15"),
]
DOSE_TEXTS = [
    "Drug: Bentrix; Adult Start: 10; Adult Max: 40; Child Max: 20",
    "Drug: Calmor; Child Start: 5; Child Max: 15",
]
TARIFF_TEXTS = ["Tariff: Basic; Day: 30; Night: 20", "Tariff: Flat; Day: 25; Night: 25"]


def csv(rows):
    return "\n".join(map(",".join, rows))


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def html(rows, tag="td"):
    cells = (f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in row)}</tr>" for row in rows)
    return f"<table>{''.join(cells)}</table>"


def rich_text(rows):
    lines = (r"\trowd " + "".join(rf"\intbl {cell}\cell " for cell in row) + r"\row " for row in rows)
    return rf"{{\rtf1\ansi {''.join(lines)}}}"


def open_table(*rows):
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    return f'<table:table table:name="T">{inner}</table:table>'


def open_cell(text, spans=""):
    return f"<table:table-cell office:value-type='string' {spans}><text:p>{text}</text:p></table:table-cell>"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.csv", csv),
        ("a.md", markdown),
        ("a.rtf", rich_text),
        ("a.xlsx", workbook),
        ("a.docx", lambda rows: saved(word_table(rows)[0])),
        ("a.pptx", lambda rows: saved(slide_table(rows)[0])),
    ],
)
def test_a_cell_without_a_heading_keeps_its_place_beside_empty_ones(name, make):
    assert texts(name, make(PARTLY_HEADED))[-3:] == PARTLY_HEADED_TEXTS


@pytest.mark.parametrize(
    ("name", "make"), [("a.csv", csv), ("a.md", markdown), ("a.rtf", rich_text), ("a.xlsx", workbook)]
)
def test_a_heading_before_empty_ones_is_over_them_where_the_next_row_divides_it(name, make):
    assert texts(name, make(DOSES)) == DOSE_TEXTS


def test_cells_of_a_page_without_marked_headings_are_read_by_what_they_cover():
    page = (
        "<table><tr><td rowspan=2>Drug</td><td colspan=2>Adult</td><td colspan=2>Child</td></tr>"
        "<tr><td>Start</td><td>Max</td><td>Start</td><td>Max</td></tr>"
        "<tr><td>Bentrix</td><td>10</td><td>40</td><td></td><td>20</td></tr>"
        "<tr><td>Calmor</td><td></td><td></td><td>5</td><td>15</td></tr></table>"
    )
    assert texts("a.html", page) == DOSE_TEXTS
    first, rest = page.split("</tr>", 1)
    assert texts("a.html", first.replace("td", "th") + "</tr>" + rest) == DOSE_TEXTS


def test_a_slide_whose_header_is_divided_has_both_rows_of_it():
    presentation, _, table = slide_table(DOSES)
    for first, last in (((0, 0), (1, 0)), ((0, 1), (0, 2)), ((0, 3), (0, 4))):
        table.cell(*first).merge(table.cell(*last))
    assert texts("a.pptx", saved(presentation))[-2:] == DOSE_TEXTS


def test_a_second_row_of_words_is_no_header_where_nothing_is_divided():
    rows = [("Room", "Monday", "Tuesday"), ("North", "Choir", ""), ("South", "", "Chess")]
    assert texts("a.csv", csv(rows)) == ["Room: North; Monday: Choir", "Room: South; Tuesday: Chess"]


TARIFFS = [("Tariff", "Day", "Night"), ("Basic", "30", "20"), ("Flat", "25", "")]


def merged_word_table():
    document, table = word_table(TARIFFS)
    table.cell(2, 1).merge(table.cell(2, 2)).text = "25"
    return saved(document)


def merged_slide_table():
    presentation, _, table = slide_table(TARIFFS)
    table.cell(2, 1).merge(table.cell(2, 2))
    return saved(presentation)


def merged_open_table(kind):
    rows = ["".join(map(open_cell, row)) for row in TARIFFS[:2]]
    last = (
        open_cell("Flat")
        + open_cell("25", 'table:number-columns-spanned="2"')
        + "<table:covered-table-cell/>"
    )
    return odf(open_table(*rows, last), kind)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", html(TARIFFS[:1], "th").replace("</table>", "<tr><td>Flat<td colspan=2>25</tr></table>")),
        ("a.docx", merged_word_table()),
        ("a.pptx", merged_slide_table()),
        ("a.odt", merged_open_table("text")),
        ("a.ods", merged_open_table("spreadsheet")),
    ],
)
def test_a_value_that_covers_several_columns_stands_in_each(name, data):
    assert texts(name, data)[-1] == TARIFF_TEXTS[-1]


def test_a_label_that_covers_columns_is_no_value_of_theirs():
    table = "<tr><th>Item<th>Count<th>Price</tr><tr><td>Nut<td>2<td>3</tr><tr><td colspan=2>Total<td>3</tr>"
    assert texts("a.html", f"<table>{table}</table>")[-1] == "Item: Total; Price: 3"


def test_merged_cells_of_an_open_workbook_stand_in_each_of_their_rows():
    site = open_cell("North", 'table:number-rows-spanned="2"')
    rows = [
        "".join(map(open_cell, ("Site", "Shift", "Lead"))),
        site + open_cell("early") + open_cell("Ann"),
        "<table:covered-table-cell/>" + open_cell("late") + open_cell("Bob"),
        "".join(map(open_cell, ("South", "early", "Cas"))),
    ]
    assert texts("a.ods", odf(open_table(*rows), "spreadsheet")) == [
        "Site: North; Shift: early; Lead: Ann",
        "Site: North; Shift: late; Lead: Bob",
        "Site: South; Shift: early; Lead: Cas",
    ]


def test_a_label_beside_two_rows_of_headings_is_one_of_both():
    """Where no line says what a label over two rows belongs to, a page has it between them."""
    rows = [DOSES[0], ("Drug", *[""] * 4), ("", *DOSES[1][1:]), *DOSES[2:]]
    rows[0] = ("", *DOSES[0][1:])
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    table = Table(cells, 2, is_marked=True, x0=0, x1=5, y0=0, y1=5, edges=(0, 1, 2, 3, 4))
    assert TableText().rows(table) == DOSE_TEXTS


TITLED = [("Tariffs of 2024", "", ""), *TARIFFS[:2], ("Old tariffs", "", ""), ("Flat", "25", "25")]
TITLED_TEXTS = ["Tariffs of 2024", TARIFF_TEXTS[0], "Old tariffs", TARIFF_TEXTS[1]]


def titled_word_table():
    document, table = word_table(TITLED)
    for row in (0, 3):
        table.cell(row, 0).merge(table.cell(row, 2)).text = TITLED[row][0]
    return saved(document)


def titled_slide_table():
    presentation, _, table = slide_table(TITLED)
    for row in (0, 3):
        table.cell(row, 0).merge(table.cell(row, 2))
    return saved(presentation)


def titled_page():
    rows = (
        f"<td colspan=3>{row[0]}" if not row[1] else "".join(f"<td>{cell}" for cell in row) for row in TITLED
    )
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def titled_open_table(kind):
    def row(cells):
        if cells[1]:
            return "".join(map(open_cell, cells))
        return open_cell(cells[0], 'table:number-columns-spanned="3"') + "<table:covered-table-cell/>" * 2

    return odf(open_table(*map(row, TITLED)), kind)


def merge_titles(book, sheet):
    for row in (0, 3):
        sheet.merge_range(row, 0, row, 2, TITLED[row][0])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", titled_page()),
        ("a.docx", titled_word_table()),
        ("a.pptx", titled_slide_table()),
        ("a.odt", titled_open_table("text")),
        ("a.ods", titled_open_table("spreadsheet")),
        ("a.xlsx", workbook(TITLED, change=merge_titles)),
    ],
)
def test_a_title_over_all_columns_is_no_heading_of_each(name, data):
    first, second, section, last = texts(name, data)
    assert [first, second, last] == [TITLED_TEXTS[0], TITLED_TEXTS[1], TITLED_TEXTS[3]]
    assert section in {"Old tariffs", "Tariff: Old tariffs"}


def test_a_merged_title_alone_above_a_table_is_read_once():
    data = workbook([], change=lambda book, sheet: sheet.merge_range(0, 0, 0, 3, "Prices of 2024"))
    assert texts("a.xlsx", data) == ["Prices of 2024"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (TARIFFS[:2], TARIFF_TEXTS[:1]),
        ([("Item", "Price"), ("Nut", "3"), ("Bolt", "4")], ["Item: Nut; Price: 3", "Item: Bolt; Price: 4"]),
        ([("Owner", "Kim Lee"), ("Phone", "ask")], ["Owner: Kim Lee", "Phone: ask"]),
    ],
)
def test_a_table_that_begins_beside_the_edge_of_its_sheet_is_read_as_any_other(rows, said):
    """Another table, above it, makes the sheet wider than this one."""

    def change(book, sheet):
        sheet.write_row(0, 0, ["Key", "A", "B", "C", "D", "E", "F"])
        sheet.write_row(1, 0, ["k", 1, 2, 3, 4, 5, 6])
        for number, row in enumerate(rows, start=4):
            sheet.write_row(number, 2, row)

    assert texts("a.xlsx", workbook([], change=change))[1:] == said
