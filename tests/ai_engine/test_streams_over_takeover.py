"""A client's stream goes on at the run's next owner: with the next number, and with one answer in the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from tests.ai_engine.harness import sse
from tests.ai_engine.processes import running_server
from tests.redis import running_redis
from tests.store_database import stored

WORKFLOW = Path(__file__).with_name("streaming_workflow.py")
QUESTION = {"query": "go", "mode": "2", "tenant_id": "acme", "user_id": "ann"}
STREAM = {"Accept": "text/event-stream"}
TOKENS_BEFORE = 5


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "VITAL_WORKFLOW": f"streaming={WORKFLOW}:Streaming",
        "TAKEOVER_FOLDER": str(folder),
        "VITAL_LEASE_SECONDS": "2",
    } | more


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[str]:
    async with running_redis(tmp_path) as server:
        yield server.url


class Client:
    """A client that keeps the events of a run, and connects again where its stream breaks."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.streamed = asyncio.Event()
        """Set once the text before the wait has come."""

    @property
    def run_id(self) -> str:
        return self.events[0]["run_id"]

    @property
    def has_ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in ("run_finished", "run_failed")

    async def begin(self, client: httpx.AsyncClient) -> None:
        path = "/v1/workflows/streaming/runs"
        try:
            async with client.stream("POST", path, json=QUESTION, headers=STREAM) as response:
                await self._take(response)
        except httpx.TransportError:
            return

    async def go_on(self, client: httpx.AsyncClient) -> None:
        """Follow to the end, with as many connections as it takes."""
        async with asyncio.timeout(40):
            while not self.has_ended:
                headers = STREAM | {"Last-Event-ID": str(self.events[-1]["seq"])}
                async with client.stream(
                    "GET", f"/v1/runs/{self.run_id}/events", headers=headers
                ) as response:
                    assert response.status_code == 200, await response.aread()
                    await self._take(response)

    async def _take(self, response: httpx.Response) -> None:
        async for event in sse(response):
            self.events.append(event)
            if sum(each["type"] == "token" for each in self.events) >= TOKENS_BEFORE:
                self.streamed.set()

    def check(self, *, has_lost: bool = False) -> None:
        """Check the numbers, and the one answer that is left.

        :param has_lost: whether events may be lost, where `superseded` voids those before.
        """
        numbers = [event["seq"] for event in self.events]
        if has_lost:
            assert numbers == sorted(set(numbers))
            assert [event["from_seq"] for event in self.events if event["type"] == "superseded"] == [1]
        else:
            assert numbers == list(range(1, len(self.events) + 1))
        left: list[dict[str, Any]] = []
        for event in self.events:
            if event["type"] == "superseded":
                left = [each for each in left if each["seq"] < event["from_seq"]]
            else:
                left.append(event)
        assert left[-1]["type"] == "run_finished", left[-1]
        assert (
            "".join(each["text"] for each in left if each["type"] == "token")
            == left[-1]["output"]["response"]
        )
        finished = [each["node"] for each in left if each["type"] == "node_finished"]
        assert sorted(finished) == sorted(set(finished))
        assert [event["type"] for event in self.events].count("superseded") == 1


async def until_nodes_are_stored(folder: Path, count: int) -> None:
    """Wait until an engine has stored what as many nodes made."""
    async with asyncio.timeout(30):
        while len(stored(folder, "SELECT node FROM run_nodes")) < count:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.02)


async def cut_off(folder: Path) -> Client:
    """Return a client whose engine was killed while it streamed."""
    cut = Client()
    async with running_server(folder, **environment(folder)) as (process, client):
        streaming = asyncio.create_task(cut.begin(client))
        await asyncio.wait_for(cut.streamed.wait(), 30)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await streaming
    return cut


@pytest.mark.thorough
async def test_a_stream_goes_on_at_the_restarted_engine(tmp_path: Path):
    mine, late = await cut_off(tmp_path), Client()
    async with running_server(tmp_path, **environment(tmp_path)) as (_, client):
        late.events = mine.events[:2]  # a client that had seen less
        going_on = [asyncio.create_task(each.go_on(client)) for each in (mine, late)]
        await asyncio.wait_for(mine.streamed.wait(), 30)
        (tmp_path / "go").touch()
        await asyncio.gather(*going_on)
    mine.check()
    late.check()
    assert mine.events == late.events


@pytest.mark.thorough
async def test_a_run_between_owners_is_cancelled_at_its_next_one(tmp_path: Path):
    mine = await cut_off(tmp_path)
    async with running_server(tmp_path, **environment(tmp_path)) as (_, client):
        cancelled = await client.delete(f"/v1/runs/{mine.run_id}", timeout=30)
        assert cancelled.status_code == 204, cancelled.text
        assert (await client.get(f"/v1/runs/{mine.run_id}")).json()["status"] == "cancelled"


