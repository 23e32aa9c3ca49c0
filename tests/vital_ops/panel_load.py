"""A load that touches everything that is measured, and knows what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.ai_engine.harness import SUM, asked, sse

__all__ = ["Known", "touch_everything"]

TENANTS = ("acme", "globex", "initech")
CLIENTS = 6


@dataclass
class Known:
    """What the answers say."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_mode: Counter[str] = field(default_factory=Counter)
    by_tenant: Counter[str] = field(default_factory=Counter)
    by_agent: Counter[str] = field(default_factory=Counter)
    cache: Counter[str] = field(default_factory=Counter)
    """Requests of modes 1 and 2 that have an answer, by what the cache said."""
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """Of the requests with an answer, by mode and by what the cache said."""
    reasons: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    """Of models, by whether the cache has spared them."""
    tokens: Counter[str] = field(default_factory=Counter)
    tools: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls, by tool and status."""
    dollars: Counter[str] = field(default_factory=Counter)
    """By mode."""
    dollars_of: Counter[str] = field(default_factory=Counter)
    """By tenant."""
    spent_today: Counter[str] = field(default_factory=Counter)
    """Dollars by tenant, of the load before this one too."""
    paid_hits: int = 0
    price: float = 0.0
    """Of one call of the quick model."""

    @property
    def saved(self) -> float:
        """What the hits would have cost."""
        return self.paid_hits * self.price

    def answered(self, output: dict[str, Any]) -> None:
        """Note an answer."""
        mode, status = output["mode"], output["cache_status"]
        self.outcomes["degraded" if output["is_degraded"] else "success"] += 1
        self.ended(mode, output["tenant_id"], output["agent_id"])
        self.seconds.setdefault((mode, status), []).append(output["timings"]["total_seconds"])
        self.cache[status] += mode in "12"
        self.reasons.update(output["degradation_reasons"])
        self.calls["false"] += len(output["model_calls"])
        self.calls["true"] += status == "hit"
        tokens = output["tokens"]
        self.tokens["output"] += tokens["output"]
        self.tokens["cached_input"] += tokens["cached_input"]
        self.tokens["input"] += tokens["input"] - tokens["cached_input"]
        if status != "hit":
            self.tools.update((result["name"], result["status"]) for result in output["tool_results"])
        cost = float(output["cost"]["total"])
        self.dollars[mode] += cost
        self.dollars_of[output["tenant_id"]] += cost

    def ended(self, mode: str, tenant_id: str, agent_id: str) -> None:
        """Note a request that ran."""
        self.by_mode[mode] += 1
        self.by_tenant[tenant_id] += 1
        self.by_agent[agent_id] += 1


async def touch_everything(url: str, first: int, count: int) -> Known:
    """Ask all kinds of things; returns what is known of them.

    :param first: the number of the first question; what was asked before is another one.
    """
    known = Known()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await _add_document(client, "The review of a widget takes 42 days.")
        questions = asyncio.Queue[dict[str, Any] | None]()
        for number in range(first, first + count):
            questions.put_nowait(_question(number))
        for _ in range(CLIENTS):
            questions.put_nowait(None)

        async def work() -> None:
            while (body := await questions.get()) is not None:
                await _ask(client, body, known)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(work())
        await _add_document(client, "The review of a gadget takes 7 days.")  # old answers are thrown away
        await _ask(client, _question(first), known)
    return known


def _question(number: int) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {"query": "What is there to say?", "mode": 2, "model": "quick:model"}
        | BARE,  # hits, which save money
        {"query": f"What is there to say of {number}?", "mode": 4, "model": "quick:model"} | BARE,
        {"query": "How long is the review of a widget?", "mode": 2, "model": None},
        {"query": f"How long is review number {number}?", "mode": 1, "model": None},
        {"query": "What is 1 / 0?", "mode": 2, "model": None, "requested_tools": [BY_ZERO]},
        {"query": SUM, "mode": 1, "model": None},
        {"query": f"What is there to say of {number}?", "mode": 3, "model": "broken:model"} | BARE,
        {"query": "Nobody?", "mode": 2, "model": None, "agent_id": "nobody"},
        {"query": f"Sequential {number}?", "mode": 2, "model": None, "execution": "sequential"},
        {"query": f"Hanging {number}?", "mode": 4, "model": "hangs:model"} | BARE,
    ]
    chosen = kinds[number % 10] if number % 50 < 40 or number % 10 != 9 else kinds[0]
    return asked(**{"tenant_id": TENANTS[number % 3], "user_id": "ann"} | chosen)


BARE: dict[str, Any] = {"enable_rag": False, "enable_tools": False}
BY_ZERO = {"name": "calculator", "arguments": {"expression": "1 / 0"}}


async def _ask(client: httpx.AsyncClient, body: dict[str, Any], known: Known) -> None:
    if body["mode"] == 4 and body["model"] == "quick:model":
        await _stream(client, body, known)
        return
    response = await client.post("/v1/runs", json=body)
    answer = response.json()
    if response.status_code == 200 and answer["status"] == "awaiting_approval":
        path = f"/v1/runs/{answer['run_id']}/approval"
        answer = (await client.post(path, json={"approved": "all"})).json()
    match response.status_code:
        case 200:
            known.answered(answer)
            if answer["cache_status"] == "hit" and body["model"] == "quick:model":
                known.paid_hits += 1
            elif body["model"] == "quick:model":
                known.price = float(answer["cost"]["total"])
        case 422:
            known.outcomes["rejected"] += 1
            known.by_mode[str(body["mode"])] += 1
            known.by_tenant[body["tenant_id"]] += 1
        case 504:
            known.outcomes["failed"] += 1
            known.calls["false"] += 1
            known.ended(str(body["mode"]), body["tenant_id"], "generalist")
        case status:
            raise AssertionError(f"{status}: {response.text}")


async def _stream(client: httpx.AsyncClient, body: dict[str, Any], known: Known) -> None:
    """Read an answer piece by piece: times between pieces are those of readers alone."""
    headers = {"Accept": "text/event-stream"}
    async with client.stream("POST", "/v1/runs", json=body, headers=headers) as response:
        output = [event async for event in sse(response)][-1]["output"]
    known.answered(output)
    known.price = float(output["cost"]["total"])


async def _add_document(client: httpx.AsyncClient, text: str) -> None:
    response = await client.post(
        "/v1/documents?filename=reviews.md",
        content=f"# Reviews\n\n{text}\n",
        headers={"Content-Type": "text/markdown"},
    )
    assert response.status_code in (200, 201), response.text
