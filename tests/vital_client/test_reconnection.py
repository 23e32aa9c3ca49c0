"""A stream outlives a restart of the engine, as long as the client has patience for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.ai_engine.processes import running_server
from tests.vital_client.threaded import ThreadedClient

from vital_client import AsyncVitalClient, EngineOverloaded, EngineUnreachable, StreamEvent, VitalClient
from vital_client.calls import ask, events_after
from vital_client.retries import Retries

WORKFLOW = Path(__file__).parents[1] / "ai_engine" / "streaming_workflow.py"
QUESTION: dict[str, Any] = {"query": "go", "mode": 2, "workflow": "streaming"}
TOKENS_BEFORE = 5
URL = httpx.URL("http://engine")
LOST = httpx.ReadError("the connection was reset")
AWAY = httpx.ConnectError("refused")


def environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "VITAL_WORKFLOW": f"streaming={WORKFLOW}:Streaming",
        "TAKEOVER_FOLDER": str(folder),
        "VITAL_LEASE_SECONDS": "2",
        "VITAL_PORT": str(port),
    }


@asynccontextmanager
async def either_client(kind: str, port: int) -> AsyncIterator[Any]:
    url, options = f"http://127.0.0.1:{port}", {"tenant_id": "acme", "user_id": "ann"}
    if kind == "async":
        async with AsyncVitalClient(url, **options) as client:
            yield client
    else:
        with VitalClient(url, **options) as client:
            yield ThreadedClient(client)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_stream_goes_on_when_the_engine_is_killed_and_started_again(
    tmp_path: Path, unused_tcp_port: int, kind: str
) -> None:
    chosen = environment(tmp_path, unused_tcp_port)
    seen: list[StreamEvent] = []
    streamed = asyncio.Event()

    async def read(client: Any) -> None:
        async with client.stream(**QUESTION) as events:
            async for event in events:
                seen.append(event)
                if sum(each.type == "token" for each in seen) >= TOKENS_BEFORE:
                    streamed.set()

    async with either_client(kind, unused_tcp_port) as client, asyncio.TaskGroup() as tasks:
        async with running_server(tmp_path, **chosen) as (process, _):
            tasks.create_task(read(client))
            await asyncio.wait_for(streamed.wait(), 30)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        (tmp_path / "go").touch()
        async with running_server(tmp_path, **chosen), asyncio.timeout(40):
            while not seen[-1].type.startswith("run_f"):  # noqa: ASYNC110 - the reader is another task
                await asyncio.sleep(0.02)
    assert [event.seq for event in seen] == [*range(1, len(seen) + 1)]
    answer = seen[-1].answer
    assert answer is not None
    assert left_of(seen) == answer.text


def left_of(seen: Sequence[StreamEvent]) -> str:
    """Return the text that no other event has voided."""
    left: list[StreamEvent] = []
    for event in seen:
        if event.type == "superseded":
            left = [each for each in left if each.seq < event.fields["from_seq"]]
        left.append(event)
    return "".join(event.text for event in left)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_run_that_has_begun_is_worth_a_minute_of_refused_connections() -> None:
    clock, waits = Clock(), list[float]()
    retrying = Retries(2, jitter=lambda: 1.0, now=clock).begin(URL, has_begun=True)
    while sum(waits) < 60:
        waits.append(retrying.wait_seconds(events_after("run_1", 3), AWAY))
        clock.seconds += waits[-1]
    assert sum(waits) == pytest.approx(60)
    assert max(waits) == 2
    with pytest.raises(EngineUnreachable):
        retrying.wait_seconds(events_after("run_1", 3), AWAY)


def test_each_loss_has_a_minute_of_its_own() -> None:
    clock = Clock()
    retrying = Retries(2, jitter=lambda: 1.0, now=clock).begin(URL, has_begun=True)
    for _ in range(5):
        assert retrying.wait_seconds(events_after("run_1", 3), LOST) == 0.25
        clock.seconds += 59
        assert retrying.wait_seconds(events_after("run_1", 3), AWAY) == 0.5
        retrying.progressed()
        clock.seconds += 500


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_proxy_that_answers_for_the_engine_meanwhile_is_waited_for(status: int) -> None:
    retrying = Retries(0, jitter=lambda: 1.0, now=Clock()).begin(URL, has_begun=True)
    page = httpx.Response(status, text="<html>")
    assert retrying.wait_seconds(events_after("run_1", 3), page) == 0.25
    asks = httpx.Response(status, headers={"Retry-After": "300"})
    assert retrying.wait_seconds(events_after("run_1", 3), asks) == 60  # the last moment within the budget


def test_a_question_is_sent_for_a_minute_only_with_a_key_and_after_it_had_left() -> None:
    rules = Retries(0, jitter=lambda: 1.0, now=Clock())
    question: dict[str, Any] = {"query": "Why?"}
    keyed = ask(question, None, "once")
    for call, outcome in ((ask(question, None, None), LOST), (keyed, AWAY)):
        with pytest.raises(EngineUnreachable):
            rules.begin(URL).wait_seconds(call, outcome)
    retrying = rules.begin(URL)
    assert [retrying.wait_seconds(keyed, outcome) for outcome in (LOST, AWAY, AWAY)] == [0.25, 0.5, 1]
    ended = httpx.Response(503, json={"run_id": "run_1"})
    with pytest.raises(EngineOverloaded):
        retrying.wait_seconds(keyed, ended)
