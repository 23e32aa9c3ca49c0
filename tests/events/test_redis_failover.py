"""A Redis that has become a replica: its connections are left for those of the new primary."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.chaos.proxy import running_proxy
from tests.redis import RedisServer, running_redis

from vital_shared.events.log import LogUnavailable
from vital_shared.events.redis_link import LEAVE_SECONDS, RedisLink

PATIENCE_SECONDS = 20.0


async def fail_over(old: RedisServer, new: RedisServer) -> None:
    """Let a server become the replica of another, as a managed service does: clients stay connected."""
    client = Redis.from_url(old.url)
    await client.execute_command("REPLICAOF", "127.0.0.1", str(new.port))
    await client.aclose()


async def write(link: RedisLink, key: str) -> None:
    await link.within(link.redis.set(key, b"1"))


async def all_are_written(link: RedisLink) -> bool:
    """Write over several connections, and return whether none of them leads to a replica."""
    writes = (write(link, f"after-{number}") for number in range(8))
    results = await asyncio.gather(*writes, return_exceptions=True)
    return not any(isinstance(each, LogUnavailable) for each in results)


async def test_writes_go_on_at_the_new_primary(tmp_path: Path):
    async with running_redis(tmp_path) as old, running_redis(tmp_path) as new:
        primary = old

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", primary.port)

        async with running_proxy(connect) as proxy:
            link = RedisLink(f"redis://127.0.0.1:{proxy.port}/0")
            await asyncio.gather(*(write(link, f"before-{number}") for number in range(8)))
            waiting = asyncio.ensure_future(link.within(link.redis.blpop(["inbox"], timeout=0), 30))
            await fail_over(old, new)
            with pytest.raises(LogUnavailable):
                await write(link, "meanwhile")
            primary = new
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await all_are_written(link):  # noqa: ASYNC110 - the pool has no event
                    await asyncio.sleep(LEAVE_SECONDS / 10)
            with pytest.raises(LogUnavailable):  # it would wait for the old one
                await waiting
            await link.aclose()
