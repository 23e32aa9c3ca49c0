"""A tree of limits over three replicas: five hundred calls of clients at once, of which many go early."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select
from tests.replicas.counted_provider import BROKEN, PROMPT_TOKENS, SLOW, counted_provider
from tests.replicas.limit_tree import (
    CONFIGURATION,
    LIMITS,
    LONGEST,
    NANOS,
    SHAPES,
    TENANTS,
    AskedCall,
    ClientCut,
    LimitTree,
    Use,
)
from tests.replicas.replicas import running_replicas

from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.store.periods import usage_period_key
from vital_shared.store.tables import runs

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(500),  # others start three replicas each, at the same time
]

REQUESTS: Final = 500

REFUSED: Final = re.compile(
    r"of the (?:organisation|tenant|key|user) \w+(?: of the tenant \w+)?"
    r'(?: for the model \\*"(?P<model>[^"\\]+)\\*")?'
    r" does not allow this request: .*?(?:\$(?P<dollars>[\d.]+)(?: is)?|(?P<tokens>\d+) tokens) free"
)
"""The model and the rest that a refusal names."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tree(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LimitTree]:
    models = Settings().models_path
    install(models)
    settings = {"VITAL_HEDGE_SHARE": "1", "VITAL_MAX_WAITING_RUNS": "1000"}
    settings |= {"VITAL_STORE_SECONDS": "200", "VITAL_QUEUE_SECONDS": "200"}  # nobody fails for slowness
    async with (
        counted_provider() as provider,
        running_replicas(
            tmp_path_factory.mktemp("replicas"),
            models,
            settings,
            configuration=CONFIGURATION.format(url=provider.url),
        ) as replicas,
    ):
        made = LimitTree(replicas, provider)
        async with replicas.keys() as keys:
            for tenant in (*TENANTS, "probe"):
                for number in (1, 2):
                    new = await keys.create(tenant_id=tenant, scopes=("ask",), name="", now=datetime.now(UTC))
                    made.keys[f"{tenant}-{number}"] = new.key.id, new.token
        for tenant in (*TENANTS, "probe"):
            body = {"models": sorted({each.model for each in SHAPES})}
            assert (await replicas.clients[0].put(f"/v1/budgets/{tenant}", json=body)).status_code == 200
        for tenant, organisation in TENANTS.items():
            path = f"/v1/organisations/{organisation}/tenants/{tenant}"
            assert (await replicas.clients[0].put(path)).status_code == 204
        yield made


async def bounds(tree: LimitTree, client: httpx.AsyncClient) -> dict[str, Use]:
    """Read what each shape of call reserves, one after another, while the provider holds its answer back."""
    for model in NANOS:
        for unit in ("dollars", "tokens"):
            await tree.limit("tenant", "probe", None, f"counted:{model}", unit, "month", "1000000")
    found: dict[str, Use] = {}
    for shape in SHAPES:
        called = len(tree.provider.calls)
        tree.provider.gate.clear()
        asking = asyncio.create_task(tree.ask(client, AskedCall(shape, "probe", "probe-1", "eve", 999_999)))
        async with asyncio.timeout(20):
            while len(tree.provider.calls) == called:
                assert not asking.done(), asking.result()
                await asyncio.sleep(0.02)
        standings = [each for each in await tree.standings(0) if each["id"] == "probe"]
        reserved = {(each["model"], each["unit"]): Decimal(each["reserved"]) for each in standings}
        tree.provider.gate.set()
        answer = await asking
        assert answer is not None
        assert answer[0] == 200, answer
        found[shape.name] = {
            model: (
                int(reserved[f"counted:{model}", "dollars"] * 10**9),
                int(reserved[f"counted:{model}", "tokens"]),
            )
            for model in NANOS
        }
        assert {model for model, use in found[shape.name].items() if use[1]} == set(shape.asked)
    return found


