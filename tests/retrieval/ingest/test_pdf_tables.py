"""Tables of PDFs that reportlab makes: another hand than the one that makes those of the other tests."""

import io

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from vital_shared.retrieval.ingest.from_pdf import parse_pdf

DOSES = [
    ["Drug", "Adult dose", "Child dose", "Max per day"],
    ["Abacol", "500 mg", "250 mg", "2000 mg"],
    ["Bentrix", "10 mg", "", "40 mg"],
    ["Cordiax", "75 mg", "37.5 mg", "150 mg"],
]
DOSE_ROWS = [
    "Drug: Abacol; Adult dose: 500 mg; Child dose: 250 mg; Max per day: 2000 mg",
    "Drug: Bentrix; Adult dose: 10 mg; Max per day: 40 mg",
    "Drug: Cordiax; Adult dose: 75 mg; Child dose: 37.5 mg; Max per day: 150 mg",
]
GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)
BOOK = [("LINEABOVE", (0, 0), (-1, 0), 1, colors.black), ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black)]
BOTTOM = ("LINEBELOW", (0, -1), (-1, -1), 1, colors.black)
STYLES = getSampleStyleSheet()
PROSE = (
    "The committee met in spring and went through every report that the wards had sent in during winter. " * 3
)


def say(text, style="BodyText"):
    return Paragraph(text, STYLES[style])


def table(rows, *style, **options):
    return Table(rows, style=TableStyle(list(style)), **options)


def read(*flowables, **options):
    out = io.BytesIO()
    SimpleDocTemplate(out, title="Doses", **{"pagesize": A4, **options}).build(list(flowables))
    return parse_pdf(out.getvalue(), uri="a.pdf", max_pages=99)


def rows(parsed):
    return [block.text for block in parsed.blocks if block.kind == "row"]


def paragraphs(parsed):
    return [block.text for block in parsed.blocks if block.kind != "row"]


@pytest.mark.parametrize(
    "style",
    [
        [GRID],
        [*BOOK, BOTTOM],
        [],
        [("BOX", (0, 0), (-1, -1), 1, colors.black)],
        [("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.grey)],
        [("LINEAFTER", (0, 0), (-2, -1), 0.3, colors.grey)],
        [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.lightgrey, colors.white])],
    ],
    ids=["grid", "book", "white space", "frame", "lines below", "lines between columns", "shaded"],
)
def test_each_cell_has_its_heading_and_an_empty_cell_stays_empty(style):
    parsed = read(say(PROSE), table(DOSES, *style), say("All doses are oral."))
    assert rows(parsed) == DOSE_ROWS
    assert paragraphs(parsed)[-1] == "All doses are oral."


@pytest.mark.parametrize("style", [[GRID], [*BOOK, BOTTOM], []], ids=["grid", "book", "white space"])
def test_a_last_cell_and_a_first_cell_that_are_empty_shift_none(style):
    body = [["Abacol", "500 mg", "250 mg", ""], ["", "20 mg", "5 mg", "60 mg"], ["Cordiax", "", "", "150 mg"]]
    assert rows(read(say(PROSE), table([DOSES[0], DOSES[1], *body], *style))) == [
        DOSE_ROWS[0],
        "Drug: Abacol; Adult dose: 500 mg; Child dose: 250 mg",
        "Adult dose: 20 mg; Child dose: 5 mg; Max per day: 60 mg",
        "Drug: Cordiax; Max per day: 150 mg",
    ]


@pytest.mark.parametrize("style", [[GRID], []], ids=["grid", "white space"])
def test_a_heading_over_two_columns_stands_in_both(style):
    data = [["Drug", "Dose in mg", "", "Route"], ["", "Adult", "Child", ""], ["Abacol", "500", "250", "oral"]]
    data.append(["Bentrix", "10", "", "oral"])
    spans = [("SPAN", (1, 0), (2, 0)), ("ALIGN", (1, 0), (2, 0), "CENTER")]
    if style:
        spans += [("SPAN", (0, 0), (0, 1)), ("SPAN", (3, 0), (3, 1))]
    assert rows(read(table(data, *spans, *style))) == [
        "Drug: Abacol; Dose in mg Adult: 500; Dose in mg Child: 250; Route: oral",
        "Drug: Bentrix; Dose in mg Adult: 10; Route: oral",
    ]


@pytest.mark.parametrize("repeat", [0, 1])
@pytest.mark.parametrize("style", [[GRID], []], ids=["grid", "white space"])
def test_a_table_over_pages_keeps_its_header(style, repeat):
    body = [[f"Drug {n}", f"{n} mg", "" if n % 7 == 3 else f"{n}.5 mg", f"{3 * n} mg"] for n in range(150)]
    found = rows(read(table([DOSES[0], *body], *style, repeatRows=repeat)))
    assert len(found) == 150
    assert found[3] == "Drug: Drug 3; Adult dose: 3 mg; Max per day: 9 mg"
    assert found[149] == "Drug: Drug 149; Adult dose: 149 mg; Child dose: 149.5 mg; Max per day: 447 mg"


