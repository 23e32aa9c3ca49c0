"""A loop whose time is virtual, so that seconds cost nothing, and an observer that writes all down."""

import asyncio
import selectors
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vital_shared.graph import Graph, Observer, Run


class _Selector(selectors.DefaultSelector):
    """Where the loop would wait for its next timer, the time moves there at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)  # nothing but a thread can wake the loop
        events = super().select(0)
        if not events:
            self.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which `asyncio.sleep` takes no time, and all timers fire in their order."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    async def shutdown_default_executor(self, _seconds: float | None = None) -> None:
        """Wait without the time limit that Python 3.12 gives: it would be over at once."""
        await super().shutdown_default_executor()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture(scope="session")
def virtual_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """For tests that run many loops of their own."""
    return VirtualLoop


class Log(Observer):
    """An observer that keeps the hooks that were called, in their order."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.errors: list[BaseException | None] = []

    def run_started(self, run, /):
        self.lines.append(("run",))

    def node_started(self, run, node, /):
        self.lines.append(("start", node.name))

    def node_finished(self, run, node, status, seconds, error, /):
        self.lines.append((status, node.name))
        self.errors.append(error)

    def item_started(self, run, node, index, item, /):
        self.lines.append(("item", node.name, index))

    def item_finished(self, run, node, index, item, outcome, /):
        self.lines.append((f"item {outcome.status}", node.name, index))

    def degraded(self, run, degradation, /):
        self.lines.append(("degraded", degradation.reason))

    def run_finished(self, run, status, error, /):
        self.lines.append(("run", status))
        self.errors.append(error)

    def of(self, node: str) -> list[Any]:
        """What happened to one node."""
        return [line[0] for line in self.lines if line[1:2] == (node,)]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def prepare(log: Log) -> Callable[..., Run]:
    """Make a run whose clock is the loop's and that writes to the log."""

    def prepare(graph: type[Graph] | Graph, options: dict[str, Any] | None = None, **inputs: Any) -> Run:
        target = graph() if isinstance(graph, type) else graph
        loop = asyncio.get_running_loop()
        given = {"observers": (log,), "clock": loop.time, **(options or {})}
        return Run(target.plan, target, inputs, **given)

    return prepare


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The file and line on which the test's module has the comment ``# <mark>``."""

    def place(mark: str) -> str:
        path = Path(str(request.path))
        lines = path.read_text().splitlines()
        (line,) = [i for i, text in enumerate(lines, 1) if text.endswith(f"# {mark}")]
        return f"{path.name}:{line}"

    return place
