"""The engine, Prometheus and Alertmanager, configured to know each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.ports import check_ports
from vital_ops.stack.program import Program
from vital_ops.stack.prometheus import prometheus, prometheus_configuration
from vital_ops.stack.redis import redis
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.supervise import Say, supervise_all

__all__ = ["ENGINES", "HOST", "Stack", "local_config", "run_stack"]

HOST: Final = "127.0.0.1"
"""The host that Prometheus and Alertmanager listen on: neither asks for a key."""

ENGINES: Final = "engines"
"""In the stack's folder: files that name other engines; its Prometheus reads these too while they are there.

Prometheus calls it file-based service discovery.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The programs to start, and their configuration."""

    folder: Path
    """The folder for the data of all parts."""
    engine: Program
    engine_address: str
    """``host:port``."""
    prometheus_port: int
    alertmanager_port: int | None
    """None: there is no Alertmanager, and alerts go nowhere."""
    redis_address: str | None = None
    """``host:port`` of a Redis for the engine's workers; None: there is none in the stack."""
    rules: Mapping[str, str]
    """Rule files, by their names."""
    routing: str = ""
    """Alertmanager's configuration."""
    key_file: Path
    """See `vital_ops.stack.prometheus.prometheus_configuration`."""
    interval: str = "10s"
    """Between scrapes, and between evaluations of the rules."""
    config: OpsConfig = DEFAULT_CONFIG
    """The addresses in messages, the engines' labels and the environment's name."""


def local_config(
    engine_address: str, prometheus_port: int, alertmanager_port: int, environment: str = ""
) -> OpsConfig:
    """Make a configuration with the addresses of a stack on this machine."""
    return OpsConfig(
        environment=environment,
        engine_url=f"http://{engine_address}",
        runbook_url=f"http://{engine_address}/runbooks",
        prometheus_external_url=f"http://{HOST}:{prometheus_port}",
        alertmanager_external_url=f"http://{HOST}:{alertmanager_port}",
    )


async def run_stack(stack: Stack, on_ready: Callable[[], None], say: Say) -> None:
    """Run a stack until this is cancelled.

    :param on_ready: called once, when all of it serves.
    :raises ConfigurationError: when a program is missing or a port is taken.
    :raises ChildFailed: when a program does not start, or does not keep running.
    """
    host, _, port = stack.engine_address.rpartition(":")
    ports = {"the engine": (host.strip("[]"), int(port)), "Prometheus": (HOST, stack.prometheus_port)}
    if stack.alertmanager_port is not None:
        ports["Alertmanager"] = (HOST, stack.alertmanager_port)
    check_ports(ports)
    before = () if stack.redis_address is None else (redis(stack.folder, stack.redis_address),)
    await supervise_all((*before, stack.engine, *_watchers(stack)), on_ready, say)


def _watchers(stack: Stack) -> list[Program]:
    """Configure Prometheus and Alertmanager, by files in the folder."""
    watchers, alerts_to = [], None
    if stack.alertmanager_port is not None:
        alerts_to = f"{HOST}:{stack.alertmanager_port}"
        # The address of the dead man's switch stands in it.
        configuration = write_secret(stack.folder / "alertmanager.yml", stack.routing)
        external = stack.config.alertmanager_external_url
        watchers.append(alertmanager(stack.folder, alerts_to, configuration, external))
    rules = stack.folder / "rules"
    rules.mkdir(exist_ok=True)
    for old in rules.glob("*.yml"):
        old.unlink()
    for name, text in stack.rules.items():
        (rules / name).write_text(text, encoding="utf-8")
    engines = stack.folder / ENGINES
    engines.mkdir(exist_ok=True)
    for old in engines.glob("*.json"):  # of what was killed
        old.unlink()
    scraping = prometheus_configuration(
        engine=stack.engine_address,
        prometheus=f"{HOST}:{stack.prometheus_port}",
        alertmanager=alerts_to,
        rules=str(rules / "*.yml"),
        key_file=str(stack.key_file),
        more_engines=str(engines / "*.json"),
        environment=stack.config.environment,
        interval=stack.interval,
        target_labels=stack.config.target_labels,
    )
    configuration = stack.folder / "prometheus.yml"
    configuration.write_text(scraping, encoding="utf-8")
    address = f"{HOST}:{stack.prometheus_port}"
    watchers.append(prometheus(stack.folder, address, configuration, stack.config.prometheus_external_url))
    return watchers