async def test_a_tree_is_never_overspent_and_refuses_nobody_whose_bound_fits(tree: LimitTree) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=250, limits=limits) as client:
        bound = await bounds(tree, client)
        await tree.drained()
        probed = len(tree.provider.calls)
        for each in LIMITS:
            await tree.limit(*each)
        random = Random(19)
        calls = []
        for number in range(REQUESTS):
            tenant = random.choice(list(TENANTS))
            key = f"{tenant}-{random.choice((1, 2))}"
            calls.append(AskedCall(random.choice(SHAPES), tenant, key, random.choice(("ann", "bob")), number))

        def cut(asked: AskedCall) -> ClientCut | None:
            # Half of them go soon, before there is an answer; the others within it.
            soon = random.uniform(0, 5) if random.random() < 0.5 else 120
            return ClientCut(random.randint(1, 2 * LONGEST), soon) if asked.shape.is_cut else None

        is_over = asyncio.Event()
        watching = asyncio.create_task(watch(tree, is_over))
        answers = await asyncio.gather(*(tree.ask(client, each, cut(each)) for each in calls))
        await tree.drained()
        is_over.set()
        await watching
    statuses = Counter(each and each[0] for each in answers)
    assert set(statuses) == {None, 200, 402, 429}, [each for each in answers if each and each[0] > 429]
    for each, answer in zip(calls, answers, strict=True):
        if answer is not None and answer[0] in (402, 429):
            check_refusal(each, answer[1], bound[each.shape.name])
    most_cut = sum(len(each.shape.asked) if each.shape.is_cut else SLOW in each.shape.asked for each in calls)
    await check_books(tree, probed, most_cut=most_cut)


async def watch(tree: LimitTree, is_over: asyncio.Event) -> None:
    """See, again and again, that no more is spent and reserved than a limit allows."""
    seen = 0
    while not is_over.is_set():
        for each in await tree.standings(seen % 3):
            used = Decimal(each["spent"]) + Decimal(each["reserved"])
            assert used <= Decimal(each["amount"]), each
        seen += 1


def check_refusal(asked: AskedCall, answer: str, bound: Use) -> None:
    """See that the limit that refused a call had less left than the call could use."""
    found = REFUSED.search(answer)
    assert found is not None, answer
    uses = [use for model, use in bound.items() if found["model"] in (None, f"counted:{model}")]
    if found["tokens"] is not None:
        left, needed = int(found["tokens"]), sum(tokens for _, tokens in uses)
    else:
        left, needed = int(Decimal(found["dollars"]) * 10**9), sum(nanos for nanos, _ in uses)
    assert left < needed, (asked, answer)


async def check_books(tree: LimitTree, probed: int, *, most_cut: int) -> None:
    """See that the ledger, the limits and the provider have the same counts, and that nothing is reserved.

    :param most_cut: the number of calls that clients, or hedges, may have cut.
    """
    rows = await tree.in_store(select(ledger).where(ledger.c.tenant_id.in_(TENANTS)))
    calls = tree.provider.calls[probed:]
    charged = [row for row in rows if row.name != f"counted:{BROKEN}"]
    assert sum(row.cost_nanos for row in rows) == sum(row.cost_nanos for row in charged)
    for row in charged:
        read, written = NANOS[row.name.removeprefix("counted:")]
        assert row.cost_nanos == row.input_tokens * read + row.output_tokens * written, row
    exact = Counter((row.name, row.input_tokens, row.output_tokens) for row in charged if not row.estimated)
    counted = Counter(
        (f"counted:{call.model}", PROMPT_TOKENS, call.output_tokens) for call in calls if call.is_counted
    )
    assert not exact - counted
    assert (counted - exact).total() + sum(not call.is_counted for call in calls) <= most_cut
    assert len(charged) == len(calls)
    await check_standings(tree, rows)


async def check_standings(tree: LimitTree, rows: Sequence[Any]) -> None:
    """See that each limit has counted its charges, and no more than it allows in any period."""
    keys = dict(await tree.in_store(select(runs.c.id, runs.c.key_id)))
    standings = [await tree.standings(replica) for replica in range(3)]
    assert standings[0] == standings[1] == standings[2]
    for each in standings[0]:
        if each["id"] == "probe":
            continue
        spent: Counter[str] = Counter()
        for row in rows:
            if is_above(each, row, keys[row.run_id]):
                used = row.cost_nanos if each["unit"] == "dollars" else row.input_tokens + row.output_tokens
                spent[usage_period_key(each["period"], row.at)] += used
        unit = 10**9 if each["unit"] == "dollars" else 1
        assert max(spent.values(), default=0) <= Decimal(each["amount"]) * unit, each
        assert Decimal(each["reserved"]) == 0
        if each["period"] != "minute":
            assert Decimal(each["spent"]) * unit == spent.total(), each
    held = select(func.count()).select_from(reservations)
    assert (await tree.in_store(held))[0][0] == 0


def is_above(limit: Mapping[str, Any], row: Any, key_id: str) -> bool:
    """Return whether a limit is above a charge."""
    if limit["model"] not in (None, row.name):
        return False
    holders = {
        "organisation": TENANTS[row.tenant_id],
        "tenant": row.tenant_id,
        "key": key_id,
        "user": row.user_id if limit["tenant_id"] == row.tenant_id else None,
    }
    return bool(holders[limit["level"]] == limit["id"])
