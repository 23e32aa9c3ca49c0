"""What searches of Pinecone cost: as it reports, by kind, the same on the ledger, in metrics and in budgets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.retrieval.sources.pinecone_parts import (
    MODEL,
    Subjects,
    collection_on,
    document,
    filled,
    pinecone_server,
)
from tests.retrieval.sources.pinecone_server import Fault, PineconeServer

from vital_shared import BaseWorkflow
from vital_shared.billing.run_context import RunContext, current_run_context
from vital_shared.errors import BudgetExceeded, SourceError
from vital_shared.graph import fan_out
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.monitoring.counted import counted
from vital_shared.retrieval.base import ask, max_price_of
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.store.account_tables import ledger
from vital_shared.testing import CannedModel, question, workflow_services
from vital_shared.workflows.estimate import max_cost
from vital_shared.workflows.services import Services

READ_UNIT_NANOS = 16_000
"""$16 a million."""

HOSTED = {"pinecone_embedder": "llama-text-embed-v2", "pinecone_reranker": "bge-reranker-v2-m3"}


def embed(texts: Sequence[str], kind: str) -> list[list[float]]:
    return [Subjects.vector(text).tolist() for text in texts]


def rerank(query: str, texts: Sequence[str]) -> list[float]:
    return [0.9 if "wax" in text else 0.1 for text in texts]


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server(PineconeServer(MODEL.dimension, embed=embed, rerank=rerank)) as server:
        server.read_units = 5
        yield server


@asynccontextmanager
async def full_collection(server: PineconeServer, **settings: Any) -> AsyncIterator[PineconeCollection]:
    async with collection_on(server, **settings) as collection:
        await filled(
            collection, [document("a", "Bees.", "Bees and wax."), document("b", "Bees.", tenant=None)]
        )
        server.requests.clear()
        yield collection


async def charges_of(collection: PineconeCollection, *, fails: bool = False) -> tuple[Charge, ...]:
    """Search once within a run, and return what that was charged."""
    context = RunContext("run_1", question("Bees?"))
    token = current_run_context.set(context)
    try:
        with pytest.raises(SourceError) if fails else nullcontext():
            await ask(collection, "bees", tenant_id="acme", limit=5)
    finally:
        current_run_context.reset(token)
    return context.charges


async def test_both_namespaces_read_units_are_one_exact_charge(server: PineconeServer) -> None:
    async with full_collection(server) as collection:
        with counted() as growth:
            (charge,) = await charges_of(collection)

    assert (charge.cost_type, charge.name, charge.status) == ("rag", "pinecone", "success")
    assert charge.cost_nanos == 10 * READ_UNIT_NANOS
    assert charge.unit_prices == {"read_unit": "0.000016"}
    assert charge.raw_usage == {"read_unit": [5, 5]}
    assert not charge.clamped
    assert not charge.tokens.estimated
    assert growth("vital_rag_used_units_total", source="pinecone", unit="read_unit") == 10


async def test_hosted_models_are_charges_of_their_own(server: PineconeServer) -> None:
    async with full_collection(server, **HOSTED) as collection:
        with counted() as growth:
            charges = await charges_of(collection)

    assert {(each.name, each.cost_nanos) for each in charges} == {
        ("pinecone:llama-text-embed-v2", 3 * 160),
        ("pinecone", 10 * READ_UNIT_NANOS),
        ("pinecone:bge-reranker-v2-m3", 2_000_000),
    }
    assert [each.tokens.input for each in charges] == [3, 0, 0]
    for unit, units in (("embedding_token", 3), ("read_unit", 10), ("rerank_unit", 1)):
        assert growth("vital_rag_used_units_total", source="pinecone", unit=unit) == units


async def test_the_hosted_reranker_orders_and_its_failure_changes_nothing_else(
    server: PineconeServer,
) -> None:
    async with full_collection(server, **HOSTED) as collection:
        ranked = await collection.search("bees", tenant_id="acme", limit=1)
        server.fail("/rerank", Fault(status=400))
        unranked = await collection.search("bees", tenant_id="acme", limit=3)
        server.fail(
            "/rerank", Fault(body=b'{"data": [{"index": 0, "score": 1}], "usage": {"rerank_units": 1}}')
        )
        (*_, odd) = await charges_of(collection)

    assert ranked[0].id == "a-1"
    assert len(unranked) == 3
    assert (odd.name, odd.cost_nanos) == ("pinecone:bge-reranker-v2-m3", 2_000_000)


async def test_prices_are_those_of_the_settings(server: PineconeServer) -> None:
    prices = {
        "pinecone_read_dollars_per_million": Decimal("24.5"),
        "pinecone_embedding_dollars_per_million": Decimal("0.08"),
        "pinecone_rerank_dollars_per_thousand": Decimal(1),
    }
    async with full_collection(server, **HOSTED, **prices) as collection:
        charges = await charges_of(collection)

    assert {each.cost_nanos for each in charges} == {3 * 80, 10 * 24_500, 1_000_000}


async def test_a_search_that_fails_after_units_were_reported_pays_for_them(server: PineconeServer) -> None:
    async with full_collection(server) as collection:
        server.fail("/query", Fault(), Fault(status=400))
        (charge,) = await charges_of(collection, fails=True)

    assert (charge.status, charge.cost_nanos, charge.tokens.estimated) == (
        "failed",
        5 * READ_UNIT_NANOS,
        False,
    )


async def test_what_answers_with_units_and_garbage_is_paid_too(server: PineconeServer) -> None:
    body = b'{"matches": "none", "usage": {"readUnits": 3}}'
    async with full_collection(server) as collection:
        server.fail("/query", Fault(body=body), Fault(body=body))
        (charge,) = await charges_of(collection, fails=True)

    assert (charge.status, charge.cost_nanos) == ("failed", 6 * READ_UNIT_NANOS)


async def test_a_search_that_was_refused_costs_nothing(server: PineconeServer) -> None:
    async with full_collection(server) as collection:
        server.fail("/query", *[Fault(status=429, applies=False, headers={"Retry-After": "60"})] * 2)
        (charge,) = await charges_of(collection, fails=True)

    assert (charge.cost_nanos, charge.tokens.estimated) == (0, False)


async def test_a_search_that_is_cut_off_is_charged_as_expected_and_flagged(server: PineconeServer) -> None:
    async with full_collection(server) as collection:
        await charges_of(collection)  # from now on a query is expected to take what this one took
        held = Fault(gate=asyncio.Event())
        server.fail("/query", held, Fault())
        context = RunContext("run_1", question("Bees?"))

        async def search() -> None:
            current_run_context.set(context)
            await ask(collection, "bees", tenant_id="acme", limit=5)

        task = asyncio.create_task(search())
        await held.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    (charge,) = context.charges
    assert (charge.status, charge.tokens.estimated, charge.cost_nanos) == (
        "cancelled",
        True,
        10 * READ_UNIT_NANOS,
    )


async def test_a_charge_is_noted_before_the_request_goes_out(server: PineconeServer) -> None:
    async with full_collection(server) as collection:
        noted: list[Charge] = []
        context = RunContext("run_1", question("Bees?"), note=noted.append)
        token = current_run_context.set(context)
        await ask(collection, "bees", tenant_id="acme", limit=5)
        current_run_context.reset(token)

    assert noted[0].item == noted[-1].item
    assert (noted[0].tokens.estimated, noted[0].cost_nanos) == (True, READ_UNIT_NANOS)
    assert noted[-1] == context.charges[0]


@pytest.mark.parametrize(
    ("stated", "nanos", "clamped", "estimated"),
    [
        ({"read_units": 2}, 4 * READ_UNIT_NANOS, False, False),
        ({"readUnits": 0.25}, 2 * READ_UNIT_NANOS, False, False),
        ({"readUnits": -4}, 0, True, False),
        ({"readUnits": 10**12}, 400 * READ_UNIT_NANOS, True, False),
        ({"readUnits": "many"}, 2 * READ_UNIT_NANOS, False, True),
        ({"readUnits": True}, 2 * READ_UNIT_NANOS, False, True),
        ([7], 2 * READ_UNIT_NANOS, False, True),
        (None, 0, False, False),
        ({}, 0, False, False),
    ],
)
async def test_odd_usage_is_charged_as_the_nearest_possible_and_flagged(
    server: PineconeServer, stated: Any, nanos: int, clamped: bool, estimated: bool
) -> None:
    async with full_collection(server) as collection:
        answer = json.dumps({"matches": [{"id": "x"}], "usage": stated}).encode()
        server.fail("/query", *[Fault(body=answer)] * 4)
        (charge,) = await charges_of(collection)

    # Where nothing was found, the search looks once whether another index answers, and asks no second time.
    assert (charge.cost_nanos, charge.clamped, charge.tokens.estimated) == (nanos, clamped, estimated)


async def test_no_search_costs_more_than_what_is_reserved_for_it(server: PineconeServer) -> None:
    server.read_units = 10**9
    async with full_collection(server, **HOSTED, pinecone_max_read_units=7) as collection:
        charges = await charges_of(collection)
        reserved = max_price_of(collection)

    assert sum(each.cost_nanos for each in charges) <= reserved * 10**9
    assert reserved == Decimal("0.000016") * 28 + Decimal("0.00000016") * 20_000 + Decimal("0.002") * 2


@asynccontextmanager
async def run_services(tmp_path: Path, collection: PineconeCollection) -> AsyncIterator[Services]:
    models = [CannedModel("Bees [1].")]
    async with workflow_services(tmp_path, models=models, sources=[collection]) as services:
        yield services


async def rag_rows(services: Services) -> list[tuple[str, str, int]]:
    async with services.database.connect() as connection:
        rows = (await connection.execute(select(ledger).where(ledger.c.cost_type == "rag"))).mappings().all()
    return [(row["name"], row["status"], row["cost_nanos"]) for row in rows if row["name"] != "memory"]


async def test_ledger_metrics_answer_and_budget_agree(server: PineconeServer, tmp_path: Path) -> None:
    async with (
        full_collection(server, **HOSTED) as collection,
        run_services(tmp_path, collection) as services,
    ):
        request = question("What of bees?", model="canned")
        agent = await services.agents.get("generalist", tenant_id="acme")
        reserved = max_cost(services, request, agent).dollars
        with counted() as growth:
            output = await BaseWorkflow(services).execute_typed(request)
        rows = await rag_rows(services)

    assert {name for name, _, _ in rows} == {
        "pinecone",
        "pinecone:llama-text-embed-v2",
        "pinecone:bge-reranker-v2-m3",
    }
    total = Decimal(sum(nanos for _, _, nanos in rows)) / 10**9
    assert output.cost.rag == total > Decimal("0.002")
    spent = growth("vital_cost_dollars_total", cost_type="rag", tenant_id="acme")
    assert spent == pytest.approx(float(total), abs=1e-12)
    assert reserved >= 2 * max_price_of(collection) > total
    assert {citation.source for citation in output.citations} == {"pinecone"}


async def test_a_budget_reserves_what_a_search_may_cost_until_it_is_charged(
    server: PineconeServer, tmp_path: Path
) -> None:
    request = question("What of bees?", model="canned")
    async with full_collection(server) as collection, run_services(tmp_path, collection) as services:
        agent = await services.agents.get("generalist", tenant_id="acme")
        reserved = max_cost(services, request, agent).dollars
        limits = TenantLimits(daily_dollars=reserved * Decimal("1.5"))
        await services.limits.set("acme", limits, now=services.now())
        held = Fault(gate=asyncio.Event())
        server.fail("/query", held)
        first = asyncio.create_task(BaseWorkflow(services).execute_typed(request))
        await held.reached.wait()
        with pytest.raises(BudgetExceeded):
            await BaseWorkflow(services).execute_typed(request)
        assert held.gate is not None
        held.gate.set()
        output = await first
        standing = await services.limits.get("acme", now=services.now())

    assert output.cost.total == Decimal("0.00016")
    assert standing.daily is not None
    assert (standing.daily.spent_dollars, standing.reserved_dollars) == (output.cost.total, 0)


async def test_a_broken_pinecone_degrades_and_the_run_pays_for_what_was_used(
    server: PineconeServer, tmp_path: Path
) -> None:
    async with full_collection(server) as collection, run_services(tmp_path, collection) as services:
        server.fail("/query", Fault(), Fault(status=403))
        output = await BaseWorkflow(services).execute_typed(question("What of bees?", model="canned"))
        rows = await rag_rows(services)

    assert "rag_failed" in output.degradation_reasons
    assert rows == [("pinecone", "failed", 5 * READ_UNIT_NANOS)]


async def test_a_late_pinecone_is_left_out_at_the_deadline(server: PineconeServer, tmp_path: Path) -> None:
    class Impatient(BaseWorkflow):
        @fan_out("source", over="rag_sources", deadline=0.2, on_timeout="rag_timeout")
        async def rag_retrieval(self, source: str, question: str, tenant_id: str) -> tuple[Any, ...]:
            found = next(one for one in self.services.sources if one.name == source)
            return await ask(found, question, tenant_id=tenant_id, limit=5)

    async with full_collection(server) as collection, run_services(tmp_path, collection) as services:
        server.fail("/query", *[Fault(gate=asyncio.Event())] * 2)
        output = await Impatient(services).execute_typed(question("What of bees?", model="canned"))
        rows = await rag_rows(services)

    assert "rag_timeout" in output.degradation_reasons
    assert [status for _, status, _ in rows] == ["cancelled"]


async def test_an_empty_pinecone_is_no_degradation(server: PineconeServer, tmp_path: Path) -> None:
    async with collection_on(server) as collection, run_services(tmp_path, collection) as services:
        output = await BaseWorkflow(services).execute_typed(question("What of bees?", model="canned"))

    assert not {"rag_failed", "rag_timeout"} & set(output.degradation_reasons)
    assert output.cost.rag == 0
