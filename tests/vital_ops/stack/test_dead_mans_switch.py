"""A real Alertmanager calls the dead man's switch while Watchdog fires, again and again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from vital_ops.routing import QUICK, routing
from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.notification_settings import NotificationSettings
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import start, stop
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.stack import HOST


class Switch:
    """Counts life signs, by path."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.calls.put_nowait((request.path, body["status"]))
        return web.Response(text="OK")


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    found = Switch()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    found.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def test_watchdog_calls_the_switch_again_and_again_and_other_alerts_do_not(switch, tmp_path):
    settings = NotificationSettings(dead_mans_switch_url=SecretStr(f"{switch.url}/ping/secret"))
    to = settings.destinations(
        tmp_path,
        engine_url=f"{switch.url}/v1/alerts",
        engine_key_file=None,
    )
    configuration = write_secret(tmp_path / "alertmanager.yml", routing(to, QUICK))
    address = f"{HOST}:{free_port(HOST)}"
    program = alertmanager(tmp_path, address, configuration, f"http://{address}")
    process = await start(program)
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as client:
            alerts = [
                {"labels": {"alertname": "Watchdog", "severity": "none"}, "startsAt": _now()},
                {"labels": {"alertname": "HighLatency", "notify": "slack"}, "startsAt": _now()},
            ]
            while not await _taken(client, f"http://{address}/api/v2/alerts", alerts):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            signs = set[str]()
            called = 0
            while called < 3 or "/v1/alerts" not in signs:
                path, status = await switch.calls.get()
                signs.add(path)
                called += path == "/ping/secret"
                assert status == "firing"
    finally:
        await stop(process)
    assert signs == {"/ping/secret", "/v1/alerts"}


async def _taken(client: aiohttp.ClientSession, url: str, alerts: list[dict[str, object]]) -> bool:
    try:
        async with client.post(url, json=alerts) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False  # it does not listen yet


def _now() -> str:
    return datetime.now(UTC).isoformat()
