"""Whole runs on models behind providers, over real sockets."""

import asyncio
import threading
import time
from decimal import Decimal

import pytest
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import END, chunk

from vital_shared import BaseWorkflow
from vital_shared.llm.providers import Providers
from vital_shared.models.agent import AgentProfile
from vital_shared.models.event import RunFinished, Token
from vital_shared.testing import CannedSource, passage, question, workflow_services

FACT = passage("The review of a widget takes 42 days. It costs nothing.", score=5.0)
PRICE = 'price = { input = "1", output = "10" }  # dollars per million'


def says(*words):
    return openai.stream(
        [
            chunk({"role": "assistant", "content": ""}),
            *[chunk({"content": w}) for w in words],
            chunk(finish="stop"),
            *END,
        ]
    )


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Services whose configuration has a provider for each server."""

    def opened(**servers):
        lines = []
        for name, (server, more) in servers.items():
            lines.append(
                f'[providers.{name}]\nwire = "openai"\nbase_url = "{server.url}"\nkey_env = "KEY"\n{more}'
            )
            lines.append(f'[models."{name}:m"]\ncalls_tools = false\n{PRICE}')
        (tmp_path / "vital.toml").write_text("\n".join(lines))
        monkeypatch.setenv("KEY", "sk-secret")
        return workflow_services(tmp_path, sources=[CannedSource([FACT])])

    return opened


async def test_what_asks_and_prices_providers_is_loaded_off_the_loop_with_the_first_run(
    configured, monkeypatch
):
    threads = []
    monkeypatch.setattr(Providers, "load", lambda _: threads.append(threading.current_thread()))
    async with serve(says("42 days [1].")) as server, configured(mine=(server, "")) as services:
        assert threads == []
        for _ in range(2):
            await BaseWorkflow(services).execute_typed(question("How long?", model="mine:m"))
    assert [thread is threading.main_thread() for thread in threads] == [False]


async def save(services, *models, **more):
    agent = AgentProfile(
        id="chained", name="Chained", system_prompt="Be brief.", model=models[0], fallbacks=models[1:], **more
    )
    await services.agents.save(agent, tenant_id="acme")


async def test_first_down_second_slow_third_fine(configured):
    async with (
        serve(openai.error(503)) as down,
        serve(openai.stream([asyncio.Event()])) as slow,
        serve(says("It takes 42 days ", "[1], and", " costs nothing [", "9].")) as fine,
        configured(
            down=(down, "attempts = 1"), slow=(slow, "first_token_seconds = 0.2"), fine=(fine, "")
        ) as services,
    ):
        await save(services, "down:m", "slow:m", "fine:m")
        began = time.perf_counter()
        output = await BaseWorkflow(services).execute_typed(
            question("How long is the review?", agent_id="chained")
        )
        seconds = time.perf_counter() - began
    assert output.response == "It takes 42 days [1], and costs nothing."
    assert output.model == "fine:m"
    assert output.citations[0].quote == "The review of a widget takes 42 days."
    assert set(output.degradation_reasons) == {"llm_fallback", "models_missing"}
    down_call, slow_call, fine_call = output.model_calls
    assert [(c.status, c.prompt) for c in output.model_calls] == [
        ("failed", "answer@1"), ("timeout", "answer@1"), ("success", "answer@1"),
    ]  # fmt: skip
    assert down_call.cost_dollars == 0
    assert down_call.request_id == fine_call.request_id == "req_openai_1"
    assert slow_call.tokens.estimated
    assert slow_call.tokens.output == 0
    assert slow_call.cost_dollars == Decimal(slow_call.tokens.input) / 1_000_000
    assert fine_call.cost_dollars == (120 * Decimal(1) + 30 * Decimal(10)) / 1_000_000
    assert output.cost.llm == slow_call.cost_dollars + fine_call.cost_dollars
    assert output.tokens.output == 30
    # Nothing was waited for but the declared time: the rest of the run is quick.
    waited = sum(call.seconds for call in output.model_calls)
    assert slow_call.seconds >= 0.2
    assert waited - slow_call.seconds < slow_call.seconds + 0.5
    assert seconds < 5
    assert {w.type for w in output.warnings} == {"citation_removed", "degraded"}
    assert "sk-secret" not in output.model_dump_json()


async def test_all_providers_down_leaves_the_composer(configured):
    async with serve(openai.error(500)) as down, configured(down=(down, "attempts = 1")) as services:
        await save(services, "down:m")
        output = await BaseWorkflow(services).execute_typed(
            question("How long is the review of a widget?", agent_id="chained")
        )
    assert output.model == "extractive"
    assert "42 days" in output.response
    assert "llm_fallback" in output.degradation_reasons


async def test_a_hedge_starts_the_second_model_and_cancels_the_first(configured):
    async with (
        serve(openai.stream([asyncio.Event()])) as slow,
        serve(says("It takes 42 days [1].")) as fine,
        configured(slow=(slow, ""), fine=(fine, "")) as services,
    ):
        await save(services, "slow:m", "fine:m", hedge_after_seconds=0.05)
        output = await BaseWorkflow(services).execute_typed(
            question("How long is the review?", agent_id="chained")
        )
        await asyncio.wait_for(slow.closed.wait(), 5)
    assert output.response == "It takes 42 days [1]."
    assert [call.status for call in output.model_calls] == ["cancelled", "success"]


async def test_a_stream_that_breaks_midway_gives_half_an_answer_that_says_so(configured):
    broken = openai.stream([chunk({"content": "It takes 42 days [1]. And "}), ConnectionError])
    async with serve(broken) as server, configured(one=(server, "")) as services:
        await save(services, "one:m")
        output = await BaseWorkflow(services).execute_typed(
            question("How long is the review?", agent_id="chained")
        )
    assert output.response.startswith("It takes 42 days [1]. And")
    assert "cut_off" in output.degradation_reasons
    assert output.model_calls[0].tokens.estimated
    assert output.cost.llm > 0


async def test_tokens_reach_the_reader_as_they_come(configured):
    gate = asyncio.Event()
    parts = [
        chunk({"content": "First "}),
        gate,
        chunk({"content": "second [1]."}),
        chunk(finish="stop"),
        *END,
    ]
    async with serve(openai.stream(parts)) as server, configured(one=(server, "")) as services:
        await save(services, "one:m")
        said = []
        async for event in BaseWorkflow(services).execute_stream(question("?", agent_id="chained")):
            if isinstance(event, Token):
                said.append(event.text)
                gate.set()  # the second piece is only sent once the first was read
            elif isinstance(event, RunFinished):
                output = event.output
    assert said[0] == "First"
    assert "".join(said) == output.response == "First second [1]."


async def test_cancelling_the_run_closes_the_call(configured):
    async with (
        serve(openai.stream([chunk({"content": "x"}), asyncio.Event()])) as server,
        configured(one=(server, "")) as services,
    ):
        await save(services, "one:m")
        run = asyncio.create_task(BaseWorkflow(services).execute_typed(question("?", agent_id="chained")))
        await server.asked.wait()
        run.cancel()
        await asyncio.wait([run])
        await asyncio.wait_for(server.closed.wait(), 5)
        assert services.models.providers.opened[0].in_use == 0


async def test_an_unknown_price_is_warned_of_and_not_taken_for_nothing(configured, tmp_path):
    async with serve(says("It takes 42 days [1].")) as server, configured(one=(server, "")) as services:
        output = await BaseWorkflow(services).execute_typed(
            question("How long?", model="one:other", enable_tools=False)
        )
    assert output.model_calls[0].cost_dollars is None
    assert "unknown_price" in {warning.type for warning in output.warnings}


async def test_a_sentence_that_nothing_backs_is_marked(configured):
    async with (
        serve(says("It takes 42 days [1]. It costs 900 dollars [1].")) as server,
        configured(one=(server, "")) as services,
    ):
        await save(services, "one:m")
        output = await BaseWorkflow(services).execute_typed(question("How long?", agent_id="chained"))
    (marked,) = output.unsupported
    assert output.response[marked.start : marked.end] == "It costs 900 dollars [1]."
    assert output.groundedness == 0.5
    assert "ungrounded" in output.degradation_reasons
    assert output.quality_score < 0.8
