"""Money that was spent is in the ledger before the last byte of the answer leaves, and stays there."""

from __future__ import annotations

import asyncio
import os
import signal
from decimal import Decimal

import pytest
from tests.ai_engine.harness import asked, sse
from tests.ai_engine.processes import running_server
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import END, chunk
from tests.store_database import stored

QUESTIONS = 12
QUESTION = asked("How long?", model="own:m", enable_rag=False, enable_tools=False)
PROVIDER = """
[providers.own]
wire = "openai"
base_url = "{url}"
key_env = ""
[models."own:m"]
calls_tools = false
price = {{ input = "1", output = "10" }}
"""
STREAM = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Yes."}), chunk(finish="stop"), *END]


def paid(data_dir) -> dict[str, int]:
    """Nano-dollars of each run in the ledger."""
    return dict(stored(data_dir, "SELECT run_id, sum(cost_nanos) FROM ledger GROUP BY run_id"))


@pytest.mark.thorough
async def test_what_was_answered_is_in_the_ledger_though_the_engine_is_killed_at_once(tmp_path, monkeypatch):
    async with serve(openai.stream(STREAM)) as upstream:
        (tmp_path / "vital.toml").write_text(PROVIDER.format(url=upstream.url))
        async with running_server(tmp_path) as (process, client):

            async def whole() -> tuple[str, Decimal]:
                output = (await client.post("/v1/runs", json=QUESTION)).json()
                return output["run_id"], Decimal(output["cost"]["total"])

            async def streamed() -> tuple[str, Decimal]:
                headers = {"Accept": "text/event-stream"}
                async with client.stream("POST", "/v1/runs", json=QUESTION, headers=headers) as response:
                    last = [event async for event in sse(response)][-1]
                return last["output"]["run_id"], Decimal(last["output"]["cost"]["total"])

            answered = await asyncio.gather(
                *(ask() for _ in range(QUESTIONS // 2) for ask in (whole, streamed))
            )
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
    assert all(cost > 0 for _, cost in answered)
    assert paid(tmp_path) == {run_id: int(cost * 10**9) for run_id, cost in answered}
    assert len(upstream.requests) == QUESTIONS


async def test_a_retry_after_a_kill_gets_the_stored_answer_and_pays_nothing(tmp_path):
    headers = {"Idempotency-Key": "once"}
    async with serve(openai.stream(STREAM)) as upstream:
        (tmp_path / "vital.toml").write_text(PROVIDER.format(url=upstream.url))
        async with running_server(tmp_path) as (process, client):
            first = await client.post("/v1/runs", json=QUESTION, headers=headers)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        async with running_server(tmp_path) as (_, client):
            again = await client.post("/v1/runs", json=QUESTION, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(upstream.requests) == len(paid(tmp_path)) == 1
