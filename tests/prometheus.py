"""A real Prometheus that scrapes what a test runs."""

from __future__ import annotations

import asyncio
import json
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from vital_ops.stack import alertmanager as alertmanager_program
from vital_ops.stack.program import start, stop
from vital_ops.stack.programs import PROMETHEUS, PROMTOOL, find_program

__all__ = ["Prometheus", "check_metrics", "running_alertmanager", "running_prometheus"]

SECONDS = 60

CONFIGURATION = """
global:
  scrape_interval: {scrape}
  evaluation_interval: {evaluation}
rule_files: ["rules/*.yml"]
scrape_configs:
  - job_name: vital
    static_configs:
      - targets: [{targets}]
"""

WATCHED_ALERTMANAGER = """\
  - job_name: alertmanager
    static_configs:
      - targets: ["{alertmanager}"]
"""

T = TypeVar("T")


class Prometheus:
    """A running Prometheus."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def query(
        self, expression: str, at: float | None = None
    ) -> dict[tuple[tuple[str, str], ...], float]:
        """Evaluate an expression at a time, or now; gives values by labels."""
        params = {"query": expression} if at is None else {"query": expression, "time": repr(at)}
        response = await self._client.get("/api/v1/query", params=params)
        assert response.status_code == 200, response.text
        return {
            tuple(sorted(each["metric"].items())): float(each["value"][1])
            for each in response.json()["data"]["result"]
        }

    @property
    def url(self) -> str:
        """Its address."""
        return str(self._client.base_url).rstrip("/")

    async def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> dict[tuple[float, frozenset[tuple[str, str]]], float]:
        """Evaluate an expression at several times; gives values by time and labels, names left out."""
        params = {"query": expression, "start": repr(start), "end": repr(end), "step": repr(step)}
        response = await self._client.post("/api/v1/query_range", data=params)
        assert response.status_code == 200, response.text
        return {
            (at, frozenset(item for item in each["metric"].items() if item[0] != "__name__")): float(value)
            for each in response.json()["data"]["result"]
            for at, value in each["values"]
        }

    async def value(self, expression: str) -> float:
        """Evaluate an expression that has one value; 0 where it has none."""
        return sum((await self.query(expression)).values())

    async def alert(self, name: str) -> dict[str, Any]:
        """Give an alert that is pending or fires; nothing where it is neither."""
        response = await self._client.get("/api/v1/alerts")
        alerts = response.json()["data"]["alerts"]
        return next((each for each in alerts if each["labels"]["alertname"] == name), {})

    async def exemplars(self, metric: str) -> list[dict[str, Any]]:
        """All exemplars of a metric."""
        params = {"query": metric, "start": "0", "end": "99999999999"}
        response = await self._client.get("/api/v1/query_exemplars", params=params)
        return [one for series in response.json()["data"] for one in series["exemplars"]]

    async def until(self, expression: str, wanted: Callable[[float], bool]) -> None:
        """Wait until an expression has a value that is wanted."""
        await _until(lambda: self.value(expression), wanted)

    async def scraped(self) -> None:
        """Wait for a scrape that begins after now."""
        async with asyncio.timeout(SECONDS):
            now = await self.value("vector(time())")
            await self.until('timestamp(up{job="vital"}) * up{job="vital"}', lambda at: at > now)


async def _until(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not wanted(await ask()):  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running_alertmanager(folder: Path) -> AsyncIterator[str]:
    """Start an Alertmanager that notifies nobody, and stop it in the end; gives its ``host:port``."""
    configuration = folder / "alertmanager.yml"
    configuration.write_text("{route: {receiver: nobody}, receivers: [{name: nobody}]}")
    address = _free_address()
    process = await start(
        alertmanager_program.alertmanager(folder, address, configuration, f"http://{address}")
    )
    try:
        yield address
    finally:
        await stop(process)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@asynccontextmanager
async def running_prometheus(
    folder: Path,
    target: str | Sequence[str],
    rules: Mapping[str, str] | None = None,
    *,
    alertmanager: str | None = None,
    find: Callable[[tuple[str, ...]], Path] = find_program,
    scrape: str = "2s",
    evaluation: str = "1s",
) -> AsyncIterator[Prometheus]:
    """Start one that scrapes ``host:port``, one or several, and stop it in the end.

    :param rules: rule files, by their names.
    :param alertmanager: the address of an Alertmanager that it scrapes too.
    :param find: finds the program: the one of the stack, or of another version.
    :param scrape: the time between scrapes.
    :param evaluation: the time between evaluations.
    """
    (folder / "rules").mkdir()
    for name, text in (rules or {}).items():
        (folder / "rules" / name).write_text(text)
    configuration = folder / "prometheus.yml"
    targets = [target] if isinstance(target, str) else list(target)
    watched = "" if alertmanager is None else WATCHED_ALERTMANAGER.format(alertmanager=alertmanager)
    pace = {"scrape": scrape, "evaluation": evaluation}
    configuration.write_text(CONFIGURATION.format(targets=json.dumps(targets)[1:-1], **pace) + watched)
    address = _free_address()
    process = await asyncio.create_subprocess_exec(
        find(PROMETHEUS),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--storage.tsdb.retention.time=60d",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=SECONDS) as client:

            async def status() -> int:
                try:
                    return (await client.get("/-/ready")).status_code
                except httpx.ConnectError:
                    assert process.returncode is None, "Prometheus has ended"
                    return 0

            await _until(status, lambda code: code == 200)
            yield Prometheus(client)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def check_metrics(text: bytes) -> str:
    """Have promtool look at what is scraped; gives its complaints."""
    process = await asyncio.create_subprocess_exec(
        find_program(PROMTOOL), "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate(text)
    return said.decode()
