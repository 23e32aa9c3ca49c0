"""A program that a stack runs, and how it is started and stopped."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Program", "start", "stop"]

STOP_SECONDS: Final = 50.0
"""Seconds after which a stopped program that has not ended is killed; the engine lets its runs end first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to start, and the check that it serves."""

    name: str
    command: Sequence[str | Path]
    ready_url: str
    """An address that answers 200 once the program serves, or with ``tcp://`` takes connections then."""
    environment: Mapping[str, str] | None = None
    """None: that of this process."""
    log: Path | None = None
    """The file of its output, anew with each start of the stack; None: the terminal."""


async def start(program: Program) -> Process:
    """Start a program, in a session of its own: Ctrl-C reaches the stack alone.

    Where Linux's ``setpriv`` is there, it ends with this process, however that ends.
    """
    setpriv = shutil.which("setpriv")
    dying_together = (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
    log = None if program.log is None else program.log.open("ab")
    try:
        return await asyncio.create_subprocess_exec(
            *dying_together,
            *program.command,
            stdin=DEVNULL,
            stdout=log,
            stderr=None if log is None else STDOUT,
            env=program.environment,
            start_new_session=True,
        )
    finally:
        if log is not None:
            log.close()


async def stop(process: Process) -> None:
    """Stop a program, and wait until it has ended."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
