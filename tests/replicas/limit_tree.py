"""A tree of limits, and the many ways in which clients call models under it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpx
from sqlalchemy import func, select
from tests.replicas.counted_provider import BROKEN, SLOW, CountedProvider
from tests.replicas.replicas import Replicas

from vital_shared.store.database import Database
from vital_shared.store.limit_tables import limit_usage

__all__ = [
    "CONFIGURATION",
    "LIMITS",
    "LONGEST",
    "NANOS",
    "SHAPES",
    "TENANTS",
    "AskedCall",
    "CallShape",
    "ClientCut",
    "LimitTree",
    "Use",
]

CONFIGURATION: Final = """
[providers.counted]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
attempts = 1
[models."counted:a"]
price = {{ input = "10", output = "30" }}
[models."counted:b"]
price = {{ input = "20", output = "60" }}
[models."counted:slow"]
price = {{ input = "10", output = "30" }}
[models."counted:broken"]
price = {{ input = "10", output = "30" }}
[routes.hedged]
deployments = {{ "counted:slow" = 1, "counted:b" = 0 }}
hedge_after_seconds = 0.3
[routes.falling]
deployments = ["counted:broken"]
fallbacks = ["counted:a"]
"""

LONGEST: Final = 200
"""Tokens of an answer at most."""

NANOS: Final = {
    "a": (10_000, 30_000),
    "b": (20_000, 60_000),
    SLOW: (10_000, 30_000),
    BROKEN: (10_000, 30_000),
}
"""Nano-dollars of a token that is read and of one that is written, by the provider's name of the model."""

Use = Mapping[str, tuple[int, int]]
"""Nano-dollars and tokens, by the name of the model."""


@dataclass(frozen=True)
class CallShape:
    """A way to call."""

    name: str
    model: str
    asked: tuple[str, ...]
    """The models for which money has to be reserved."""
    path: str = "chat/completions"
    is_streamed: bool = False
    is_cut: bool = False
    """Whether the client goes in the middle."""
    cache_keys: int = 0
    """The number of different prompts that are asked for with the cache; 0: without it."""


SHAPES: Final = (
    CallShape("whole", "counted:a", ("a",)),
    CallShape("stream", "counted:a", ("a",), is_streamed=True),
    CallShape("cut stream", "counted:a", ("a",), is_streamed=True, is_cut=True),
    CallShape("cut whole", "counted:b", ("b",), is_cut=True),
    CallShape("hedged", "hedged", (SLOW, "b")),
    CallShape("hedged stream", "hedged", (SLOW, "b"), is_streamed=True),
    CallShape("cut hedged stream", "hedged", (SLOW, "b"), is_streamed=True, is_cut=True),
    CallShape("falling", "falling", (BROKEN, "a")),
    CallShape("falling stream", "falling", (BROKEN, "a"), is_streamed=True),
    CallShape("cached", "counted:a", ("a",), cache_keys=5),
    CallShape("cached stream", "counted:b", ("b",), is_streamed=True, cache_keys=3),
    CallShape("cut cached stream", "counted:b", ("b",), is_streamed=True, is_cut=True, cache_keys=3),
    CallShape("messages", "counted:a", ("a",), "messages"),
    CallShape("responses", "counted:b", ("b",), "responses", is_streamed=True),
)

LIMITS: Final = (
    ("organisation", "umbrella", None, None, "dollars", "day", "0.9"),
    ("organisation", "umbrella", None, "counted:b", "tokens", "month", "9000"),
    ("tenant", "acme", None, None, "tokens", "day", "9000"),
    ("tenant", "acme", None, None, "dollars", "minute", "0.5"),
    ("tenant", "globex", None, "counted:a", "dollars", "month", "0.2"),
    ("tenant", "initech", None, None, "dollars", "day", "0.4"),
    ("key", "acme-1", None, None, "tokens", "minute", "5000"),
    ("key", "initech-1", None, "counted:slow", "tokens", "day", "6000"),
    ("user", "ann", "acme", None, "dollars", "month", "0.14"),
    ("user", "bob", "globex", None, "tokens", "day", "8000"),
    ("user", "bob", "initech", "counted:b", "dollars", "day", "0.12"),
)
"""Level, id (of a key: its place in `LimitTree.keys`), tenant, model, unit, period and amount."""

