"""Costs as CSV are read back as they were, and run nothing in a spreadsheet."""

import csv
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.cost_csv import to_csv
from vital_shared.models.costs import CostLine, CostReport, CostSums, add_up

GROUPS = ("model", "day")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def report(*models: str | None) -> CostReport:
    lines = tuple(
        CostLine(
            group={"model": model, "day": "2026-11-25"},
            cost_dollars=Decimal("1E-9"),
            calls=number,
            hits=10**30,
        )
        for number, model in enumerate(models)
    )
    return CostReport(lines=lines, total=add_up(lines))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_what_is_written_is_read_back(models):
    found = read(to_csv(report(*models), GROUPS))
    assert [each["model"].removeprefix("'") for each in found] == [
        model.removeprefix("'") for model in models
    ]
    assert [int(each["calls"]) for each in found] == list(range(len(models)))
    assert all(not each["model"].lstrip(" ").startswith(tuple("=+-@\t\r\n")) for each in found)


def test_numbers_are_plain_and_complete():
    (found,) = read(to_csv(report("gpt"), GROUPS))
    assert found["cost_dollars"] == "0.000000001"
    assert found["hits"] == str(10**30)
    assert list(found) == [*GROUPS, *CostSums.model_fields]


def test_lines_end_as_the_standard_says():
    text = to_csv(report('say "a, b"', None), GROUPS)
    assert text.count("\r\n") == 3
    assert '\r\n"say ""a, b""",2026-11-25,' in text
    assert read(text)[1]["model"] == ""


@pytest.mark.parametrize("model", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1"])  # noqa: RUF001 - meant
def test_what_could_be_a_formula_is_defused(model):
    (found,) = read(to_csv(report(model), GROUPS))
    assert found["model"] == f"'{model}"


def test_money_in_json_has_no_exponent():
    assert '"cost_dollars":"0.000000001"' in report("gpt").model_dump_json()
