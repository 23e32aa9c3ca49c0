"""Supervise the server of a local model: start it when it is first needed, and again when it has died."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from vital_shared.llm.base import ModelUnavailable
from vital_shared.logs import get_logger

__all__ = ["Child"]

logger = get_logger(__name__)

START_SECONDS: Final = 60.0
"""A model of a gigabyte is read from a slow disk within this time."""

MAX_STARTS: Final = 5
"""Maximum number of starts within `WITHIN_SECONDS`; then it is left alone for that long."""

WITHIN_SECONDS: Final = 60.0

STOP_SECONDS: Final = 5.0


class Child:
    """One server process.

    :param name: the name of the model, ``local:…``, for errors.
    :param weights: the model's file.
    :param clock: seconds, monotonic.
    """

    def __init__(self, name: str, weights: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.key = SecretStr(secrets.token_urlsafe(32))
        """The key that callers need: other users of the machine reach the port too."""
        self._name = name
        self._weights = weights
        self._clock = clock
        self._process: Process | None = None
        self._address = ""
        self._starts: list[float] = []
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def address(self) -> str:
        """Return where the server listens, starting it if it does not run; of many who ask, one starts it.

        :raises ModelUnavailable: when it does not come up, or has died too often.
        """
        async with self._lock:
            if self.pid is None:
                await self._start()
            return self._address

    async def aclose(self) -> None:
        """End the process and wait for it; it may be started again."""
        async with self._lock:
            await self._stop()

    async def _start(self) -> None:
        now = self._clock()
        self._starts = [start for start in self._starts if now - start < WITHIN_SECONDS]
        if len(self._starts) >= MAX_STARTS:
            raise ModelUnavailable(
                f'The server of "{self._name}" has died {MAX_STARTS} times within '
                f"{WITHIN_SECONDS:.0f} seconds.",
                model=self._name,
            )
        self._starts.append(now)
        try:
            async with asyncio.timeout(START_SECONDS):
                self._address = await self._ready(await self._spawn())
        except (TimeoutError, OSError, ValueError) as error:
            await self._stop()
            what = f'The server of "{self._name}" did not start'
            raise ModelUnavailable(f"{what}.", model=self._name).detailed(
                f"{what}: check that {self._weights} is complete (`vital models list`) and there is memory "
                "for it."
            ) from error
        except BaseException:
            await self._stop()
            raise
        logger.info("local_model_started", model=self._name, pid=self.pid, address=self._address)

    async def _spawn(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vital_shared.llm.local.server",
            str(self._weights),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        return self._process

    async def _ready(self, process: Process) -> str:
        """Hand over the key, and wait for the address.

        :raises ValueError: when something else comes, or the end.
        """
        assert process.stdin is not None  # noqa: S101 - for the type checker: they are pipes
        assert process.stdout is not None  # noqa: S101 - the same
        process.stdin.write(f"{self.key.get_secret_value()}\n".encode())
        await process.stdin.drain()
        said = json.loads(await process.stdout.readline())
        address = said.get("address") if isinstance(said, dict) else None
        if not isinstance(address, str):
            raise ValueError("The server did not give its address.")  # noqa: TRY004 - the line is wrong
        return address

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # it ends by itself
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except (TimeoutError, asyncio.CancelledError) as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
