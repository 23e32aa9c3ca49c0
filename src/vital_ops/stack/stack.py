"""The engine, Prometheus and Alertmanager, configured to know each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.keeping import Say, keep_all
from vital_ops.stack.ports import check_ports
from vital_ops.stack.program import Program
from vital_ops.stack.prometheus import prometheus, prometheus_configuration

__all__ = ["HOST", "Stack", "run_stack"]

HOST: Final = "127.0.0.1"
"""Where Prometheus and Alertmanager listen: neither asks for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What is started, and how it is configured."""

    folder: Path
    """Where all of it keeps what it knows."""
    engine: Program
    engine_address: str
    """``host:port``."""
    prometheus_port: int
    alertmanager_port: int
    rules: Mapping[str, str]
    """Rule files, by their names."""
    routing: str
    """Alertmanager's configuration."""
    key_file: Path
    """See `vital_ops.stack.prometheus.prometheus_configuration`."""
    interval: str = "10s"
    """Between scrapes, and between evaluations of the rules."""


async def run_stack(stack: Stack, on_ready: Callable[[], None], say: Say) -> None:
    """Run a stack until this is cancelled.

    :param on_ready: called once, when all of it serves.
    :raises ConfigurationError: when a program is missing or a port is taken.
    :raises ChildFailed: when a program does not start, or does not keep running.
    """
    host, _, port = stack.engine_address.rpartition(":")
    ports = {"Prometheus": stack.prometheus_port, "Alertmanager": stack.alertmanager_port}
    check_ports({"the engine": (host.strip("[]"), int(port))} | {name: (HOST, ports[name]) for name in ports})
    await keep_all((stack.engine, *_watchers(stack)), on_ready, say)


def _watchers(stack: Stack) -> tuple[Program, Program]:
    """Configure Prometheus and Alertmanager, by files in the folder."""
    prometheus_address, alertmanager_address = (
        f"{HOST}:{port}" for port in (stack.prometheus_port, stack.alertmanager_port)
    )
    rules = stack.folder / "rules"
    rules.mkdir(exist_ok=True)
    for old in rules.glob("*.yml"):
        old.unlink()
    for name, text in stack.rules.items():
        (rules / name).write_text(text, encoding="utf-8")
    scraping = prometheus_configuration(
        engine=stack.engine_address,
        alertmanager=alertmanager_address,
        rules=str(rules / "*.yml"),
        key_file=str(stack.key_file),
        interval=stack.interval,
    )
    files = {"prometheus.yml": scraping, "alertmanager.yml": stack.routing}
    for name, text in files.items():
        (stack.folder / name).write_text(text, encoding="utf-8")
    return (
        prometheus(stack.folder, prometheus_address, stack.folder / "prometheus.yml"),
        alertmanager(stack.folder, alertmanager_address, stack.folder / "alertmanager.yml"),
    )
