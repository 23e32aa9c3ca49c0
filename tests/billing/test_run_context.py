"""The charges of a run: how calls are named, and what is written down before their requests leave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from vital_shared.billing.run_context import RunContext, current_run_context
from vital_shared.breaker import ModelBreakers
from vital_shared.errors import StoreError
from vital_shared.llm.base import ModelRequest
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.chain import Chain
from vital_shared.llm.guarded import accounted
from vital_shared.models.charge import Charge
from vital_shared.models.tool import ToolCall
from vital_shared.retrieval.base import ask
from vital_shared.testing import CannedModel, CannedSource, question
from vital_shared.tools.base import ToolContext, tool
from vital_shared.tools.registry import ToolRegistry


def charge(item: str, nanos: int = 7) -> Charge:
    return Charge(item=item, cost_type="llm", name="m", status="success", cost_nanos=nanos)


@contextmanager
def within(context: RunContext) -> Iterator[None]:
    token = current_run_context.set(context)
    try:
        yield
    finally:
        current_run_context.reset(token)


class RefusingLog:
    """The log of a run that another worker has by now."""

    async def announce(self, charge: Charge) -> None:
        raise StoreError("The run is another worker's by now.")

    def expect(self, charge: Charge) -> None:
        pass

    def settle(self) -> None:
        pass

    async def begin_effect(self, name: str) -> None:
        raise StoreError("The run is another worker's by now.")


def test_no_two_calls_of_a_run_have_one_name_over_all_its_epochs() -> None:
    first = RunContext("run_1", question("?"))
    names = [first.next_item("llm"), first.next_item("tools")]
    assert names == ["llm/1", "tools/2"]
    second = RunContext("run_1", question("?"), [charge("llm/1")], epoch=1, carried=[charge("tools/2")])
    names += [second.next_item("llm"), first.next_item("llm")]  # the first worker goes on, unaware
    assert names[2:] == ["llm/1.3", "llm/3"]
    third = RunContext("run_1", question("?"), [charge(name) for name in names[:3]], epoch=2)
    names.append(third.next_item("llm"))
    assert names[4] == "llm/2.4"
    assert len(set(names)) == len(names)


def test_carried_charges_are_the_runs_own_and_are_owed_to_the_ledger() -> None:
    written, carried = charge("llm/1", 5), charge("llm/2", 30)
    context = RunContext("run_1", question("?"), [written], carried=[carried])
    assert context.nanos() == 35
    assert context.unwritten == (carried,)


def a_paid_tool(made: list[str], noted: list[Charge]) -> ToolRegistry:
    @tool(cost_dollars=Decimal("0.01"))
    async def look(word: str) -> str:
        """Look a word up."""
        made.append(word)
        assert [(each.item, each.cost_nanos, each.tokens.estimated) for each in noted] == [
            ("tools/1", 10**7, True)
        ]
        return word

    return ToolRegistry([look])


LOOK = ToolCall(id="1", name="look", arguments={"word": "bee"}, reason="?", cost_dollars=Decimal("0.01"))


async def test_a_paid_tool_is_noted_before_it_is_called() -> None:
    made: list[str] = []
    noted: list[Charge] = []
    context = RunContext("run_1", question("?"), note=noted.append)
    with within(context):
        result = await a_paid_tool(made, noted).run(LOOK, ToolContext(tenant_id="acme", run_id="run_1"))
    assert result.status == "success"
    assert made == ["bee"]
    (charged,) = context.charges
    assert charged == noted[-1]
    assert (charged.item, charged.status, charged.tokens.estimated) == ("tools/1", "success", False)


async def test_a_paid_search_is_noted_before_it_is_made() -> None:
    noted: list[Charge] = []
    context = RunContext("run_1", question("?"), note=noted.append)
    source = CannedSource()
    source.cost_dollars = Decimal("0.02")  # type: ignore[attr-defined]
    with within(context):
        await ask(source, "bees", tenant_id="acme", limit=5)
    first, last = noted
    assert (first.item, first.cost_nanos, first.tokens.estimated) == ("rag/1", 2 * 10**7, True)
    assert (last.item, last.status, last.tokens.estimated) == ("rag/1", "success", False)


@pytest.fixture
def refused() -> RunContext:
    context = RunContext("run_1", question("?"))
    context.call_log = RefusingLog()
    return context


async def test_a_tool_is_not_called_where_the_store_refuses_the_call(refused: RunContext) -> None:
    made: list[str] = []
    with within(refused):
        result = await a_paid_tool(made, []).run(LOOK, ToolContext(tenant_id="acme", run_id="run_1"))
    assert (result.status, result.error) == (
        "failed",
        "The call was not made: The run is another worker's by now.",
    )
    assert made == []
    assert refused.charges == ()


async def test_a_search_is_not_made_where_the_store_refuses_it(refused: RunContext) -> None:
    source = CannedSource()
    source.cost_dollars = Decimal("0.02")  # type: ignore[attr-defined]
    with within(refused), pytest.raises(StoreError):
        await ask(source, "bees", tenant_id="acme", limit=5)
    assert source.queries == []
    assert refused.charges == ()


@pytest.mark.parametrize("hedge_after_seconds", [None, 10.0])
async def test_no_model_is_asked_where_the_store_refuses_the_call(
    refused: RunContext, hedge_after_seconds: float | None
) -> None:
    models = [CannedModel(name="a:1"), CannedModel(name="a:2")]
    pricing = CallPricing(lambda _name, _tokens: None, len)
    chain = Chain(
        models, ModelBreakers().of_tenant("acme"), pricing, hedge_after_seconds, has_last_resort=False
    )
    with within(refused), accounted(), pytest.raises(StoreError):
        async for _ in chain.stream(ModelRequest(question="?")):
            pass
    assert models[1].requests == []
    assert refused.charges == ()
    assert chain.calls == ()
