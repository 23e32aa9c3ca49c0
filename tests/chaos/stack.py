"""Three replicas, a Postgres and a Redis that they share, and a provider, each behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aiohttp
from tests.chaos.postgres import ChaosPostgres
from tests.chaos.provider import MODEL, Provider, running_provider
from tests.chaos.proxy_host import FarProxy, proxy_host
from tests.chaos.replica import Replica
from tests.postgres_server import running_postgres
from tests.redis import RedisServer, running_redis

__all__ = ["TENANTS", "Stack", "running_stack"]

TENANTS: Final = ("acme", "globex", "initech", "umbrella")

FLOWS: Final = ",".join(
    f"{name}=tests.chaos.flows:{served}"
    for name, served in (("default", "Answered"), ("report", "Report"), ("approved", "Approved"))
)

SETTINGS: Final = {
    "VITAL_WORKFLOW": FLOWS,
    "VITAL_HEARTBEAT_SECONDS": "2",
    "VITAL_MODEL": MODEL,
    "VITAL_LOG_LEVEL": "info",
    "VITAL_SHUTDOWN_SECONDS": "20",
    "VITAL_QUEUE_SECONDS": "60",
}

BUDGET: Final = {"daily_dollars": 100_000}
"""Never used up; it is there so that runs reserve what they may cost."""


@dataclass(frozen=True)
class Stack:
    """All that runs."""

    folder: Path
    replicas: tuple[Replica, ...]
    postgres: ChaosPostgres
    redis: RedisServer
    provider: Provider


@asynccontextmanager
async def running_stack(
    folder: Path,
    answer_seconds: float,
    replicas: int = 3,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    configuration: str = "",
    counts_statements: bool = False,
) -> AsyncIterator[Stack]:
    """Start everything, and stop it in the end.

    :param folder: empty.
    :param answer_seconds: the time that the provider takes for an answer.
    :param settings: more of them, for the replicas.
    :param configuration: more of `vital.toml`.
    :param counts_statements: whether Postgres counts its statements.
    """
    async with AsyncExitStack() as stack:
        postgres = ChaosPostgres(stack.enter_context(running_postgres()))
        if counts_statements:
            await postgres.count_statements()
        redis = await stack.enter_async_context(running_redis(folder))
        provider = await stack.enter_async_context(running_provider(answer_seconds))
        (folder / "vital.toml").write_text(provider.configuration + configuration, encoding="utf-8")
        proxies = await stack.enter_async_context(proxy_host())
        made = []
        for number in range(1, replicas + 1):
            ways = (await proxies.open(socket=str(postgres.socket)), await proxies.open(port=redis.port))
            replica = _replica(folder, number, *ways, settings)
            stack.push_async_callback(replica.stop)
            await replica.start()
            made.append(replica)
        await _set_budgets(made[0])
        yield Stack(folder, tuple(made), postgres, redis, provider)


def _replica(
    folder: Path, number: int, postgres: FarProxy, redis: FarProxy, settings: Mapping[str, str]
) -> Replica:
    environment = SETTINGS | {
        "VITAL_CONFIG": str(folder / "vital.toml"),
        "VITAL_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres",
        "VITAL_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
    }
    environment |= settings
    return Replica(f"replica-{number}", folder, environment, postgres=postgres, redis=redis)


async def _set_budgets(replica: Replica) -> None:
    async with aiohttp.ClientSession(replica.url) as session:
        for tenant in TENANTS:
            async with session.put(f"/v1/budgets/{tenant}", json=BUDGET) as response:
                assert response.status == 200, await response.text()
