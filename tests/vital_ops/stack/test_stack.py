"""A real engine, Prometheus and Alertmanager, which know each other, with keys and without."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from vital_ops.stack import supervise
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import Program
from vital_ops.stack.stack import HOST, Stack
from vital_ops.stack.up import KEY_FILE, locked, up
from vital_shared.errors import ConfigurationError
from vital_shared.models.api_key import ApiKey
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore

RULES = """
groups:
  - name: test
    rules:
      - alert: Scraped
        expr: up{job="vital"} == 1
        annotations: {summary: "The engine is scraped."}
"""


def routing(url: str, key_file: Path) -> str:
    webhook = {"url": url, "http_config": {"authorization": {"credentials_file": str(key_file)}}}
    route = {"receiver": "engine", "group_wait": "100ms", "group_interval": "1s", "repeat_interval": "1s"}
    return json.dumps({"route": route, "receivers": [{"name": "engine", "webhook_configs": [webhook]}]})


@dataclass
class Up:
    """A stack that runs."""

    stack: Stack
    database: Database
    said: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def keys(self) -> KeyStore:
        return KeyStore(self.database)

    def pid(self, argument: str) -> int:
        """Of the child of ours that has this in its command line."""
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        (found,) = (pid for pid in children if argument in Path(f"/proc/{pid}/cmdline").read_text())
        return int(found)

    async def until(
        self,
        path: str,
        wanted: Callable[[httpx.Response], bool],
        *,
        port: int | None = None,
        headers: Any = None,
    ) -> httpx.Response:
        """Ask the engine, or who has the port, again and again until the answer is wanted."""
        address = f"{HOST}:{port}" if port else self.stack.engine_address
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=f"http://{address}") as client:
            while True:
                try:
                    response = await client.get(path, headers=headers)
                    if wanted(response):
                        return response
                except httpx.TransportError:
                    pass  # it is being started again
                await asyncio.sleep(0.05)

    async def alerts(self, after: str = "", headers: Any = None) -> list[Any]:
        """Return the notifications that the engine got since a moment."""

        def reported(response: httpx.Response) -> bool:
            alerts = response.json()["alerts"]
            return bool(alerts) and alerts[0]["received_at"] > after

        return (await self.until("/v1/alerts", reported, headers=headers)).json()["alerts"]

    async def scrapes(self) -> None:
        """Wait for a scrape that has begun after now and has worked."""
        now = datetime.now(UTC).timestamp()

        def scraped(response: httpx.Response) -> bool:
            return any(float(each["value"][1]) > now for each in response.json()["data"]["result"])

        await self.until("/api/v1/query?query=timestamp(up)*up", scraped, port=self.stack.prometheus_port)

    async def own_key(self) -> ApiKey:
        """Wait for the key that the stack makes beside another."""
        async with asyncio.timeout(60):
            while len(keys := await self.keys.list()) < 2:  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.05)
        return keys[-1]


@asynccontextmanager
async def running(folder: Path, monkeypatch) -> AsyncIterator[Up]:
    monkeypatch.setenv("VITAL_DATA_DIR", str(folder))
    port, state = free_port(HOST), folder / "stack"
    engine = Program(
        name="The engine",
        command=(sys.executable, "-m", "vital_cli", "serve", "--port", str(port)),
        ready_url=f"http://{HOST}:{port}/readyz",
        log=folder / "engine.log",
    )
    with locked(state):
        stack = Stack(
            folder=state,
            engine=engine,
            engine_address=f"{HOST}:{port}",
            prometheus_port=free_port(HOST),
            alertmanager_port=free_port(HOST),
            rules={"test.yml": RULES},
            routing=routing(f"http://{HOST}:{port}/v1/alerts", state / KEY_FILE),
            key_file=state / KEY_FILE,
            interval="250ms",
        )
        url = Settings().url
        database = Database(url)
        await database.migrate()
        one = Up(stack, database)
        task = asyncio.create_task(up(stack, url, one.ready.set, one.said.put_nowait))
        waiting = asyncio.create_task(one.ready.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield one
        finally:
            waiting.cancel()
            task.cancel()
            await asyncio.wait({task})
            await database.aclose()


async def create_key(one: Up, *scopes: str) -> dict[str, str]:
    new = await one.keys.create(tenant_id=None, scopes=scopes, name="", now=datetime.now(UTC))
    return {"Authorization": f"Bearer {new.token}"}


async def test_it_watches_an_engine_before_and_after_that_asks_for_keys(tmp_path, monkeypatch):
    async with running(tmp_path, monkeypatch) as one:
        (alert,) = await one.alerts()
        assert (alert["labels"]["alertname"], alert["status"]) == ("Scraped", "firing")
        assert not await one.keys.any_active(now=datetime.now(UTC))

        headers = await create_key(one, "costs")
        own = await one.own_key()
        assert (own.tenant_id, own.scopes) == (None, ("costs",))
        assert one.stack.key_file.stat().st_mode & 0o777 == 0o600
        await one.until("/metrics", lambda response: response.status_code == 401)
        await one.scrapes()
        before = (await one.alerts(headers=headers))[0]["received_at"]
        await one.alerts(before, headers)
        database = one.database
    keys = {key.id: key.revoked_at for key in await KeyStore(database).list()}
    assert keys.pop(own.id) is not None
    assert list(keys.values()) == [None]
    await database.aclose()
    assert one.said.empty()


async def test_what_ends_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "FIRST_DELAY_SECONDS", 0.01)
    async with running(tmp_path, monkeypatch) as one:
        os.kill(one.pid("storage.tsdb"), signal.SIGKILL)
        assert (await one.said.get()).startswith("Prometheus has ended and is started again: exit code -9")
        await one.until("/-/ready", lambda response: response.is_success, port=one.stack.prometheus_port)
        os.kill(one.pid("serve"), signal.SIGKILL)
        assert (await one.said.get()).startswith("The engine has ended and is started again: exit code -9")
        await one.until("/readyz", lambda response: response.is_success)


def test_two_do_not_share_a_folder(tmp_path):
    with (
        locked(tmp_path / "stack"),
        pytest.raises(ConfigurationError, match="Another `vital up` uses"),
        locked(tmp_path / "stack"),
    ):
        pytest.fail("unreachable")
