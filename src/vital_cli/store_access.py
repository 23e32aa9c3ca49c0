"""The store for a command that needs no models, sources or tools: they take a second to load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from vital_cli.command_loop import command_loop
from vital_cli.settings import load_settings
from vital_shared.settings import Settings
from vital_shared.store.store import Store

__all__ = ["with_store"]

T = TypeVar("T")


def with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, do one piece of work with it, and close it.

    :raises ConfigurationError: when a setting is wrong.
    :raises StoreError: when the database is not there.
    """

    async def do() -> T:
        async with aclosing(await Store.open(load_settings(Settings))) as store:
            return await work(store)

    with command_loop() as runner:
        return runner.run(do())
