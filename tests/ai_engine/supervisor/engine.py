"""The engine with several workers, as processes of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.ai_engine.harness import asked
from tests.ai_engine.processes import start
from tests.redis import shared_redis

__all__ = ["SLOW_PROVIDER", "Engine", "counted", "is_there", "running_engine"]

SECONDS = 60

SLOW_PROVIDER = """
[providers.slow]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
[models."slow:model"]
price = {{input = 1, output = 2}}
"""
"""The configuration of a provider on a local address."""


class Engine:
    """A running engine, its log and clients of it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.url = ""
        self._more = asyncio.Condition()

    async def read(self) -> None:
        """Read the log to its end."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._more:
                self.log.append(_parsed(line))
                self._more.notify_all()
        async with self._more:
            self.log.append({"event": "the end"})
            self._more.notify_all()

    async def logged(self, event: str, times: int = 1, **fields: Any) -> dict[str, Any]:
        """Wait until something was logged so often; gives the last of these lines."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log if fields.items() | {("event", event)} <= _items(line)]

        async with asyncio.timeout(SECONDS), self._more:
            await self._more.wait_for(
                lambda: len(found()) >= times or (self.log and self.log[-1]["event"] == "the end")
            )
        assert len(found()) >= times, self.log
        return found()[times - 1]

    def pid(self, worker: int) -> int:
        """Of the process that is a worker now."""
        return [e["pid"] for e in self.log if e["event"] == "worker_ready" and e["worker"] == worker][-1]

    def client(self) -> httpx.AsyncClient:
        """A client with connections of its own, so that another worker may answer it."""
        return httpx.AsyncClient(base_url=self.url, timeout=SECONDS)

    async def ask(self, query: str = "What is 1 + 1?", **fields: Any) -> httpx.Response:
        async with self.client() as client:
            return await client.post("/v1/runs", json=asked(query, **({"model": None} | fields)))

    async def ask_each_worker(self, count: int) -> dict[int, int]:
        """Ask so often that each worker has answered; gives how often each has."""
        while True:
            answers = self.requests()
            if len(answers) == count:
                return answers
            response = await self.ask()
            assert response.status_code == 200
            await self.logged("request", request_id=response.headers["x-request-id"])

    def requests(self) -> dict[int, int]:
        """How many runs each worker has answered."""
        counts: dict[int, int] = {}
        for line in self.log:
            if (line["event"], line.get("path")) == ("request", "/v1/runs"):
                counts[line["worker"]] = counts.get(line["worker"], 0) + 1
        return counts

    async def total(self, name: str, **labels: str) -> float:
        """Scrape some worker, and add up the series of a metric that have these labels."""
        async with self.client() as client:
            response = await client.get("/metrics")
        assert response.status_code == 200, response.text
        found = counted(response.text, name)
        return sum(value for labelled, value in found.items() if labels.items() <= labelled)


def counted(text: str, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """The series of a metric, by their labels."""
    return {
        frozenset(sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
    except ValueError:  # a traceback of the interpreter
        return {"event": line.decode()}
    return parsed


def _items(line: dict[str, Any]) -> set[tuple[str, Any]]:
    return {(key, value) for key, value in line.items() if value.__hash__}


@asynccontextmanager
async def running_engine(data_dir: Path, workers: int = 2, **environment: str) -> AsyncIterator[Engine]:
    """Start an engine, and stop it in the end, however that comes."""
    async with shared_redis(data_dir, {"VITAL_WORKERS": str(workers)} | environment) as complete:
        process = await start(data_dir, **complete)
        async with _running(process) as engine:
            yield engine


@asynccontextmanager
async def _running(process: Process) -> AsyncIterator[Engine]:
    engine = Engine(process)
    reading = asyncio.create_task(engine.read())
    try:
        engine.url = (await engine.logged("listening"))["url"]
        yield engine
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(SECONDS):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading  # ends when the last worker has closed it
        process._transport.close()


def is_there(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
