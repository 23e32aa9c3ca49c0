"""Keep programs running: each is started again when it ends, and all stop together."""

from __future__ import annotations

import asyncio
import re
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp

from vital_ops.stack.errors import ChildFailed
from vital_ops.stack.program import Program, start, stop
from vital_shared.logs import get_logger

__all__ = ["supervise_all", "until_ready"]

logger = get_logger(__name__)

READY_SECONDS: Final = 90.0
ASK_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05

STEADY_SECONDS: Final = 60.0
"""Seconds of service after which a program is started again at once; after a shorter one the next waits."""
FIRST_DELAY_SECONDS: Final = 0.5
MAX_EARLY_ENDS: Final = 5
"""Consecutive early ends after which a program is given up."""

TCP: Final = "tcp://"

TAIL_BYTES: Final = 10_000

Say = Callable[[str], None]
"""A function that shows the user a sentence."""


async def supervise_all(programs: Sequence[Program], on_ready: Callable[[], None], say: Say) -> None:
    """Start programs and keep them running, until this is cancelled; then all of them have ended.

    :param on_ready: called once, when all serve.
    :raises ChildFailed: when one does not start, or does not keep running.
    """
    waiting = {program.name for program in programs}

    def ready(name: str) -> None:
        if waiting:
            waiting.discard(name)
            if not waiting:
                on_ready()

    try:
        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as tasks:
            for program in programs:
                tasks.create_task(_supervise(program, client, ready, say))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _supervise(
    program: Program, client: aiohttp.ClientSession, ready: Callable[[str], None], say: Say
) -> None:
    failures = 0
    if program.log is not None:
        program.log.unlink(missing_ok=True)
    while True:
        process = await start(program)
        try:
            await until_ready(program, process, client)
            ready(program.name)
            began = time.monotonic()
            code = await process.wait()
        finally:
            await asyncio.shield(stop(process))
        failures = 0 if time.monotonic() - began >= STEADY_SECONDS else failures + 1
        if failures >= MAX_EARLY_ENDS:
            raise ChildFailed(f"{program.name} ends again and again: {_reason(program, code)}")
        say(f"{program.name} has ended and is started again: {_reason(program, code)}")
        await asyncio.sleep(FIRST_DELAY_SECONDS * 2**failures if failures else 0)


async def until_ready(program: Program, process: Process, client: aiohttp.ClientSession) -> None:
    """Wait until a program serves.

    :raises ChildFailed: when it ends before, or takes too long.
    """
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await _answers(program.ready_url, client):
                if process.returncode is not None:
                    raise ChildFailed(
                        f"{program.name} does not start: {_reason(program, process.returncode)}"
                    )
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise ChildFailed(
            f"{program.name} does not start: after {READY_SECONDS:.0f} seconds {program.ready_url} "
            "still does not answer."
        ) from error


async def _answers(url: str, client: aiohttp.ClientSession) -> bool:
    if url.startswith(TCP):
        return await _takes_connections(url.removeprefix(TCP))
    try:
        async with client.get(url, timeout=aiohttp.ClientTimeout(ASK_SECONDS)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False  # it does not listen yet


async def _takes_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False  # it does not listen yet
    writer.close()
    return True


def _reason(program: Program, code: int) -> str:
    """Return the reason why a program has ended, in its own words where it has some."""
    if program.log is None:
        return f"exit code {code}; what it said stands above."
    last = _last_line(program)
    said = re.search(r'\b(?:err|error)="((?:[^"\\]|\\.)*)"', last)
    words = said[1].replace('\\"', '"') if said else last
    return f"exit code {code}, {words or 'without a word'} ({program.log})."


def _last_line(program: Program) -> str:
    if program.log is None or not program.log.exists():
        return ""
    tail = program.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
    return tail.splitlines()[-1] if tail else ""