def test_rows_between_lines_that_part_groups_of_columns_alone_are_rows():
    head = [["", "Men", "", "Women", ""], ["Ward", "Young", "Old", "Young", "Old"]]
    body = [
        ["Seven", "11.5", "12", "3", "4.1"],
        ["Eight", "9", "", "33", "8.8"],
        ["Nine", "7", "6.5", "", "1"],
    ]
    lines = [("LINEAFTER", (column, 0), (column, -1), 0.5, colors.black) for column in (0, 2)]
    lines += [
        ("LINEBELOW", (1, 0), (-1, 0), 0.5, colors.black),
        ("LINEBELOW", (0, 1), (-1, 1), 0.5, colors.black),
    ]
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0)), ("ALIGN", (1, 0), (-1, 0), "CENTER")]
    frame = [BOTTOM, ("LINEABOVE", (0, 0), (-1, 0), 1, colors.black)]
    assert rows(read(table([*head, *body], *lines, *spans, *frame))) == [
        "Ward: Seven; Men Young: 11.5; Men Old: 12; Women Young: 3; Women Old: 4.1",
        "Ward: Eight; Men Young: 9; Women Young: 33; Women Old: 8.8",
        "Ward: Nine; Men Young: 7; Men Old: 6.5; Women Old: 1",
    ]


def test_dots_that_lead_to_the_numbers_of_a_table_are_no_cells():
    body = [
        [f"{name} {'. ' * 12}", *cells]
        for name, *cells in [["Robbery", "102.1", "25.5"], ["Arson", "9.8", "4.3"]]
    ]
    assert rows(read(table([["Offense", "Total", "Under 18"], *body], *BOOK, BOTTOM))) == [
        "Offense: Robbery; Total: 102.1; Under 18: 25.5",
        "Offense: Arson; Total: 9.8; Under 18: 4.3",
    ]


def test_wrapped_cells_are_put_together():
    food = "Take with food and with plenty of water, never on an empty stomach or before sleep."
    box = "Store below twenty-five degrees in the box that it came in."
    data = [["Drug", "Advice", "Storage"], ["Abacol", say(food), say(box)], ["Bentrix", say(box), say(food)]]
    assert rows(read(table(data, GRID, colWidths=[70, 150, 150]))) == [
        f"Drug: Abacol; Advice: {food}; Storage: {box}",
        f"Drug: Bentrix; Advice: {box}; Storage: {food}",
    ]


def test_codes_and_names_that_break_at_their_hyphen_are_one_word():
    data = [["Type", "Kv"], [say("HX-<br/>210"), "0.45"], [say("Mayer-<br/>Lohse"), "1.80"]]
    assert rows(read(table(data, GRID))) == ["Type: HX-210; Kv: 0.45", "Type: Mayer-Lohse; Kv: 1.80"]
    assert paragraphs(
        read(say("Coils for direct current have the order number 9100-<br/>24 in all lists."))
    ) == ["Coils for direct current have the order number 9100-24 in all lists."]


def test_formulas_in_large_letters_are_no_headings():
    formula = Paragraph("Q = K \u00b7 r", STYLES["Heading2"])
    parsed = read(say("Flow", "Heading1"), say(PROSE), formula, say(PROSE))
    assert {block.headings for block in parsed.blocks} == {("Flow",)}


def test_a_table_without_a_header_shows_its_empty_cells():
    data = [["12", "500 mg", "250 mg"], ["13", "", "40 mg"], ["14", "75 mg", "37.5 mg"]]
    assert rows(read(table(data, GRID))) == ["12; 500 mg; 250 mg", "13; \u2013; 40 mg", "14; 75 mg; 37.5 mg"]


def test_pairs_of_a_name_and_a_value_are_read_as_such():
    data = [["Name", "Ada Berg"], ["Ward", "Seven"], ["Admitted", "12 May"]]
    assert rows(read(table(data, GRID))) == ["Name: Ada Berg", "Ward: Seven", "Admitted: 12 May"]


def test_a_table_on_a_turned_page_is_read():
    found = read(table(DOSES, GRID), pagesize=landscape(A4))
    assert rows(found) == DOSE_ROWS


def test_two_tables_on_a_page_stay_apart():
    other = [["Ward", "Beds"], ["Seven", "24"], ["Eight", "30"]]
    found = rows(read(table(DOSES, GRID), Spacer(1, 20), table(other, GRID), PageBreak(), say(PROSE)))
    assert found == [*DOSE_ROWS, "Ward: Seven; Beds: 24", "Ward: Eight; Beds: 30"]


def test_lists_and_prose_are_no_tables():
    items = [
        f"{number}. Count the tablets in the box and write the number down, please." for number in range(1, 9)
    ]
    parsed = read(*map(say, items), say(PROSE))
    assert rows(parsed) == []
