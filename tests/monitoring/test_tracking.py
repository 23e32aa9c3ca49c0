"""What is counted by hand."""

import logging
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import vital_shared
from vital_shared import track_llm_call
from vital_shared.billing.run_context import RunContext, current_run_context
from vital_shared.errors import InvalidRequest
from vital_shared.models.charge import MAX_CHARGE_NANOS
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.monitoring import tracking
from vital_shared.testing import counted, question


@pytest.fixture
def context():
    """As within a run of the tenant acme, in mode 2."""
    context = RunContext("run_1", question("How long?"))
    token = current_run_context.set(context)
    yield context
    current_run_context.reset(token)


def test_the_call_of_the_seed_runs_as_it_stands_there():
    with counted() as growth:
        track_llm_call(
            mode="1",
            model="gpt-4",
            input_tokens=1000,
            output_tokens=500,
            cached=False,
            cost_per_1k_input=0.03,
            cost_per_1k_output=0.06,
        )
    assert growth("vital_llm_calls_total", mode="1", model="gpt-4", cached="false", status="success") == 1
    assert growth("vital_llm_tokens_total", mode="1", model="gpt-4", token_type="input") == 1000
    assert growth("vital_llm_tokens_total", mode="1", model="gpt-4", token_type="output") == 500
    assert growth("vital_cost_dollars_total", mode="1", tenant_id="none", cost_type="llm") == 0.06
    assert growth("vital_cost_overall_dollars_total", mode="1", cost_type="llm") == pytest.approx(
        0.06, abs=1e-12
    )
    assert growth("vital_warnings_total") == 0


@pytest.mark.parametrize("model", ["gpt-4", "openai:gpt-4"])
def test_without_a_price_the_tables_holds_with_or_without_the_provider(model):
    with counted() as growth:
        track_llm_call("2", model, 1000, 500, tenant_id="acme")
    assert growth("vital_cost_dollars_total", tenant_id="acme") == pytest.approx(0.06, abs=1e-12)


FIRST_CALL = """
import asyncio, sys
from vital_shared import track_llm_call

async def main():
    before = set(sys.modules)
    track_llm_call("2", "gpt-4", 1000, 500)
    print(sorted(set(sys.modules) - before))

asyncio.run(main())
"""


def test_the_first_call_on_an_event_loop_loads_nothing():
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_cached_call_takes_no_tokens_and_what_it_would_have_cost_is_saved():
    with counted() as growth:
        track_llm_call(2, "gpt-4", 1000, 500, cached=True, tenant_id="acme")
    assert growth("vital_llm_calls_total", cached="true") == growth("vital_llm_calls_total") == 1
    assert growth("vital_llm_tokens_total") == growth("vital_cost_dollars_total") == 0
    assert growth("vital_llm_call_duration_seconds_count") == 0
    assert growth("vital_cost_saved_dollars_total", mode="2", tenant_id="acme") == pytest.approx(
        0.06, abs=1e-12
    )


def test_a_model_without_a_price_is_never_silently_free(caplog, monkeypatch):
    monkeypatch.setattr(tracking, "_warned", set())
    with counted() as growth, caplog.at_level(logging.WARNING):
        for _ in range(3):
            track_llm_call("1", "nobodys-model", 1000, 500)
    assert growth("vital_cost_dollars_total") == 0
    assert growth("vital_warnings_total", mode="1", warning="unknown_price") == 3
    assert caplog.text.count("model_price_unknown") == 1


def test_a_local_model_has_a_price_which_is_zero():
    with counted() as growth:
        track_llm_call("1", "local:smollm2", 1000, 500)
    assert growth("vital_cost_dollars_total") == growth("vital_warnings_total") == 0


def test_within_a_run_the_cost_is_on_the_runs_bill_and_counted_with_the_ledger(context):
    with counted() as growth:
        track_llm_call(WorkflowMode.MODE_2, "gpt-4", 1000, 500)
        track_llm_call(2, "mine", 10, 20, cost_per_1k_input=Decimal("0.001"), cost_per_1k_output=1)
    assert growth("vital_llm_calls_total", mode="2") == 2
    assert growth("vital_cost_dollars_total") == 0
    first, second = context.charges
    assert (first.name, first.cost_type, first.cost_nanos) == ("gpt-4", "llm", 60_000_000)
    assert (second.tokens.input, second.tokens.output, second.cost_nanos) == (10, 20, 20_010_000)
    assert first.item != second.item
    assert {Decimal(price) for price in second.unit_prices.values()} == {Decimal(1), Decimal(1000)}


def test_an_unknown_price_on_a_bill_is_marked(context):
    track_llm_call("2", "nobodys-model", 1, 1)
    assert context.charges[0].unit_prices is None


def test_a_run_pays_for_its_own_tenant_alone(context):
    track_llm_call("2", "gpt-4", 1, 1, tenant_id="acme")
    with pytest.raises(InvalidRequest, match="differs from the tenant of the run"):
        track_llm_call("2", "gpt-4", 1, 1, tenant_id="globex")
    assert len(context.charges) == 1


