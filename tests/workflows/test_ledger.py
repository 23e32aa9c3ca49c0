"""What runs cost, however they end: in their answers, in the ledger, and in the counters the same."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal

import pytest
from sqlalchemy import select
from tests.workflows.conftest import Open

from vital_shared import BaseWorkflow, node
from vital_shared.billing.rates import Rates
from vital_shared.billing.run_context import current_run_context
from vital_shared.errors import InvalidRequest, RunFailed, StoreError
from vital_shared.llm.base import CallStarted, ModelTimeout, ModelUnavailable, Stop, TextDelta, Usage
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import Answer
from vital_shared.models.charge import Charge
from vital_shared.models.event import RunStarted, Token
from vital_shared.monitoring.counted import counted
from vital_shared.monitoring.metrics import COST_DOLLARS_TOTAL, COST_OVERALL_DOLLARS_TOTAL
from vital_shared.store.account_tables import ledger
from vital_shared.testing import CannedModel, CannedSource, passage, question
from vital_shared.tools.base import tool
from vital_shared.workflows.services import Services

RATES = Rates.of(input=Decimal(1), output=Decimal("10.0005"))  # a dollar and ten for a million tokens


class Streaming:
    """A model that writes words and then waits, or fails."""

    calls_tools = False

    def __init__(self, *events, name="streaming", error=None):
        self.name, self.events, self.error = name, events, error
        self.waits = asyncio.Event()

    async def stream(self, request):
        yield CallStarted(prompt="p@1", input_tokens=100)
        for event in self.events:
            yield event
        if self.error:
            raise self.error
        if not any(isinstance(event, Stop) for event in self.events):
            self.waits.set()
            await asyncio.Event().wait()


def whole(name="whole"):
    return Streaming(
        TextDelta(text="Forty-two."), Usage(input_tokens=3, output_tokens=2), Stop(reason="end"), name=name
    )


class PaidSource(CannedSource):
    cost_dollars = Decimal("0.0005")


@tool(keywords=("weigh",), from_query=lambda query: {"thing": "it"}, cost_dollars=Decimal("0.02"))
async def weigh(thing: str) -> str:
    """Weigh a thing."""
    return f"{thing}: 12 kg"


@pytest.fixture
async def priced(open_services: Open):
    """Services whose models all have a price."""

    async def opened(*models, **parts) -> Services:
        parts.setdefault("sources", [PaidSource([passage("It takes 42 days.")])])
        parts.setdefault("tools", [weigh])
        services = await open_services(models=models, **parts)
        priced_words = CallPricing(lambda name, tokens: RATES, lambda text: len(text.split()))
        object.__setattr__(services, "account", priced_words)
        return services

    return opened


async def rows(services: Services):
    async with services.database.connect() as connection:
        return (await connection.execute(select(ledger).order_by(ledger.c.id))).mappings().all()


def bill_of(found, run_id):
    return sum(row["cost_nanos"] for row in found if row["run_id"] == run_id)


def nanos(dollars: Decimal) -> int:
    assert dollars == dollars.quantize(Decimal("1e-9"))
    return int(dollars * 10**9)


async def test_each_paid_thing_is_a_row_and_their_sum_is_the_answers_cost(priced):
    services = await priced(whole())
    with counted() as growth:
        output = await BaseWorkflow(services).execute_typed(question("Please weigh it.", model="whole"))
    found = await rows(services)
    assert {(row["cost_type"], row["name"], row["cost_nanos"]) for row in found} == {
        ("llm", "whole", 3_000 + 20_001),
        ("tools", "weigh", 20_000_000),
        ("rag", "memory", 0),
        ("rag", "canned", 500_000),
    }
    assert {(row["tenant_id"], row["user_id"], row["mode"], row["agent_id"]) for row in found} == {
        (output.tenant_id, "ann", "2", "generalist")
    }
    assert bill_of(found, output.run_id) == nanos(output.cost.total)
    assert (output.cost.llm, output.cost.tools) == (Decimal("0.000023001"), Decimal("0.02"))
    for kind in ("llm", "tools", "rag"):
        counted_dollars = growth("vital_cost_dollars_total", cost_type=kind, tenant_id=output.tenant_id)
        assert counted_dollars == pytest.approx(float(getattr(output.cost, kind)), abs=1e-12)


async def test_a_cancelled_stream_pays_for_what_it_streamed(priced):
    model = Streaming(TextDelta(text="one two "), TextDelta(text="three"))
    services = await priced(model)
    async with aclosing(
        BaseWorkflow(services).execute_stream(question("How long?", model="streaming"))
    ) as events:
        async for event in events:
            if isinstance(event, RunStarted):
                run_id = event.run_id
            if isinstance(event, Token) and "three" in event.text:
                break
    row = next(row for row in await rows(services) if row["cost_type"] == "llm")
    assert (row["run_id"], row["status"], row["estimated"]) == (run_id, "cancelled", True)
    assert (row["input_tokens"], row["output_tokens"]) == (100, 3)
    assert row["cost_nanos"] == 100_000 + 30_002  # 30001.5, rounded once, half to even


@pytest.mark.parametrize("odd", [10_000_000, 9_999_999])
async def test_what_a_provider_cannot_have_counted_is_charged_at_the_bound_and_flagged(priced, odd):
    said = Usage(input_tokens=odd, output_tokens=odd)
    services = await priced(Streaming(TextDelta(text="Yes."), said, Stop(reason="end")))
    with counted() as growth:
        output = await BaseWorkflow(services).execute_typed(question("How long?", model="streaming"))
    row = next(row for row in await rows(services) if row["cost_type"] == "llm")
    assert row["clamped"]
    assert (row["input_tokens"], row["cost_nanos"]) < (100_000, 2 * 10**9)
    assert nanos(output.cost.llm) == row["cost_nanos"]
    assert growth("vital_charges_flagged_total", flag="clamped") == 1


async def test_what_the_provider_counted_and_charged_stays_on_the_row(priced):
    raw = {"prompt_tokens": 3, "completion_tokens": 2, "cached": -4, "cost": 0.25}
    said = Usage(
        input_tokens=3, output_tokens=2, raw=raw, corrected=True, provider_cost=Decimal("0.2500000004")
    )
    services = await priced(Streaming(TextDelta(text="Yes."), said, Stop(reason="end")))
    with counted() as growth:
        await BaseWorkflow(services).execute_typed(question("How long?", model="streaming"))
    row = next(row for row in await rows(services) if row["cost_type"] == "llm")
    assert json.loads(row["raw_usage"]) == raw
    assert (row["provider_cost_nanos"], row["cost_nanos"]) == (250_000_000, 23_001)
    assert (row["clamped"], row["estimated"]) == (False, True)  # something that was counted was ignored
    assert growth("vital_charges_flagged_total", flag="estimated") == 1


async def test_a_failed_run_pays_for_what_was_done_before(priced):
    class Broken(BaseWorkflow):
        @node
        async def broken(self, answer: Answer) -> str:
            raise RuntimeError("no")

    services = await priced(whole())
    with pytest.raises(RunFailed) as failed:
        await Broken(services).execute_typed(question("How long?", model="whole"))
    assert bill_of(await rows(services), failed.value.run_id) == 23_001 + 500_000


async def test_the_failed_calls_of_a_chain_are_on_the_bill(priced):
    down = Streaming(name="down", error=ModelUnavailable("It is down.", model="down"))
    late = Streaming(name="late", error=ModelTimeout("It is late.", model="late"))
    services = await priced(down, late, whole())
    agent = AgentProfile(
        id="chained", name="C", system_prompt="Be brief.", model="down", fallbacks=("late", "whole")
    )
    await services.agents.save(agent, tenant_id=None)
    output = await BaseWorkflow(services).execute_typed(question("How long?", agent_id="chained"))
    found = [row for row in await rows(services) if row["cost_type"] == "llm"]
    assert [(row["name"], row["status"], row["cost_nanos"]) for row in found] == [
        ("down", "failed", 0),
        ("late", "timeout", 100_000),
        ("whole", "success", 23_001),
    ]
    assert output.cost.llm == Decimal("0.000123001")


async def test_what_was_spent_before_a_pause_is_written_then_and_not_again(priced):
    services = await priced(whole())
    workflow = BaseWorkflow(services)
    paused = await workflow.execute_typed(question("Please weigh it.", mode="1", model="whole"))
    before = await rows(services)
    assert {row["cost_type"] for row in before} == {"rag"}
    assert paused.cost.total == Decimal("0.0005")
    output = await workflow.resume(paused.run_id, [call.id for call in paused.suggested_tools])
    found = await rows(services)
    assert [row["item"] for row in found[: len(before)]] == [row["item"] for row in before]
    assert len({row["item"] for row in found}) == len(found) == 4
    assert bill_of(found, output.run_id) == nanos(output.cost.total) == 500_000 + 20_000_000 + 23_001


async def test_a_run_that_is_never_approved_keeps_what_it_spent(priced):
    services = await priced(whole())
    paused = await BaseWorkflow(services).execute_typed(question("Please weigh it.", mode="1", model="whole"))
    await services.runs.cancel_waiting(paused.run_id, tenant_id=None, now=services.now())
    assert bill_of(await rows(services), paused.run_id) == 500_000


async def test_a_nodes_own_charge_is_in_the_answer_and_in_the_ledger(priced):
    class Paying(BaseWorkflow):
        @node
        def paid(self, question: str) -> int:  # in a thread
            context = current_run_context.get()
            context.add(
                Charge(
                    item=context.next_item("own"),
                    cost_type="tools",
                    name="lab",
                    status="success",
                    cost_nanos=7,
                )
            )
            return 7

    services = await priced(whole())
    output = await Paying(services).execute_typed(question("How long?", model="whole"))
    assert output.cost.tools == Decimal("0.000000007")
    assert bill_of(await rows(services), output.run_id) == nanos(output.cost.total)


async def test_a_run_whose_end_could_not_be_saved_ends_in_the_store_all_the_same(priced, monkeypatch):
    services = await priced(whole())
    record = services.runs.charge_writer.write

    async def refuse(context, now, job, after, end):
        def broken(connection):
            raise StoreError("away")

        return await record(context, now, broken, after, end)

    monkeypatch.setattr(services.runs.charge_writer, "write", refuse)
    lost = await BaseWorkflow(services).execute_typed(question("How long?", model="whole"))
    assert "save_failed" in lost.degradation_reasons
    monkeypatch.undo()
    kept = await services.runs.get(lost.run_id, tenant_id=None)
    assert (kept.status, kept.output.response) == ("completed", lost.response)  # before it is stored, too
    await services.runs.charge_writer.catch_up()
    assert (await services.runs.get(lost.run_id, tenant_id=None)).status == "completed"
    assert bill_of(await rows(services), lost.run_id) == nanos(lost.cost.total)


async def test_over_a_mixed_load_ledger_answers_and_counters_agree(priced):
    services = await priced(whole(), CannedModel("Yes.", name="canned"))
    workflow = BaseWorkflow(services)
    asked = [
        question(query, model=model, mode=mode, tenant_id=tenant)
        for query in ("How long?", "Please weigh it.")
        for model in ("whole", "canned")
        for mode in ("2", "4")
        for tenant in ("acme", "globex")
    ]
    counters = (COST_DOLLARS_TOTAL, COST_OVERALL_DOLLARS_TOTAL)
    before = [whole_nanos(counter) for counter in counters]
    outputs = await asyncio.gather(*(workflow.execute_typed(each) for each in asked))
    found = await rows(services)
    for output in outputs:
        assert bill_of(found, output.run_id) == nanos(output.cost.total)
    total = sum(row["cost_nanos"] for row in found)
    assert total == sum(nanos(output.cost.total) for output in outputs)
    assert [whole_nanos(counter) - earlier for counter, earlier in zip(counters, before, strict=True)] == [
        total,
        total,
    ]


def whole_nanos(counter) -> int:
    """What was counted over all series, to the nano-dollar: as a float next to other tests' millions it is not."""
    return sum(series._value for series in counter._series.values())


async def test_a_model_without_a_price_is_refused_where_that_is_set(open_services: Open):
    services = await open_services(unpriced="refuse")
    with pytest.raises(InvalidRequest, match=r'The model "canned" has no known price') as refused:
        await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
    assert refused.value.field == "model"
    output = await BaseWorkflow(services).execute_typed(question("How long?", model="extractive"))
    assert output.cost.llm == 0


async def test_a_model_without_a_price_is_never_silently_free(open_services: Open):
    services = await open_services()
    with counted() as growth:
        output = await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
    assert "unknown_price" in [warning.type for warning in output.warnings]
    assert growth("vital_warnings_total", warning="unknown_price") == 1
    row = next(row for row in await rows(services) if row["cost_type"] == "llm")
    assert (row["unit_prices"], row["cost_nanos"]) == (None, 0)
    assert row["input_tokens"] > 0
