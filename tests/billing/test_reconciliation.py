"""Exports of providers are read, and compared with the ledger to the nano-dollar."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.billing.reconciliation.comparison import ledger_amounts, reconcile
from vital_shared.billing.reconciliation.read_export import parse_export, read_export
from vital_shared.billing.reconciliation.reported import ProviderExport, UsageAmounts, model_family
from vital_shared.errors import InvalidRequest
from vital_shared.models.costs import CostLine

DAY, NEXT = "2026-11-25", "2026-11-26"
SECONDS = int(datetime(2026, 11, 25, tzinfo=UTC).timestamp())


def dollars(text: str) -> UsageAmounts:
    return UsageAmounts(dollars=Decimal(text))


OPENAI_COSTS = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": SECONDS,
            "end_time": SECONDS + 86_400,
            "results": [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 0.06, "currency": "usd"},
                    "line_item": "gpt-4o-2024-08-06, input",
                    "project_id": None,
                },
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 0.0412345675, "currency": "usd"},
                    "line_item": "gpt-4o-2024-08-06, output",
                },
                {"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}},
            ],
        },
        {"object": "bucket", "start_time": SECONDS + 86_400, "end_time": SECONDS + 172_800, "results": []},
    ],
    "has_more": False,
    "next_page": None,
}

OPENAI_USAGE = {
    "data": [
        {
            "object": "bucket",
            "start_time": SECONDS,
            "results": [
                {
                    "object": "organization.usage.completions.result",
                    "input_tokens": 5_000,
                    "output_tokens": 1_000,
                    "input_cached_tokens": 4_000,
                    "num_model_requests": 5,
                    "model": "gpt-5-2025-08-07",
                    "service_tier": "default",
                }
            ],
        }
    ],
}

ANTHROPIC_COSTS = {
    "data": [
        {
            "starting_at": "2026-11-25T00:00:00Z",
            "ending_at": "2026-11-26T00:00:00Z",
            "results": [
                {
                    "currency": "USD",
                    "amount": "123.78912",
                    "description": "Claude Sonnet 4.5 Usage - Input Tokens",
                    "cost_type": "tokens",
                    "context_window": "0-200k",
                    "model": "claude-sonnet-4-5-20250929",
                    "service_tier": "standard",
                    "token_type": "uncached_input_tokens",
                },
                {"currency": "USD", "amount": "30", "cost_type": "web_search", "model": None},
            ],
        }
    ],
    "has_more": False,
}

ANTHROPIC_USAGE = {
    "data": [
        {
            "starting_at": "2026-11-25T00:00:00Z",
            "results": [
                {
                    "uncached_input_tokens": 1_500,
                    "cache_creation": {"ephemeral_1h_input_tokens": 1_000, "ephemeral_5m_input_tokens": 500},
                    "cache_read_input_tokens": 200,
                    "output_tokens": 500,
                    "server_tool_use": {"web_search_requests": 10},
                    "model": "claude-sonnet-4-5-20250929",
                }
            ],
        }
    ],
}

OPENROUTER = {
    "data": [
        {
            "date": "2026-11-25",
            "model": "openai/gpt-4.1",
            "model_permaslug": "openai/gpt-4.1-2025-04-14",
            "usage": 0.015,
            "byok_usage_inference": 0.012,
            "requests": 5,
            "prompt_tokens": 50,
            "completion_tokens": 125,
        }
    ]
}

OPENAI_COST_CSV = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1764028800,1764115200,2026-11-25T00:00:00+00:00,2026-11-26T00:00:00+00:00,0.8958740000000000,usd,"gpt-4o-2024-08-06, input",
1764028800,1764115200,2026-11-25T00:00:00+00:00,2026-11-26T00:00:00+00:00,0.1000000001,usd,"gpt-4o-2024-08-06, output",
1764115200,1764201600,2026-11-26T00:00:00+00:00,2026-11-27T00:00:00+00:00,,,,
"""

OPENAI_USAGE_CSV = """\
start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens
1764028800,1764115200,2026-11-25T00:00:00+00:00,2026-11-26T00:00:00+00:00,proj_1,3,gpt-5-2025-08-07,False,default,300,40,128
"""

ANTHROPIC_USAGE_CSV = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens
2026-11-25,claude-haiku-4-5-20251001,Default,key,standard,≤ 200k,100,20,3,7,50
"""

ANTHROPIC_COST_CSV = """\
usage_date_utc,model,workspace,usage_type,context_window,token_type,cost_usd
2026-11-25,claude-haiku-4-5-20251001,Default,standard,≤ 200k,input_no_cache,0.25
2026-11-26,claude-haiku-4-5-20251001,Default,standard,≤ 200k,output,"1,000.50"
"""

GOOGLE_CSV = """\
Invoice number,5012345678
Invoice date,2026-11-30

