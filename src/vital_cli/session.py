"""The event loop of a command, with the services open on it."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import uvloop
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from vital_cli.misspelt_variables import misspelt_variables
from vital_cli.problems import debugging
from vital_cli.terminal import say
from vital_shared.errors import ConfigurationError
from vital_shared.monitoring.telemetry import exporting
from vital_shared.settings import Settings
from vital_shared.store.actor import Actor, acting_as
from vital_shared.workflows.services import Services

__all__ = ["Session", "load_settings", "open_session", "with_services"]

T = TypeVar("T")
S = TypeVar("S", bound=BaseSettings)


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
    _quiet_logs()
    with (
        exporting(),
        acting_as(Actor("cli", _machine_user())),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        services = runner.run(Services.open(load_settings(Settings)))
        try:
            yield Session(services, runner)
        finally:
            runner.run(services.aclose())


def with_services(work: Callable[[Services], Awaitable[T]]) -> T:
    """Open the services, do one piece of work with them, and close them."""

    async def do(services: Services) -> T:
        return await work(services)

    with open_session() as session:
        return session.run(do(session.services))


def load_settings(kind: type[S], **given: Any) -> S:
    """Read settings from the environment, but for those that are given, and warn of misspelt variables.

    :raises ConfigurationError: naming the variable that is wrong.
    """
    _warn_of_misspelt(frozenset(os.environ))
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:  # a rule about several settings names them itself
            raise ConfigurationError(f"{reason}.") from error
        name = str(first["loc"][0])  # what follows is a place within its value
        variable = name if name.isupper() else f"VITAL_{name.upper()}"
        raise ConfigurationError(
            f"The environment variable {variable} is {first['input']!r}: {reason}."
        ) from error


@cache
def _warn_of_misspelt(variables: frozenset[str]) -> None:
    """Warn of variables that are nearly settings, once in a command."""
    for remark in misspelt_variables(variables):
        say(f"Warning: {remark}", "yellow")


def _machine_user() -> str:
    """Return the name of the machine's user; empty where it has none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return ""


def _quiet_logs() -> None:
    """Send logs to stderr; the commands say themselves what the user has to know."""
    logging.basicConfig(level=logging.INFO if debugging() else logging.CRITICAL)
