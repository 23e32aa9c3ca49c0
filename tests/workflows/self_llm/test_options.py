"""Options of `self.llm` that no model can be asked with."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from tests.workflows.self_llm.harness import asked, says

from vital_shared import Workflow, node
from vital_shared.errors import InvalidRequest, RunFailed
from vital_shared.models.limits import TenantLimits


class Asks(Workflow):
    """A question with options."""

    options: dict[str, Any]

    @node
    async def answer(self, query: str) -> str:
        return await self.llm(query, **self.options)


def asks(services, **options: Any) -> Asks:
    workflow = Asks(services)
    workflow.options = options
    return workflow


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", True),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_tokens", 1.5),
        ("max_tokens", "many"),
        ("max_tokens", True),
        ("model", 5),
        ("model", ""),
        ("tools", None),
        ("tools", "weigh"),
    ],
)
async def test_an_option_that_is_none_is_named_and_opens_no_breaker(engine, name, value):
    async with engine(says("Yes.")) as found:
        for _ in range(6):
            with pytest.raises(RunFailed, match=f"self.llm takes .* as {name}, and not ") as failed:
                await asks(found.services, **{name: value}).execute_typed(asked())
            assert isinstance(failed.value.__cause__, InvalidRequest)
        assert found.bodies == []
        assert found.services.breakers.reasons == {}
        assert (await asks(found.services).execute_typed(asked())).response == "Yes."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "did you mean temperature?"),
        ("maxtokens", "did you mean max_tokens?"),
        ("seed", "it takes prompt, model, output, tools, temperature, max_tokens, stream."),
    ],
)
async def test_an_option_that_does_not_exist_is_named(engine, name, hint):
    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r"self\.llm has no option") as failed:
            await asks(found.services, **{name: 1}).execute_typed(asked())
        assert str(failed.value).endswith(f"self.llm has no option {name}: {hint}")
        assert found.bodies == []


class AsksNothing(Workflow):
    """A call that lacks its prompt."""

    @node
    async def answer(self, query: str) -> str:
        return await self.llm()


async def test_a_missing_prompt_is_said(engine):
    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r"answer.*prompt"):
            await AsksNothing(found.services).execute_typed(asked())
        assert found.bodies == []


async def test_no_option_gets_past_a_budget(engine):
    async with engine(says("Yes.", read=300, written=3000)) as found:
        limits = TenantLimits(daily_dollars=Decimal("0.0001"))
        await found.services.limits.set("acme", limits, now=found.services.now())
        with pytest.raises(RunFailed, match="max_tokens"):
            await asks(found.services, max_tokens=-100_000).execute_typed(asked())
        assert found.bodies == []


@pytest.mark.parametrize("temperature", [0, 0.5, 2])
async def test_a_temperature_is_sent(engine, temperature):
    async with engine(says("Yes.")) as found:
        await asks(found.services, temperature=temperature).execute_typed(asked())
        assert found.bodies[0]["temperature"] == temperature


async def test_text_may_be_named_as_the_type(engine):
    async with engine(says("Yes.")) as found:
        output = await asks(found.services, output=str).execute_typed(asked())
    assert output.response == "Yes."
    assert len(found.bodies) == 1
