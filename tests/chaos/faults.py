"""Faults of the parts of a stack, each put right again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from tests.chaos.stack import Stack

__all__ = ["FAULTS", "SHORT_FAULTS", "ChaosFault", "Happened", "let_happen"]

LONGEST_LET_IN_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05

RECOVERY_SECONDS: Final = 3.0
"""Seconds that go on after the fault is put right."""

AWAY_SECONDS: Final = 2.0
"""Seconds that a killed process is away."""

EVICTING_SECONDS: Final = 5.0

STOPPED_SECONDS: Final = 20.0
"""Seconds that a frozen process stands still, or a cut connection stays cut."""


@dataclass(frozen=True)
class ChaosFault:
    """Something that goes wrong.

    :param takes_runs: whether a replica's runs go to another, so that calls under way may be cut.
    """

    name: str
    happen: Callable[[Stack, float], Awaitable[None]]
    seconds: float
    takes_runs: bool


@dataclass(frozen=True)
class Happened:
    """A fault, and when it was; by `time.monotonic`."""

    fault: ChaosFault
    begun_at: float
    ended_at: float


async def let_happen(fault: ChaosFault, stack: Stack, calls: int) -> Happened:
    """Let a fault happen while requests are under way, and put it right.

    :param calls: of the model, which have begun by then.
    """
    await _until_under_way(stack, calls)
    begun_at = time.monotonic()
    await fault.happen(stack, fault.seconds)
    ended_at = time.monotonic()
    await asyncio.sleep(RECOVERY_SECONDS)
    return Happened(fault, begun_at, ended_at)


async def _until_under_way(stack: Stack, calls: int) -> None:
    """Wait until some more calls have begun, so that each replica has some."""
    log = stack.provider.log.calls
    wanted = len(log) + calls
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_LET_IN_SECONDS):
            while len(log) < wanted:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(POLL_SECONDS)


async def _none(_: Stack, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _replica_killed(stack: Stack, seconds: float) -> None:
    replica = stack.replicas[0]
    await replica.kill()
    await asyncio.sleep(seconds)
    await replica.start()


async def _redis_killed(stack: Stack, seconds: float) -> None:
    await stack.redis.kill()
    await asyncio.sleep(seconds)
    await stack.redis.start()


async def _redis_emptied(stack: Stack, seconds: float) -> None:
    async with Redis.from_url(stack.redis.url) as redis:
        await redis.flushall()
    await asyncio.sleep(seconds)


async def _redis_evicting(stack: Stack, seconds: float) -> None:
    """Let it drop keys at random, of which there are always too many."""
    await _redis_set(stack, EVICTING, seconds)


async def _redis_full(stack: Stack, seconds: float) -> None:
    """Let it refuse all that takes memory."""
    await _redis_set(stack, EVICTING | {"maxmemory-policy": "noeviction"}, seconds)


async def _redis_set(stack: Stack, settings: Mapping[str, str], seconds: float) -> None:
    """Let it have other settings for a while."""
    async with Redis.from_url(stack.redis.url) as redis:
        before = {name: (await redis.config_get(name))[name] for name in settings}
        for name, value in settings.items():
            await redis.config_set(name, value)
        await asyncio.sleep(seconds)
        for name, value in before.items():
            await redis.config_set(name, value)


async def _replica_stopped(stack: Stack, seconds: float) -> None:
    replica = stack.replicas[0]
    await replica.stop()
    await asyncio.sleep(seconds)
    await replica.start()


async def _postgres_restarted(stack: Stack, seconds: float) -> None:
    await stack.postgres.restart()
    await asyncio.sleep(seconds)


async def _replica_frozen(stack: Stack, seconds: float) -> None:
    replica = stack.replicas[1]
    replica.freeze()
    await asyncio.sleep(seconds)
    replica.thaw()


async def _redis_frozen(stack: Stack, seconds: float) -> None:
    stack.redis.pause()
    await asyncio.sleep(seconds)
    stack.redis.go_on()


async def _postgres_frozen(stack: Stack, seconds: float) -> None:
    stack.postgres.freeze()
    await asyncio.sleep(seconds)
    stack.postgres.thaw()


async def _replica_cut_off(stack: Stack, seconds: float) -> None:
    way = stack.replicas[2].postgres
    await way.cut()
    await asyncio.sleep(seconds)
    await way.mend()


EVICTING: Final = {"maxmemory-policy": "allkeys-random", "maxmemory": "1600kb"}
"""The settings of a Redis that is full: it needs some 1.5 MB for itself."""

NONE: Final = ChaosFault("no fault", _none, 3.0, takes_runs=False)
REPLICA_KILLED: Final = ChaosFault("a replica killed (-9)", _replica_killed, AWAY_SECONDS, takes_runs=True)
REDIS_KILLED: Final = ChaosFault("Redis killed (-9)", _redis_killed, AWAY_SECONDS, takes_runs=False)

FAULTS: Final = (
    NONE,
    REPLICA_KILLED,
    REDIS_KILLED,
    ChaosFault("Redis emptied (FLUSHALL)", _redis_emptied, AWAY_SECONDS, takes_runs=False),
    ChaosFault("Redis evicts keys for 5 s", _redis_evicting, EVICTING_SECONDS, takes_runs=False),
    ChaosFault("Redis is full for 5 s", _redis_full, EVICTING_SECONDS, takes_runs=False),
    ChaosFault("a replica stopped (SIGTERM)", _replica_stopped, AWAY_SECONDS, takes_runs=True),
    ChaosFault("Postgres restarted", _postgres_restarted, AWAY_SECONDS, takes_runs=False),
    ChaosFault("a replica frozen for 20 s", _replica_frozen, STOPPED_SECONDS, takes_runs=True),
    ChaosFault("Redis frozen for 20 s", _redis_frozen, STOPPED_SECONDS, takes_runs=False),
    ChaosFault("Postgres frozen for 20 s", _postgres_frozen, STOPPED_SECONDS, takes_runs=False),
    ChaosFault(
        "a replica cut off from Postgres for 20 s", _replica_cut_off, STOPPED_SECONDS, takes_runs=True
    ),
)
"""All faults, in their order."""

SHORT_FAULTS: Final = (REPLICA_KILLED, REDIS_KILLED)
"""The faults of a short run."""
