"""Cells of workbooks as they are shown: percent, currencies, units and leading zeros."""

import datetime as dt
import io
import zipfile

import pytest
from tests.retrieval.ingest.made_files import odf, texts, workbook

from vital_shared.retrieval.ingest.date_formats import read_date_format
from vital_shared.retrieval.ingest.header_rows import Cell, header_rows

ACCOUNTING = '_-* #,##0.00\\ "€"_-;-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-'


def book(value, code):
    def change(made, sheet):
        sheet.write(1, 1, value, made.add_format({"num_format": code}))

    return workbook([("Item", "Value"), ("This", "")], change=change)


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.19, "0%", "19%"),
        (0.195, "0%", "19.5%"),
        (0.0725, "0.00%", "7.25%"),
        (-0.05, "0%;[Red]-0%", "-5%"),
        (0.07, '0 "%"', "7 %"),
        (1234.5, '#,##0.00 "€"', "1234.50 €"),
        (1234.5, '"$"#,##0.00', "$1234.50"),
        (12.345, '"$"#,##0.00', "$12.345"),
        (-5, "#,##0.00\\ [$€-407]", "-5.00 €"),
        (12.5, ACCOUNTING, "12.50 €"),
        (4.5, '0.0" kg"', "4.5 kg"),
        (4.25, 'General" kg"', "4.25 kg"),
        (7, "000", "007"),
        (1067, "00000", "01067"),
    ],
)
def test_a_number_is_read_as_its_cell_shows_it(value, code, shown):
    assert texts("a.xlsx", book(value, code)) == [f"Item: This; Value: {shown}"]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("mmm yyyy", "March 2024"),
        ("mmmm\\ yyyy;@", "March 2024"),
        ("mmm-yy", "March-2024"),
        ("mm/yyyy", "03/2024"),
        ("[$-409]mmm yyyy", "March 2024"),
        ("[$-407]mmm yyyy", "2024-03"),
        ("yyyy", "2024"),
        ('"FY "yyyy', "FY 2024"),
        ("d-mmm", "1-March"),
        ("yyyy-mm-dd", "2024-03-01"),
        ("[$-407]d. mmmm yyyy", "2024-03-01"),
        ("hh:mm dd.mm.yyyy", "2024-03-01"),
        (17, "March-2024"),
        (14, "2024-03-01"),
    ],
)
def test_a_part_of_a_date_is_read_as_its_cell_shows_it(code, shown):
    assert texts("a.xlsx", book(dt.date(2024, 3, 1), code)) == [f"Item: This; Value: {shown}"]


@pytest.mark.parametrize(
    ("code", "shown"), [("mmmm", "March"), ("dddd", "Friday"), ("[$-407]d. mmm", "1. March")]
)
def test_a_name_of_a_month_or_a_day_is_written_in_full(code, shown):
    found = read_date_format(code)
    assert found is not None
    assert found.shown(dt.date(2024, 3, 1)) == shown


@pytest.mark.parametrize(("value", "shown"), [(5, "5 days"), (30, "30 days"), (0, "0 days")])
def test_a_number_in_a_format_of_days_is_no_date(value, shown):
    assert texts("a.xlsx", book(value, 'd "days"')) == [f"Item: This; Value: {shown}"]


def open_book(*rows):
    """Return a workbook of OpenDocument; each row is its cells in XML."""
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    return odf(f'<table:table table:name="A">{inner}</table:table>', kind="spreadsheet")


def open_cell(value, shown, kind="float", more=""):
    return (
        f'<table:table-cell office:value-type="{kind}" office:value="{value}" {more}>'
        f"<text:p>{shown}</text:p></table:table-cell>"
    )


def open_text(text):
    return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


@pytest.mark.parametrize(
    ("value", "kind", "in_cell", "shown"),
    [
        (0.19, "percentage", "19%", "19%"),
        (0.195, "percentage", "20%", "19.5%"),
        (0.615, "percentage", "61,50 %", "61.50 %"),
        (-0.05, "percentage", "-5%", "-5%"),
        (1234.5, "currency", "1.234,50 \u20ac", "1234.50 \u20ac"),
        (1234.5, "currency", "$1,234.50", "$1234.50"),
        (-5, "currency", "-5,00 \u20ac", "-5.00 \u20ac"),
        (20, "float", "20 l/min", "20 l/min"),
        (7, "float", "007", "007"),
        (4.5, "float", "4,50", "4.5"),
        (12345.678, "float", "12.345,68", "12345.678"),
        (1500, "float", "1,50E+03", "1500"),
    ],
)
def test_a_number_of_an_open_workbook_is_read_as_its_cell_shows_it(value, kind, in_cell, shown):
    data = open_book(
        open_text("Item") + open_text("Value"), open_text("This") + open_cell(value, in_cell, kind)
    )
    assert texts("a.ods", data) == [f"Item: This; Value: {shown}"]


def test_repeated_cells_of_an_open_workbook_keep_their_places():
    rate = open_cell(0.07, "7%", "percentage", 'table:number-columns-repeated="2"')
    header = "".join(map(open_text, ("Item", "Reduced", "Old", "Weight")))
    data = open_book(header, open_text("Books") + rate + open_cell(0.07, "0,07 kg"))
    assert texts("a.ods", data) == ["Item: Books; Reduced: 7%; Old: 7%; Weight: 0.07 kg"]


@pytest.mark.parametrize(
    ("value", "code", "read"),
    [
        (4.5, "0.00", "4.5"),
        (12345.678, "#,##0.00", "12345.678"),
        (4_500_000, '0.0,,"M"', "4500000"),
        (0.5, "# ?/?", "0.5"),
        (1500, "0.00E+00", "1500"),
        (3, '[>100]0"x";0"y"', "3"),
        (5551234, "000-0000", "5551234"),
        (44000, "dd.mm.yyyy", "2020-06-18"),
        (1.5, "[h]:mm", "36:00:00"),
    ],
)
def test_a_format_that_says_nothing_more_or_is_of_another_kind_changes_nothing(value, code, read):
    assert texts("a.xlsx", book(value, code)) == [f"Item: This; Value: {read}"]


def test_formats_that_cannot_be_read_leave_the_values():
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(0.19, "0%"))) as made, zipfile.ZipFile(out, "w") as damaged:
        for name in made.namelist():
            data = made.read(name)
            odd = data.replace(b"</styleSheet>", b'<ext uri="&unknown;"/></styleSheet>')
            damaged.writestr(name, odd if name == "xl/styles.xml" else data)
    assert texts("a.xlsx", out.getvalue()) == ["Item: This; Value: 0.19"]


def test_a_price_in_the_first_row_is_no_heading():
    rows = [[Cell("Rate"), Cell("$4.50")], [Cell("Fee"), Cell("$5")], [Cell("Tip"), Cell("$1")]]
    assert header_rows(rows) == (0, False)