Billing account name,Service description,SKU description,Usage start date,Usage end date,Usage amount,Cost type,Currency,Cost ($),Unrounded Cost ($)
Main,Gemini API,Generate content input token count gemini 2.5 flash short text,2026-11-25,2026-11-25,1000000,Usage,USD,0.30,0.3000004
Main,Gemini API,Generate content output token count gemini 2.5 flash lite,2026-11-25,2026-11-25,10,Usage,USD,0.01,0.0100001
,,,,,,Total,,0.31,
"""

BIGQUERY_CSV = """\
usage_start_time,sku_description,cost,currency
2026-11-25 23:00:00 UTC,Gemini 2.5 Pro GA Text Input - Predictions,0.00125,USD
2026-11-26T00:00:00-08:00,Gemini 2.5 Pro GA Text Output - Predictions,0.01,USD
"""


@pytest.mark.parametrize(
    ("text", "provider", "amounts"),
    [
        (
            json.dumps(OPENAI_COSTS),
            "openai",
            {(DAY, "gpt-4o"): dollars("0.1012345675"), (DAY, "(no model)"): dollars("1")},
        ),
        (json.dumps(OPENAI_USAGE), "openai", {(DAY, "gpt-5"): UsageAmounts(None, 5, 5_000, 4_000, 1_000)}),
        (
            json.dumps([OPENAI_USAGE, OPENAI_USAGE]),
            "openai",
            {(DAY, "gpt-5"): UsageAmounts(None, 10, 10_000, 8_000, 2_000)},
        ),
        (
            json.dumps(ANTHROPIC_COSTS),
            "anthropic",
            {(DAY, "claude-sonnet-4-5"): dollars("1.2378912"), (DAY, "(no model)"): dollars("0.3")},
        ),
        (
            json.dumps(ANTHROPIC_USAGE),
            "anthropic",
            {(DAY, "claude-sonnet-4-5"): UsageAmounts(None, None, 3_200, 200, 500)},
        ),
        (
            json.dumps(OPENROUTER),
            "openrouter",
            {(DAY, "openai/gpt-4.1"): UsageAmounts(Decimal("0.027"), 5, 50, None, 125)},
        ),
        (OPENAI_COST_CSV, "openai", {(DAY, "gpt-4o"): dollars("0.9958740001")}),
        (OPENAI_COST_CSV.replace(",", "\t").replace('input"', 'in"'), "openai", {}),
        (OPENAI_USAGE_CSV, "openai", {(DAY, "gpt-5"): UsageAmounts(None, 3, 300, 128, 40)}),
        (
            ANTHROPIC_USAGE_CSV,
            "anthropic",
            {(DAY, "claude-haiku-4-5"): UsageAmounts(None, None, 130, 7, 50)},
        ),
        (
            "\ufeff" + ANTHROPIC_COST_CSV,
            "anthropic",
            {(DAY, "claude-haiku-4-5"): dollars("0.25"), (NEXT, "claude-haiku-4-5"): dollars("1000.50")},
        ),
        (
            GOOGLE_CSV,
            "gemini",
            {
                (DAY, "gemini-2.5-flash"): dollars("0.3000004"),
                (DAY, "gemini-2.5-flash-lite"): dollars("0.0100001"),
            },
        ),
        (
            BIGQUERY_CSV,
            "gemini",
            {(DAY, "gemini-2.5-pro"): dollars("0.00125"), (NEXT, "gemini-2.5-pro"): dollars("0.01")},
        ),
    ],
    ids=[
        "OpenAI costs",
        "OpenAI usage",
        "several pages",
        "Anthropic costs",
        "Anthropic usage",
        "OpenRouter",
        "OpenAI costs as CSV",
        "tabs",
        "OpenAI usage as CSV",
        "Anthropic usage as CSV",
        "Anthropic costs as CSV",
        "Google's cost table",
        "Google's export from BigQuery",
    ],
)
def test_an_export_is_read_by_day_and_model(
    tmp_path: Path, text: str, provider: str, amounts: dict[tuple[str, str], UsageAmounts]
) -> None:
    path = tmp_path / "export"
    path.write_text(text, encoding="utf-8")
    export = read_export(path)
    assert export.provider == provider
    if amounts:
        assert export.amounts == amounts
    else:
        assert sum(each.dollars or 0 for each in export.amounts.values()) == Decimal("0.9958740001")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a known usage or cost export"),
        ("a,b\n1,2\n", "not a known usage or cost export"),
        ("{}", "no list `data`"),
        ('{"data": [{"odd": 1}]}', "not a usage or cost report"),
        ("{", "not JSON"),
        (json.dumps(OPENAI_COSTS | {"has_more": True}), "further pages"),
        (json.dumps(OPENAI_COSTS).replace('"usd"', '"eur"'), "in eur"),
        (OPENAI_COST_CSV.replace("usd", "eur"), "Row 2 .* in eur"),
        (OPENAI_COST_CSV.replace("0.1000000001", "NaN"), 'Row 3 .* "NaN" is no amount'),
        (ANTHROPIC_USAGE_CSV.replace(",100,", ",many,"), '"many" is no count'),
        (ANTHROPIC_COST_CSV.replace("2026-11-26", "yesterday"), "Row 3"),
    ],
)
def test_an_export_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        parse_export(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"none\.csv cannot be read"):
        read_export(tmp_path / "none.csv")


@given(
    st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=10).map(json.dumps)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        assert isinstance(parse_export(text), ProviderExport)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(("data", "results", "amount", "value", "start_time", "starting_at", "model")),
            each,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from((OPENAI_COSTS, ANTHROPIC_COSTS, OPENROUTER)), st.data())
def test_a_report_with_any_value_within_is_read_or_refused(value, report, data) -> None:
    report = json.loads(json.dumps(report))
    bucket = report["data"][0]
    fields = data.draw(st.sampled_from([each for each in (bucket, *bucket.get("results", ())) if each]))
    fields[data.draw(st.sampled_from(sorted(fields)))] = value
    with suppress(InvalidRequest):
        assert isinstance(parse_export(json.dumps(report)), ProviderExport)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("openai:gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18, cached input", "gpt-4o-mini"),
        ("anthropic:claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-opus-4@20250514", "claude-opus-4"),
        ("gemini:gemini-2.5-flash", "gemini-2.5-flash"),
        ("Gemini 2.5 Flash Lite Text Input", "gemini-2.5-flash-lite"),
        ("openrouter:openai/gpt-4.1", "openai/gpt-4.1"),
        ("ft:gpt-4o-mini:acme::x", "ft:gpt-4o-mini:acme::x"),
        ("", "(no model)"),
        (None, "(no model)"),
    ],
)
def test_a_model_is_recognised_under_its_dated_name(name: str | None, family: str) -> None:
    assert model_family(name) == family


def line(day: str, model: str, cost: str, calls: int = 1) -> CostLine:
    return CostLine(
        group={"day": day, "model": model}, cost_dollars=Decimal(cost), calls=calls, input_tokens=10
    )


def test_a_nano_dollar_is_a_difference() -> None:
    export = ProviderExport("openai", {(DAY, "gpt-4o"): dollars("0.100000001")})
    ledger = ledger_amounts([line(DAY, "openai:gpt-4o", "0.1"), line(DAY, "azure:gpt-4o", "5")], {"openai"})
    (found,) = reconcile(export, ledger).differences
    assert (found.day, found.model, found.amount) == (DAY, "gpt-4o", "dollars")
    assert found.difference == Decimal("0.000000001")
    assert not reconcile(export, ledger, tolerance_dollars=Decimal("0.000000001")).differences


def test_models_of_one_side_alone_are_differences() -> None:
    export = ProviderExport("openai", {(DAY, "gpt-4o"): dollars("1"), (NEXT, "o3"): dollars("2")})
    ledger = ledger_amounts([line(DAY, "openai:gpt-5", "3")], {"openai"})
    differences = {each.model: each.difference for each in reconcile(export, ledger).differences}
    assert differences == {"gpt-4o": 1, "o3": 2, "gpt-5": -3}


def test_dated_and_undated_names_of_the_ledger_are_one_model() -> None:
    export = ProviderExport("openai", {(DAY, "gpt-4o"): dollars("3")})
    lines = [line(DAY, "openai:gpt-4o", "1"), line(DAY, "openai:gpt-4o-2024-08-06", "2")]
    assert not reconcile(export, ledger_amounts(lines, {"openai"})).differences


def test_only_amounts_that_the_export_has_are_compared() -> None:
    export = ProviderExport("openai", {(DAY, "gpt-4o"): UsageAmounts(requests=2, input_tokens=20)})
    lines = [line(DAY, "openai:gpt-4o", "1"), line(DAY, "openai:gpt-4o", "2")]
    report = reconcile(export, ledger_amounts(lines, {"openai"}))
    assert [(each.amount, each.matches) for each in report.lines] == [
        ("requests", True),
        ("input_tokens", True),
    ]


def test_days_of_another_time_zone_are_compared_as_a_whole() -> None:
    export = ProviderExport("gemini", {(DAY, "gemini-2.5-pro"): dollars("3")})
    lines = [line(DAY, "gemini:gemini-2.5-pro", "1"), line(NEXT, "gemini:gemini-2.5-pro", "2")]
    ledger = ledger_amounts(lines, {"gemini"})
    assert len(reconcile(export, ledger).differences) == 2
    assert not reconcile(export, ledger, by_day=False).differences


@given(
    st.dictionaries(
        st.tuples(st.sampled_from((DAY, NEXT)), st.sampled_from(("a", "b", "c"))),
        st.integers(0, 10**13),
        min_size=1,
    )
)
def test_equal_amounts_never_differ_however_they_are_split(nanos: dict[tuple[str, str], int]) -> None:
    lines = [
        line(day, f"openai:{model}", str(Decimal(part) / 10**9))
        for (day, model), amount in nanos.items()
        for part in (amount // 3, amount - amount // 3)
    ]
    export = ProviderExport(
        "openai", {key: UsageAmounts(dollars=Decimal(amount) / 10**9) for key, amount in nanos.items()}
    )
    assert not reconcile(export, ledger_amounts(lines, {"openai"})).differences
