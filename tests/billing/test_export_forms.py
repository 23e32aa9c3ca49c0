"""Exports as people have them: other notations, columns and time zones, sums, credits, and wrong files."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from vital_shared.billing.reconciliation.comparison import ALL_MODELS, ledger_amounts, reconcile
from vital_shared.billing.reconciliation.read_export import parse_export, read_export
from vital_shared.billing.reconciliation.reported import UsageAmounts, model_family
from vital_shared.errors import InvalidRequest
from vital_shared.models.costs import CostLine

DAY, NEXT = "2026-11-25", "2026-11-26"
SECONDS = 1_795_564_800
"""The begin of 2026-11-25 in UTC."""

HEAD = "date,model,cost_usd\n"


def dollars(text: str) -> UsageAmounts:
    return UsageAmounts(dollars=Decimal(text))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0.30", "0.30"),
        ('"1,234.50"', "1234.50"),
        ('"1,234,567"', "1234567"),
        ('"0,30"', "0.30"),
        ('"1.234,50"', "1234.50"),
        ("1 234.50", "1234.50"),
        ("1\u00a0234.50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("-1.50", "-1.50"),
        ("\u22121.50", "-1.50"),
        ("(1.50)", "-1.50"),
        ("-$1.50", "-1.50"),
        ("$-1.50", "-1.50"),
        ("USD 1.50", "1.50"),
        ("1.50 US$", "1.50"),
        ("1.5E-05", "0.000015"),
        ("5E-05", "0.00005"),
        ("2e3", "2000"),
        (".5", "0.5"),
        ("12345678.123456789", "12345678.123456789"),
    ],
)
def test_an_amount_is_read_in_every_notation(amount: str, expected: str) -> None:
    assert parse_export(f"{HEAD}{DAY},gpt-4o,{amount}\n").amounts == {(DAY, "gpt-4o"): dollars(expected)}


@pytest.mark.parametrize(
    "amount", ["€1.50", "1_000", "\uff11", "1.2.3", "1e", "1E999", "--1", '"12,34.5"', "EUR 1", ".", "x"]
)
def test_an_amount_in_no_notation_is_refused(amount: str) -> None:
    with pytest.raises(InvalidRequest, match=r"is no amount in dollars|decimal"):
        parse_export(f"{HEAD}{DAY},gpt-4o,{amount}\n")


def test_one_number_shows_the_decimal_mark_of_all() -> None:
    text = f"Date;Model;Cost (USD);Requests\n{DAY};gpt-4o, input;0,30;1.000\n{DAY};gpt-4o, output;1.250;7\n"
    amounts = parse_export(text).amounts
    assert amounts == {(DAY, "gpt-4o"): UsageAmounts(Decimal("1250.30"), 1_007)}


@pytest.mark.parametrize("amount", ["1,250", "1.250"])
def test_a_decimal_mark_that_does_not_show_is_not_guessed(amount: str) -> None:
    with pytest.raises(InvalidRequest, match=f'does not show whether "{amount}"'):
        parse_export(f"date;model;cost_usd\n{DAY};gpt-4o;{amount}\n")


def test_mixed_decimal_marks_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="decimal point and others with a decimal comma"):
        parse_export(f'{HEAD}{DAY},a,"0,5"\n{DAY},b,0.5\n')


def test_a_comma_without_quotes_is_no_silent_thousandth() -> None:
    with pytest.raises(InvalidRequest, match=r"Row 2 .* has 4 cells, and the header 3"):
        parse_export(f"{HEAD}{DAY},gpt-4o,0,30\n")


def test_a_row_that_was_cut_off_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"Row 3 .* may have been cut off"):
        parse_export(f"{HEAD}{DAY},gpt-4o,1\n{DAY},gpt-")


@pytest.mark.parametrize("label", ["Total", "Grand total", "Sum", "Gesamt", ""])
def test_a_sum_is_left_out_and_named(label: str) -> None:
    export = parse_export(f"{HEAD}{DAY},gpt-4o,1\n{label},,1.00\n")
    assert export.amounts == {(DAY, "gpt-4o"): dollars("1")}
    assert export.left_out == ("Row 3 is a sum or has no day, and was left out: cost_usd 1.00.",)


def test_a_row_with_a_model_and_no_day_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"Row 2 .* amounts and no day"):
        parse_export(f"{HEAD},gpt-4o,1\n")


def test_empty_rows_and_a_line_for_the_separator_do_no_harm() -> None:
    text = f"sep=;\n\ndate;model;cost_usd\n;;\n\n{DAY};gpt-4o;0,5\n   ;;\n"
    assert parse_export(text).amounts == {(DAY, "gpt-4o"): dollars("0.5")}


def test_a_credit_counts() -> None:
    export = parse_export(f"{HEAD}{DAY},gpt-4o,1.5\n{DAY},gpt-4o,-0.5\n{DAY},,-2\n")
    assert export.amounts == {(DAY, "gpt-4o"): dollars("1.0"), (DAY, "(no model)"): dollars("-2")}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("11/26/2026", NEXT),
        ("11/26/2026 00:00:00", NEXT),
        ("26/11/2026", NEXT),
        ("26.11.2026", NEXT),
        ("2026/11/26", NEXT),
        ("20261126", NEXT),
        (str(SECONDS), DAY),
        ("2026-11-25T20:00:00-08:00", NEXT),
        ("2026-11-26 01:00:00 +0200", DAY),
        ("2026-11-26 01:00:00 +0000 UTC", NEXT),
        ("2026-11-26 23:00:00.5 UTC", NEXT),
        ("2026-11-26T00:00:00Z", NEXT),
    ],
)
def test_a_day_is_read_in_every_notation(text: str, day: str) -> None:
    assert parse_export(f"{HEAD}{text},gpt-4o,1\n").amounts == {(day, "gpt-4o"): dollars("1")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("11/12/2026", "begins with the day or with the month"),
        ("99999999999999999999", "is no day"),
        ("0001-01-01T00:00:00+05:00", "is no day"),
        ("9999-12-31", "is no day"),
        ("2026-11-25 00:00:00 PST", "is no day"),
        ("Nov", "is no day"),
    ],
)
def test_a_day_that_cannot_be_known_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        parse_export(f"{HEAD}{text},gpt-4o,1\n")


def test_another_row_shows_whether_days_begin_with_the_month() -> None:
    export = parse_export(f"{HEAD}11/12/2026,gpt-4o,1\n11/13/2026,gpt-4o,2\n")
    assert [day for day, _ in export.amounts] == ["2026-11-12", "2026-11-13"]


AZURE = """\
Date,MeterCategory,MeterSubCategory,MeterName,Quantity,CostInBillingCurrency,BillingCurrency,CostInUsd
11/25/2026,Foundry Models,Azure OpenAI,gpt 4o 0806 Inp glbl Tokens,100,9.20,EUR,10.000000001
11/25/2026,Foundry Models,Azure OpenAI,gpt-4o-mini-0718-Outp-glbl Tokens,100,1,EUR,1.1
11/25/2026,Storage,Tables,LRS Data Stored,1,4,EUR,5.5
"""

FOCUS = """\
BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,SkuMeter
0.25,USD,2026-11-25T00:00:00Z,2026-11-26T00:00:00Z,Azure OpenAI Service,gpt 4o 0806 Outp glbl Tokens
"""

CUR = """\
lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UsageType,lineItem/CurrencyCode,lineItem/UnblendedCost
2026-11-25T03:00:00Z,2026-11-25T04:00:00Z,USE1-Nova-input-tokens,USD,0.0000012345
"""

COST_EXPLORER_CSV = """\
"Service","Claude Sonnet 4.5 (Amazon Bedrock Edition)($)","Amazon Bedrock($)","Total costs($)"
"Service total","1.5","0.25","1.75"
"2026-11-25","1.5","0.25","1.75"
"2026-11-26","","",""
"""

COST_EXPLORER = {
    "ResultsByTime": [
        {
            "TimePeriod": {"Start": DAY, "End": NEXT},
            "Total": {},
            "Groups": [
                {"Keys": ["Amazon Bedrock"], "Metrics": {"UnblendedCost": {"Amount": "1.25", "Unit": "USD"}}}
            ],
        },
        {"TimePeriod": {"Start": NEXT, "End": "2026-11-27"}, "Total": {}, "Groups": []},
    ]
}

AZURE_QUERY = {
    "properties": {
        "nextLink": None,
        "columns": [{"name": "CostUSD"}, {"name": "UsageDate"}, {"name": "Meter"}, {"name": "Currency"}],
        "rows": [[0.125, 20261125, "gpt 4o 0806 Inp glbl Tokens", "EUR"]],
    }
}

BIGQUERY = {
    "usage_start_time": "2026-11-25 23:00:00 UTC",
    "sku": {"id": "1", "description": "Gemini 2.5 Flash Text Input"},
    "service": {"description": "Vertex AI"},
    "cost": 0.0001234,
    "currency": "USD",
    "credits": [],
}

OPENROUTER_CSV = """\
created_at,cost_total,byok_usage_inference,tokens_prompt,tokens_completion,tokens_cached,model_permaslug
2026-11-25 10:00:00.5,0.5,0.25,100,10,40,openai/gpt-4.1-2025-04-14
"""


@pytest.mark.parametrize(
    ("text", "provider", "amounts"),
    [
        (AZURE, "azure", {"gpt-4o": dollars("10.000000001"), "gpt-4o-mini": dollars("1.1")}),
        (FOCUS, "", {"gpt-4o": dollars("0.25")}),
        (CUR, "", {"use1-nova-input-tokens": dollars("0.0000012345")}),
        (
            COST_EXPLORER_CSV,
            "",
            {"claude sonnet 4.5 (amazon bedrock edition)": dollars("1.5"), "amazon bedrock": dollars("0.25")},
        ),
        (json.dumps(COST_EXPLORER), "", {"amazon bedrock": dollars("1.25")}),
        (json.dumps(AZURE_QUERY), "azure", {"gpt-4o": dollars("0.125")}),
        (json.dumps([BIGQUERY]), "gemini", {"gemini-2.5-flash": dollars("0.0001234")}),
        (
            json.dumps(BIGQUERY) + "\n" + json.dumps(BIGQUERY) + "\n",
            "gemini",
            {"gemini-2.5-flash": dollars("0.0002468")},
        ),
        (
            OPENROUTER_CSV,
            "openrouter",
            {"openai/gpt-4.1": UsageAmounts(Decimal("0.75"), None, 100, 40, 10)},
        ),
    ],
    ids=[
        "Azure's cost details",
        "FOCUS",
        "AWS's cost and usage report",
        "Cost Explorer as CSV",
        "Cost Explorer",
        "Azure's query",
        "BigQuery's rows",
        "BigQuery's lines",
        "OpenRouter's activity",
    ],
)
def test_bills_of_clouds_are_read(text: str, provider: str, amounts: dict[str, UsageAmounts]) -> None:
    export = parse_export(text)
    assert export.provider == provider
    assert export.amounts == {(DAY, model): each for model, each in amounts.items()}


def test_other_services_are_left_out_and_named() -> None:
    assert parse_export(AZURE).left_out == (
        "The service Storage has no models, and was left out: 5.5 dollars.",
    )


def test_days_without_usage_belong_to_the_period() -> None:
    text = f"{HEAD}2026-11-24,,\n{DAY},gpt-4o,1\n{NEXT},,\n"
    bucket = {"start_time": SECONDS - 86_400, "end_time": SECONDS, "results": []}
    full = {"start_time": SECONDS, "results": [{"amount": {"value": 1}, "line_item": "gpt-4o"}]}
    for export in (
        parse_export(text),
        parse_export(json.dumps({"data": [bucket, full, bucket | {"start_time": SECONDS + 86_400}]})),
    ):
        report = reconcile(export, {})
        assert (report.start, report.end) == ("2026-11-24", NEXT)


def test_a_line_of_several_days_is_compared_as_a_whole() -> None:
    text = "usage_start_date,usage_end_date,model,cost_usd\n2026-11-01,2026-11-30,gpt-4o,3\n"
    export = parse_export(text)
    ledger = ledger_amounts(
        [
            CostLine(group={"day": day, "model": "openai:gpt-4o"}, cost_dollars=Decimal("1.5"))
            for day in ("2026-11-02", "2026-11-30")
        ],
        {"openai"},
    )
    with pytest.raises(InvalidRequest, match=r"Row 2 .* covers 2026-11-01 to 2026-11-30.*--whole"):
        reconcile(export, ledger)
    report = reconcile(export, ledger, by_day=False)
    assert not report.differences
    assert (report.start, report.end) == ("2026-11-01", "2026-11-30")


def test_models_with_other_names_are_compared_by_their_sum() -> None:
    ledger = {(DAY, "nova"): dollars("0.25"), (DAY, "sonnet"): dollars("1.5")}
    assert reconcile(parse_export(COST_EXPLORER_CSV), ledger).differences
    report = reconcile(parse_export(COST_EXPLORER_CSV), ledger, by_model=False)
    assert [line.model for line in report.lines] == [ALL_MODELS]
    assert not report.differences


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"date,model,Cost (€)\n{DAY},gpt-4o,1\n", "in EUR"),
        (f"date,model,cost,currency\n{DAY},gpt-4o,1,EUR\n", "in EUR"),
        (f"date,model,usage\n{DAY},gpt-4o,1000\n", "not a known usage or cost export"),
        (f"date,model,cost_usd,Cost (USD)\n{DAY},gpt-4o,1,2\n", '"cost_usd" twice'),
        (f'{HEAD}{DAY},"gpt-4o,1\n{DAY},b,2\n', "not CSV"),
        (HEAD + DAY + "," + "x" * 200_000 + ",1\n", "not CSV"),
        ('{"data": [{"start_time": ' + "1" * 5_000 + "}]}", "number that is too long"),
        ('{"data": [], "data": []}', '"data" twice'),
        ('{"data": [{"start_time": 1795564800}]}', "without a list `results`"),
        ('{"data": [{"start_time": 1795564800, "results": [7]}]}', "without a list `results`"),
        (json.dumps(COST_EXPLORER | {"NextPageToken": "x"}), "further pages"),
        (json.dumps(COST_EXPLORER).replace("USD", "EUR"), "in EUR"),
        (json.dumps([BIGQUERY | {"credits": [{"amount": -1}]}]), 'list "credits"'),
        (json.dumps({"properties": AZURE_QUERY["properties"] | {"nextLink": "https://x"}}), "further pages"),
    ],
)
def test_an_export_with_a_fault_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        parse_export(text)


def test_results_without_amounts_are_named() -> None:
    odd = {"object": "organization.usage.images.result", "images": 3}
    bucket = {"start_time": SECONDS, "results": [odd, {"num_model_requests": 2, "model": "gpt-4o"}]}
    export = parse_export(json.dumps({"data": [bucket]}))
    assert export.amounts == {(DAY, "gpt-4o"): UsageAmounts(requests=2)}
    assert export.left_out == (
        "Results without tokens and costs were left out: organization.usage.images.result.",
    )


def test_a_new_lifetime_of_a_cache_counts() -> None:
    usage = {"uncached_input_tokens": 1, "cache_creation": {"ephemeral_30d_input_tokens": 2}, "model": "m"}
    text = json.dumps({"data": [{"starting_at": f"{DAY}T00:00:00Z", "results": [usage]}]})
    assert parse_export(text).amounts == {(DAY, "m"): UsageAmounts(input_tokens=3)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_every_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text(f"{HEAD}{DAY},gpt-4o,1\r\n", encoding=encoding)
    assert read_export(path).amounts == {(DAY, "gpt-4o"): dollars("1")}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04", "Excel workbook"),
        (b"\x1f\x8b\x08", "gunzip"),
        (b"PAR1", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (b"date,model\n\xe9", "not text in UTF-8"),
        (b"\x00\x01\x02", "not a known usage or cost export|not CSV"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match=problem):
        read_export(path)


@pytest.mark.thorough
def test_a_long_export_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(f"{DAY},gpt-4o,0.000000001\n" for _ in range(50_000))
    assert read_export(path).amounts == {(DAY, "gpt-4o"): dollars("0.00005")}


def test_a_line_break_within_a_cell_is_no_row() -> None:
    text = f'date,model,note,cost_usd\n{DAY},gpt-4o,"two\nlines\u2028",1\n'
    assert parse_export(text).amounts == {(DAY, "gpt-4o"): dollars("1")}


@pytest.mark.parametrize(
    ("meter", "model"),
    [
        ("gpt 4o 1120 Inp glbl Tokens", "gpt-4o"),
        ("gpt-4o-mini-0718-Outp-regnl Tokens", "gpt-4o-mini"),
        ("gpt 4.1 mini cached Inp Data Zone Tokens", "gpt-4.1-mini"),
        ("o1 1217 Outp glbl Tokens", "o1"),
        ("text-embedding-3-small-glbl Tokens", "text-embedding-3-small"),
    ],
)
def test_a_meter_is_its_model(meter: str, model: str) -> None:
    assert model_family(meter) == model