@pytest.mark.thorough
async def test_a_stream_goes_on_at_another_replica(tmp_path: Path, redis: str):
    chosen = environment(tmp_path, VITAL_REDIS_URL=redis)
    first, follower = Client(), Client()
    async with (
        running_server(tmp_path, **chosen) as (_, survivor),
        running_server(tmp_path, **chosen) as (process, client),
    ):
        streaming = asyncio.create_task(first.begin(client))
        await asyncio.wait_for(first.streamed.wait(), 30)
        follower.events = first.events[:1]
        following = asyncio.create_task(follower.go_on(survivor))  # stays connected all the time
        await asyncio.wait_for(follower.streamed.wait(), 30)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await streaming
        going_on = asyncio.create_task(first.go_on(survivor))
        (tmp_path / "go").touch()
        await asyncio.gather(going_on, following)
    first.check()
    follower.check()
    assert first.events == follower.events


@pytest.mark.thorough
async def test_what_an_engine_had_begun_that_is_killed_while_it_drains_goes_on_at_another(
    tmp_path: Path, redis: str
):
    chosen = environment(tmp_path, VITAL_REDIS_URL=redis, VITAL_SHUTDOWN_SECONDS="600")
    path, keyed = "/v1/workflows/streaming/runs", {"Idempotency-Key": "k"}
    reader = Client()
    async with running_server(tmp_path, **chosen) as (_, survivor):
        async with running_server(tmp_path, **chosen) as (process, client):
            reading = asyncio.create_task(reader.begin(client))
            asking = asyncio.create_task(client.post(path, json=QUESTION, headers=keyed))
            await asyncio.wait_for(reader.streamed.wait(), 30)
            await until_nodes_are_stored(tmp_path, 2)
            process.terminate()
            async with asyncio.timeout(30):
                while (await client.get("/readyz")).status_code == 200:
                    pass
            assert (await client.post(path, json=QUESTION)).status_code == 503
            assert not reading.done()
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            await asyncio.wait([reading, asking])
        assert isinstance(asking.exception(), httpx.TransportError)
        going_on = asyncio.create_task(reader.go_on(survivor))
        (tmp_path / "go").touch()
        await going_on
        again = await survivor.post(path, json=QUESTION, headers=keyed)
    reader.check()
    assert again.json()["response"].endswith("the end.")
    assert stored(tmp_path, "SELECT status, epoch, takeovers FROM runs") == 2 * [("completed", 1, 1)]
    assert (tmp_path / "searches.txt").read_text(encoding="utf-8").split() == ["go", "go"]
    rows = stored(tmp_path, "SELECT run_id, cost_nanos, estimated FROM ledger")
    assert [row[1:] for row in rows] == 2 * [(20_000_000, 0)]
    assert len({row[0] for row in rows}) == 2


@pytest.mark.thorough
async def test_readers_of_a_worker_that_was_frozen_get_the_answer_of_the_one_that_has_the_run(
    tmp_path: Path, redis: str
):
    chosen = environment(tmp_path, VITAL_REDIS_URL=redis)
    reader, follower = Client(), Client()
    async with (
        running_server(tmp_path, **chosen) as (_, survivor),
        running_server(tmp_path, **chosen) as (process, client),
    ):
        reading = asyncio.create_task(reader.begin(client))
        await asyncio.wait_for(reader.streamed.wait(), 30)
        follower.events = reader.events[:1]
        following = asyncio.create_task(follower.go_on(survivor))
        await asyncio.wait_for(follower.streamed.wait(), 30)
        await until_nodes_are_stored(tmp_path, 1)
        with frozen(process.pid):
            (tmp_path / "go").touch()
            await following
        await reading
        await reader.go_on(client)
    reader.check()
    assert reader.events == follower.events


@pytest.mark.thorough
async def test_a_reader_that_is_behind_gets_the_answer_whose_events_are_lost(tmp_path: Path, redis: str):
    """It has the text that the next owner has voided; the end alone would make that the answer."""
    chosen = environment(tmp_path, VITAL_REDIS_URL=redis)
    behind, reader = Client(), Client()
    async with running_server(tmp_path, **chosen) as (_, survivor):
        async with running_server(tmp_path, **chosen) as (process, client):
            reading = asyncio.create_task(behind.begin(client))
            await asyncio.wait_for(behind.streamed.wait(), 30)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            await reading
        reader.events = behind.events[:1]
        (tmp_path / "go").touch()
        await reader.go_on(survivor)
    reader.check()
    async with Redis.from_url(redis) as server:
        await server.flushall()
    async with running_server(tmp_path, **chosen) as (_, client):
        await behind.go_on(client)
    behind.check(has_lost=True)
    assert behind.events[-1]["output"] == reader.events[-1]["output"]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
