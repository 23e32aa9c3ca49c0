"""The event loop of a command, with the services open on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from vital_cli.command_loop import command_loop
from vital_cli.settings import load_settings
from vital_shared.settings import Settings
from vital_shared.workflows.services import Services

__all__ = ["Session", "open_session", "with_services"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """A loop that runs only while it is given work, so that a prompt between two pieces blocks nothing.

    While it runs, Ctrl-C cancels the work, waits until it has ended and raises KeyboardInterrupt.
    """

    services: Services
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a piece of work to its end."""
        return self.runner.run(work)


@contextmanager
def open_session() -> Iterator[Session]:
    """Open the services that the environment describes, on a loop of their own.

    :raises ConfigurationError: when a setting is wrong.
    :raises StoreError: when the database is not there.
    """
    with command_loop() as runner:
        services = runner.run(Services.open(load_settings(Settings)))
        try:
            runner.run(services.enter_lost())
            yield Session(services, runner)
        finally:
            runner.run(services.aclose())


def with_services(work: Callable[[Services], Awaitable[T]]) -> T:
    """Open the services, do one piece of work with them, and close them."""

    async def do(services: Services) -> T:
        return await work(services)

    with open_session() as session:
        return session.run(do(session.services))
