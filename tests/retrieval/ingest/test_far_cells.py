"""Cells that stand far from all others: the rest of the workbook is read, and they are named."""

import pytest
from tests.retrieval.ingest.made_files import odf, workbook

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.far_cells import FAR_ROWS
from vital_shared.retrieval.ingest.from_sheets import parse_sheets
from vital_shared.retrieval.ingest.tables import EMPTY, MAX_SIGNS

PRICES = [["Fruit", "Price"], ["Apple", "3 euros"], ["Pear", "4 euros"]]
READ = ["Fruit: Apple; Price: 3 euros", "Fruit: Pear; Price: 4 euros"]
LAST_ROW, LAST_COLUMN = 1_048_575, 16_383


def test_a_cell_at_the_far_corner_is_left_out_and_named():
    data = workbook(PRICES, change=lambda _, sheet: sheet.write(LAST_ROW, LAST_COLUMN, "end"))
    found = parse_sheets(data, uri="prices.xlsx")
    assert [block.text for block in found.blocks] == READ
    assert found.notes == ("The cell XFD1048576 of the sheet Prices, far from all others, was not read.",)


def test_several_far_cells_are_counted():
    def change(_, sheet):
        for column in (LAST_COLUMN - 1, LAST_COLUMN):
            sheet.write(LAST_ROW, column, "end")

    found = parse_sheets(workbook(PRICES, change=change), uri="prices.xlsx")
    assert [block.text for block in found.blocks] == READ
    assert found.notes == (
        "2 cells of the sheet Prices, far from all others, were not read; the first is XFC1048576.",
    )


def test_a_far_cell_that_can_be_read_is_read():
    data = workbook(PRICES, change=lambda _, sheet: sheet.write(FAR_ROWS * 2, 0, "Prices of May"))
    found = parse_sheets(data, uri="prices.xlsx")
    assert [block.text for block in found.blocks] == [*READ, "Prices of May"]
    assert found.notes == ()


def test_formats_alone_reach_no_further():
    def change(book, sheet):
        sheet.write_blank(LAST_ROW, LAST_COLUMN, None, book.add_format({"bold": True}))

    found = parse_sheets(workbook(PRICES, change=change), uri="prices.xlsx")
    assert [block.text for block in found.blocks] == READ
    assert found.notes == ()


def test_a_sheet_whose_cells_all_stand_apart_is_refused_with_its_size():
    def change(_, sheet):
        for number in range(1, 600):
            sheet.write(number * 1_700, number * 27, "x")

    with pytest.raises(IngestError, match=r"the sheet Prices has 16,\d+,\d+,\d+ cells .* at most 5,000,000"):
        parse_sheets(workbook(PRICES, change=change), uri="prices.xlsx")


def open_sheet(*rows):
    return odf(f'<table:table table:name="Prices">{"".join(rows)}</table:table>', "spreadsheet")


def open_row(*cells, repeated=1):
    return f'<table:table-row table:number-rows-repeated="{repeated}">{"".join(cells)}</table:table-row>'


def open_cell(text, *, repeated=1):
    filled = f'office:value-type="string"><text:p>{text}</text:p>' if text else ">"
    return f'<table:table-cell table:number-columns-repeated="{repeated}" {filled}</table:table-cell>'


OPEN_PRICES = [open_row(*map(open_cell, row)) for row in PRICES]


def test_a_cell_at_the_far_corner_of_an_open_document_is_left_out_and_named():
    gap = open_row(open_cell(""), repeated=LAST_ROW - len(PRICES))
    last = open_row(open_cell("", repeated=LAST_COLUMN), open_cell("end"))
    found = parse_sheets(open_sheet(*OPEN_PRICES, gap, last), uri="prices.ods")
    assert [block.text for block in found.blocks] == READ
    assert found.notes == ("The cell XFD1048576 of the sheet Prices, far from all others, was not read.",)


def test_a_far_cell_beside_the_table_of_an_open_document_is_left_out_too():
    beside = open_row(
        *map(open_cell, ("Plum", "5 euros")), open_cell("", repeated=LAST_COLUMN - 2), open_cell("end")
    )
    below = open_row(*map(open_cell, ("Fig", "6 euros")), repeated=1_000)
    found = parse_sheets(open_sheet(*OPEN_PRICES, beside, below), uri="prices.ods")
    assert [block.text for block in found.blocks[:3]] == [*READ, "Fruit: Plum; Price: 5 euros"]
    assert len(found.blocks) == len(READ) + 1 + 1_000
    assert found.notes == ("The cell XFD4 of the sheet Prices, far from all others, was not read.",)


def test_equal_rows_of_an_open_document_are_no_gap():
    equal = open_row(*map(open_cell, ("Fig", "6 euros")), repeated=FAR_ROWS + 10)
    gap = open_row(open_cell(""), repeated=LAST_ROW - FAR_ROWS)
    last = open_row(open_cell("", repeated=LAST_COLUMN), open_cell("end", repeated=2))
    found = parse_sheets(open_sheet(*OPEN_PRICES, equal, gap, last), uri="prices.ods")
    assert len(found.blocks) == len(READ) + FAR_ROWS + 10
    assert found.notes[0].startswith("2 cells of the sheet Prices, far from all others, were not read")


@pytest.mark.parametrize("repeated", [1, 16_000])
def test_an_open_document_whose_cells_all_stand_apart_is_refused_with_its_size(repeated):
    apart = [open_row(open_cell(""), repeated=FAR_ROWS + 1), open_row(open_cell("x", repeated=repeated))]
    with pytest.raises(IngestError, match=r"the sheet Prices has [\d,]+ cells .* at most 5,000,000"):
        parse_sheets(open_sheet(*apart * 400, open_row(open_cell("x", repeated=16_000))), uri="prices.ods")


@pytest.mark.parametrize(("column", "signs"), [(MAX_SIGNS + 2, MAX_SIGNS), (LAST_COLUMN, 1)])
def test_many_empty_cells_before_a_far_one_have_one_sign(column, signs):
    data = workbook(PRICES, change=lambda _, sheet: sheet.write(1, column, "sold out"))
    (apple, _) = parse_sheets(data, uri="prices.xlsx").blocks
    assert apple.text == "; ".join([READ[0], *[EMPTY] * signs, "sold out"])