TENANTS: Final = {"acme": "umbrella", "globex": "umbrella", "initech": "lone"}


@dataclass(frozen=True)
class AskedCall:
    """One call of a client."""

    shape: CallShape
    tenant: str
    key: str
    """The place in `LimitTree.keys`."""
    user: str
    number: int


class ClientCut(NamedTuple):
    """The place where a client goes, whichever comes first."""

    lines: int
    seconds: float


@dataclass
class LimitTree:
    """What the calls of the test go through."""

    replicas: Replicas
    provider: CountedProvider
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Ids and tokens of the tenants' keys, by the tenant's name and the key's number."""

    async def limit(self, level: str, scope: str, tenant: str | None, *rest: Any) -> None:
        """Set a limit."""
        model, unit, period, amount = rest
        scope = self.keys[scope][0] if level == "key" else scope
        asked = {"level": level, "id": scope, "tenant_id": tenant, "model": model}
        asked |= {"unit": unit, "period": period, "amount": amount}
        answer = await self.replicas.clients[0].put("/v1/limits", json=asked)
        assert answer.status_code == 200, answer

    async def standings(self, replica: int) -> list[dict[str, Any]]:
        """All limits with what is spent and reserved."""
        return (await self.replicas.clients[replica].get("/v1/limits")).raise_for_status().json()["limits"]

    async def ask(
        self, client: httpx.AsyncClient, asked: AskedCall, cut: ClientCut | None = None
    ) -> tuple[int, str] | None:
        """Make a call, and return its status and its body; None: the client has cut it."""
        shape = asked.shape
        number = asked.number % shape.cache_keys if shape.cache_keys else asked.number
        text = f"Write as much as you like of {shape.name} {number:06}."
        body: dict[str, Any] = {"model": shape.model, "stream": shape.is_streamed}
        if shape.path == "responses":
            body |= {"input": text, "max_output_tokens": LONGEST, "user": asked.user}
        elif shape.path == "messages":
            body |= {"max_tokens": LONGEST, "metadata": {"user_id": asked.user}}
            body |= {"messages": [{"role": "user", "content": text}]}
        else:
            body |= {"max_tokens": LONGEST, "user": asked.user}
            body |= {"messages": [{"role": "user", "content": text}]}
        if shape.cache_keys:
            body["cache"] = {"ttl": 60}
        url = str(self.replicas.clients[asked.number % 3].base_url.join(f"/v1/{shape.path}"))
        headers = {"Authorization": f"Bearer {self.keys[asked.key][1]}"}
        lines = []
        try:
            async with (
                asyncio.timeout(None if cut is None else cut.seconds),
                client.stream("POST", url, json=body, headers=headers) as response,
            ):
                async for line in response.aiter_lines():
                    lines.append(line)
                    if cut is not None and len(lines) >= cut.lines:
                        return None
        except TimeoutError:
            return None
        return response.status_code, "\n".join(lines)

    async def in_store(self, statement: Any) -> list[Any]:
        """Read the store."""
        port = self.replicas.stack.replicas[0].postgres.port
        database = Database(f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres")
        try:
            async with database.connect() as connection:
                return list(await connection.execute(statement))
        finally:
            await database.aclose()

    async def drained(self) -> None:
        """Wait until no replica has a run, and nothing is reserved."""
        held = select(func.count()).select_from(limit_usage).where(limit_usage.c.period == "")
        async with asyncio.timeout(30):
            while True:
                active = await self.replicas.counted("vital_workflow_active")
                if not any(active) and (await self.in_store(held))[0][0] == 0:
                    return
                await asyncio.sleep(0.2)