def test_what_is_saved_within_a_run_is_the_runs_tenants(context):
    with counted() as growth:
        track_llm_call("2", "gpt-4", 1000, 500, cached=True)
    assert growth("vital_cost_saved_dollars_total", tenant_id="acme") > 0
    assert context.charges == ()


@example(10**7, 0, 2 * 10**6, 0)
@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_cost_is_exact_to_the_nano_dollar(read, written, in_price, out_price):
    per_input, per_output = Decimal(in_price).scaleb(-6), Decimal(out_price).scaleb(-6)
    context = RunContext("run_1", question("How long?"))
    token = current_run_context.set(context)
    track_llm_call("2", "m", read, written, cost_per_1k_input=per_input, cost_per_1k_output=per_output)
    current_run_context.reset(token)
    assert context.nanos() == min(read * in_price + written * out_price, MAX_CHARGE_NANOS)


LLM = {"mode": "1", "model": "gpt-4", "input_tokens": 1, "output_tokens": 1}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mode": "5"}, "mode"),
        ({"mode": True}, "mode"),
        ({"mode": None}, "mode"),
        ({"model": " "}, "model"),
        ({"model": None}, "model"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": 1.5}, "input_tokens"),
        ({"output_tokens": True}, "output_tokens"),
        ({"cost_per_1k_input": 0.1}, "cost_per_1k_output"),
        ({"cost_per_1k_output": 0.1}, "cost_per_1k_input"),
        ({"cost_per_1k_input": -1, "cost_per_1k_output": 1}, "cost_per_1k_input"),
        ({"cost_per_1k_input": 1, "cost_per_1k_output": float("nan")}, "cost_per_1k_output"),
        ({"tenant_id": "no tenant"}, "tenant_id"),
    ],
)
def test_a_wrong_argument_is_reported_in_a_sentence_and_nothing_is_counted(wrong, field):
    with (
        counted() as growth,
        pytest.raises(InvalidRequest, match=rf"^{field} (has to be|is missing)") as raised,
    ):
        track_llm_call(**LLM | wrong)
    assert raised.value.field == field
    assert raised.value.message.endswith((".", "-"))
    assert growth("vital_llm_calls_total") == growth("vital_llm_tokens_total") == 0


def test_the_other_calls_count_what_they_are_called():
    with counted() as growth:
        vital_shared.track_workflow_execution("1", "success", 1.5, cache_status="hit", tenant_id="acme")
        vital_shared.track_workflow_execution("1", "failed", 2, error_type="timeout")
        vital_shared.track_workflow_execution("1", "rejected", 0)
        vital_shared.track_cache_operation("2", "hit", "redis")
        vital_shared.track_quality_score("3", 0.75)
        vital_shared.track_tool_execution("calculator", "failed", 0.5)
        vital_shared.track_tool_execution("calculator")
        vital_shared.track_rag_retrieval("4", "pinecone", "timeout", 5)
        vital_shared.track_rag_retrieval("4", "my-own")
        vital_shared.track_agent_usage("generalist")
    assert growth("vital_workflow_requests_total", mode="1") == 3
    assert growth("vital_workflow_requests_total", tenant_id="acme", outcome="success") == 1
    assert growth("vital_workflow_errors_total", error_type="timeout") == 1
    assert growth("vital_workflow_duration_seconds_count") == 2
    assert growth("vital_workflow_duration_seconds_sum", cache_status="hit") == pytest.approx(1.5)
    assert growth("vital_cache_operations_total", operation="hit", tier="redis", mode="2") == 1
    assert growth("vital_quality_score_sum", mode="3") == pytest.approx(0.75)
    assert growth("vital_tool_executions_total", tool="calculator") == 2
    assert growth("vital_tool_duration_seconds_count", tool="calculator") == 1
    assert growth("vital_rag_retrievals_total", mode="4", source="pinecone", status="timeout") == 1
    assert growth("vital_rag_retrievals_total", mode="4", source="my-own") == 1
    assert growth("vital_agent_usage_total", agent_id="generalist") == 1


@pytest.mark.parametrize(
    ("track", "arguments", "field"),
    [
        ("track_workflow_execution", ("1", "fine", 1), "outcome"),
        ("track_workflow_execution", ("1", "success", -1), "duration_seconds"),
        ("track_workflow_execution", ("1", "success", 1, "warm"), "cache_status"),
        ("track_workflow_execution", ("1", "failed", 1, "miss", "parallel", "bad luck"), "error_type"),
        ("track_cache_operation", ("1", "look"), "operation"),
        ("track_cache_operation", ("1", "hit", "disk"), "tier"),
        ("track_quality_score", ("1", 1.01), "score"),
        ("track_tool_execution", ("", "success"), "tool"),
        ("track_tool_execution", ("calculator", "ok"), "status"),
        ("track_rag_retrieval", ("1", "memory", "denied"), "status"),
        ("track_agent_usage", (7,), "agent_id"),
    ],
)
def test_the_other_calls_say_what_is_wrong(track, arguments, field):
    with pytest.raises(InvalidRequest, match=f"^{field} has to be ") as raised:
        getattr(vital_shared, track)(*arguments)
    assert raised.value.field == field
