"""The servers of `bench/service.py`, each a process of its own: how they start, what they take."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import service_parts
from vital_ops.stack.ports import free_port

HERE = Path(__file__).parent
LITELLM = HERE.parent / ".venv-litellm" / "bin" / "litellm"
START_SECONDS = 240.0
SETTLE_SECONDS = 2.0
STARTS = 4
QUIET_ACCESS = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"uvicorn.access": {"level": "ERROR"}},
}
"""LiteLLM's configuration of logs: without a line for each request, which costs time."""


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    started: float
    """Seconds from its start until it was ready; of several starts the shortest."""
    at_rest: float = 0.0
    """Megabytes that are resident before the first request, once all is loaded that a start loads."""
    key: str = ""

    def cpu(self) -> float:
        """Seconds of processor that it has taken, with all its threads and workers."""
        threads = (thread for process in self._processes() for thread in process.glob("task/*/schedstat"))
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory(self) -> float:
        """Megabytes that are resident, in all its workers; what they share is in each."""
        pages = sum(int((process / "statm").read_text().split()[1]) for process in self._processes())
        return pages * resource.getpagesize() / 1e6

    def _processes(self) -> list[Path]:
        """Return its folder in /proc, and those of all below it."""
        found = [Path(f"/proc/{self.process.pid}")]
        for process in found:
            for children in process.glob("task/*/children"):
                found += [Path(f"/proc/{child}") for child in children.read_text().split()]
        return found


@contextmanager
def floor(upstream: str) -> Iterator[Server]:
    port = free_port("127.0.0.1")
    with _running(
        [sys.executable, str(HERE / "service_floor.py"), str(port), upstream], port, "/same"
    ) as server:
        yield server


@contextmanager
def vital_with_all(upstream: dict[str, str], data_dir: Path) -> Iterator[Server]:
    """Ours with 2 workers, Redis, keys, a budget and tracing."""
    data_dir.mkdir(exist_ok=True)
    with service_parts.redis(data_dir) as redis, service_parts.collector() as collector:
        more = {
            "VITAL_WORKERS": "2",
            "VITAL_REDIS_URL": redis,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        }
        with vital(upstream, data_dir, more=more, daily_budget=1_000_000) as server:
            yield server


@contextmanager
def vital(
    upstream: dict[str, str],
    data_dir: Path,
    knowledge: Path | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    daily_budget: int | None = None,
    log: Path | None = None,
    starts: int = STARTS,
) -> Iterator[Server]:
    """Ours, with one worker, with keys, metrics, the ledger and the log.

    :param upstream: the addresses of providers, by name.
    :param knowledge: documents to ingest first, with the embedded models; None: without both.
    :param more: settings beyond these.
    :param daily_budget: dollars that the tenant may spend a day; None: it has no budget.
    :param log: the file for what it prints; ``starts``: how often it is started, to time that.
    """
    data_dir.mkdir(exist_ok=True)
    (data_dir / "vital.toml").write_text("".join(_provider(*each) for each in upstream.items()))
    port = free_port("127.0.0.1")
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VITAL_")},
        "VITAL_DATA_DIR": str(data_dir),
        "VITAL_PORT": str(port),
        "VITAL_MAX_CONCURRENT_RUNS": "1000",
        **more,
    }
    if knowledge is not None:
        for command in (["models", "install"], ["ingest", str(knowledge)]):
            _run(command, given)
    create = ["keys", "create", "--tenant", "acme", "--scope", "ask", "--scope", "admin", "--name", "bench"]
    token = next(word for word in _run(create, given).split() if word.startswith("vital_"))
    if daily_budget is not None:
        _run(["budgets", "set", "acme", "--daily", str(daily_budget)], given)
    serve = [sys.executable, "-m", "vital_cli", "serve"]
    with _running(serve, port, "/readyz", given, log, starts) as server:
        server.key = token
        yield server


def _run(command: list[str], environment: dict[str, str]) -> str:
    """Run a command of ours, and return what it prints."""
    whole = [sys.executable, "-m", "vital_cli", *command]
    return subprocess.run(whole, env=environment, check=True, capture_output=True, text=True).stdout


def _provider(name: str, url: str) -> str:
    return (
        f'[providers.{name}]\nwire = "openai"\nbase_url = "{url}/v1"\nkey_env = ""\n'
        f'[models."{name}:model"]\nprice = {{input = 1, output = 2}}\n'
    )


@contextmanager
def litellm(
    upstream: dict[str, str],
    folder: Path,
    *,
    has_cache: bool = True,
    log: Path | None = None,
    starts: int = STARTS,
) -> Iterator[Server]:
    """LiteLLM's proxy, with one worker, a master key and its cache in memory."""
    port = free_port("127.0.0.1")
    models = "".join(
        f"  - model_name: {name}\n"
        f"    litellm_params: {{model: openai/m, api_base: '{url}/v1', api_key: none}}\n"
        for name, url in upstream.items()
    )
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list:\n{models}"
        f"litellm_settings: {{{'cache: true, cache_params: {type: local}' if has_cache else ''}}}\n"
        "general_settings: {master_key: sk-bench}\n"
    )
    logging = folder / "litellm-log.json"
    logging.write_text(json.dumps(QUIET_ACCESS))
    command = [str(LITELLM), "--config", str(config), "--port", str(port), "--num_workers", "1"]
    command += ["--log_config", str(logging)]
    given = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
    }
    given.pop("PYTHONPATH", None)
    with _running(command, port, "/health/liveliness", given, log, starts) as server:
        server.key = "sk-bench"
        yield server


@contextmanager
def _running(
    command: list[str],
    port: int,
    path: str,
    environment: Mapping[str, str] = os.environ,
    log: Path | None = None,
    starts: int = STARTS,
) -> Iterator[Server]:
    given = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    earlier = []
    for _ in range(starts - 1):  # at the first Python compiles: what is installed was compiled before
        with started(command, port, path, given) as server:
            earlier.append(server.started)
    with started(command, port, path, given, log) as server:
        time.sleep(SETTLE_SECONDS)
        server.at_rest = server.memory()
        server.started = min([server.started, *earlier])
        yield server


@contextmanager
def started(
    command: list[str], port: int, path: str, environment: Mapping[str, str], log: Path | None = None
) -> Iterator[Server]:
    """Run a server that answers at a path once it is ready.

    :param log: the file for what it prints; None: it is lost.
    """
    began = time.perf_counter()
    with (log or Path(os.devnull)).open("wb") as printed:
        process = subprocess.Popen(command, env=environment, stdout=printed, stderr=printed)
    try:
        while not _answers(port, path):
            if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                raise RuntimeError(f"it does not start: {' '.join(command)}")
            time.sleep(0.01)
        yield Server(process, port, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:  # refused, broken off, or not yet answered
        return False
