"""Limits of organisations, tenants, keys and users: on both databases, from several processes' connections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.test_runs import output, record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import BudgetExceeded, InvalidRequest, LimitExceeded, NotFound, UsageLimited
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.usage_limits import ModelUse, UsageBound, UsageLimit, UsageLimitQuery
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore
from vital_shared.store.usage_limits import UsageLimitStore

NOW = datetime(2026, 11, 25, 12, 30, 20, tzinfo=UTC)
DOLLAR = 10**9
MODEL = "openai:gpt-5"


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database)


@pytest.fixture
def limits(database: Database) -> UsageLimitStore:
    return UsageLimitStore(database)


def limit(level: str = "tenant", scope: str = "acme", amount: str = "10", **others) -> UsageLimit:
    fields = {"unit": "dollars", "period": "day"} | others
    return UsageLimit(level=level, id=scope, amount=Decimal(amount), **fields)


async def start(
    runs: RunStore, run_id: str, bound: int | UsageBound = DOLLAR, now: datetime = NOW, **fields
) -> RunContext:
    asked = record(run_id, created_at=now, deadline_at=now + timedelta(hours=9), **fields)
    asked = asked.model_copy(
        update={
            "input": asked.input.model_copy(update={"tenant_id": asked.tenant_id, "user_id": asked.user_id})
        }
    )
    await runs.start(asked, lambda: bound)
    context = RunContext(run_id, asked.input)
    context.is_limited = runs.is_limited(run_id)
    return context


async def end(
    runs: RunStore, context: RunContext, nanos: int, tokens: int = 0, model: str = MODEL, now: datetime = NOW
) -> None:
    context.add(
        Charge(
            item=context.next_item("llm"),
            cost_type="llm",
            name=model,
            status="success",
            cost_nanos=nanos,
            tokens=Tokens(input=tokens),
        )
    )
    run_id = context.run_id
    assert await runs.complete(run_id, output=output(run_id), turn=None, now=now, context=context)


async def test_each_level_refuses_and_is_named(runs: RunStore, limits: UsageLimitStore):
    await limits.join("acme", "umbrella", now=NOW)
    asked = {"tenant_id": "acme", "user_id": "ann", "key_id": "key_1"}
    for each, holder in (
        (limit("organisation", "umbrella", "0.5"), "the organisation umbrella"),
        (limit("tenant", "acme", "0.5"), "the tenant acme"),
        (limit("key", "key_1", "0.5"), "the key key_1"),
        (limit("user", "ann", "0.5", tenant_id="acme"), "the user ann of the tenant acme"),
    ):
        standing = await limits.set(each, now=NOW)
        with pytest.raises(BudgetExceeded, match=f"of \\$0.5 of {holder} does not") as refused:
            await start(runs, "run_1", **asked)
        assert refused.value.left_dollars == Decimal("0.5")
        assert refused.value.resets_at == datetime(2026, 11, 26, tzinfo=UTC)
        await limits.remove(standing.limit_id)
    await start(runs, "run_1", **asked)


async def test_a_neighbour_is_not_limited(runs: RunStore, limits: UsageLimitStore):
    await limits.join("acme", "umbrella", now=NOW)
    for each in (
        limit("organisation", "umbrella", "0"),
        limit("key", "key_1", "0"),
        limit("user", "ann", "0", tenant_id="acme"),
    ):
        await limits.set(each, now=NOW)
    await start(runs, "run_1", tenant_id="other", user_id="ann", key_id="key_2")
    assert not runs.is_limited("run_1")
    with pytest.raises(BudgetExceeded):
        await start(runs, "run_2", tenant_id="acme", user_id="bob", key_id="key_2")


async def test_tokens_of_one_model_per_minute(runs: RunStore, limits: UsageLimitStore):
    await limits.set(limit(amount="100", unit="tokens", period="minute", model=MODEL), now=NOW)
    bound = UsageBound(0, 1_060, {MODEL: ModelUse(0, 60), "openai:other": ModelUse(0, 1_000)})
    context = await start(runs, "run_1", bound)
    with pytest.raises(
        UsageLimited, match="100 tokens per minute of the tenant acme for the model"
    ) as refused:
        await start(runs, "run_2", bound)
    assert (refused.value.left, refused.value.retry_after_seconds) == ("40 tokens", 40)
    await end(runs, context, 0, 25)
    context = await start(runs, "run_2", bound)
    assert (await limits.list(now=NOW))[0].spent == 25
    assert (await limits.list(now=NOW))[0].reserved == 60
    await end(runs, context, 0, 60)
    with pytest.raises(UsageLimited):
        await start(runs, "run_3", bound)
    await start(runs, "run_3", bound, NOW + timedelta(minutes=1))


async def test_what_is_reserved_holds_in_the_next_minute(runs: RunStore, limits: UsageLimitStore):
    await limits.set(limit(amount="100", unit="tokens", period="minute"), now=NOW)
    bound, later = UsageBound(tokens=60), NOW + timedelta(minutes=1)
    context = await start(runs, "run_1", bound)
    with pytest.raises(UsageLimited):
        await start(runs, "run_2", bound, later)
    await end(runs, context, 0, 60, now=later)
    with pytest.raises(UsageLimited):
        await start(runs, "run_2", bound, later)


async def test_a_bound_that_fits_to_the_last_bit_is_admitted(runs: RunStore, limits: UsageLimitStore):
    await limits.set(limit(amount="2"), now=NOW)
    await start(runs, "run_1")
    await start(runs, "run_2")
    with pytest.raises(BudgetExceeded):
        await start(runs, "run_3", 1)
    await start(runs, "run_3", 0)


async def test_a_run_alone_with_a_limit_does_not_exceed_it(runs: RunStore, limits: UsageLimitStore):
    await limits.set(limit(amount="0.5"), now=NOW)
    with pytest.raises(BudgetExceeded):
        await start(runs, "run_1")


async def test_more_is_reserved_within_the_limits(runs: RunStore, limits: UsageLimitStore):
    await limits.set(limit("key", "key_1", "2"), now=NOW)
    context = await start(runs, "run_1", key_id="key_1")
    until = {"tenant_id": "acme", "now": NOW, "deadline_at": NOW + timedelta(hours=9)}
    await runs.reserve_more("run_1", UsageBound(DOLLAR), 0, **until)
    with pytest.raises(BudgetExceeded, match="the key key_1"):
        await runs.reserve_more("run_1", UsageBound(1), 0, **until)
    await end(runs, context, 3)
    (standing,) = await limits.list(now=NOW)
    assert (standing.reserved, standing.spent) == (0, Decimal("0.000000003"))


async def test_a_new_limit_counts_what_was_spent_before(runs: RunStore, limits: UsageLimitStore):
    await end(runs, await start(runs, "run_1", key_id="key_1"), DOLLAR, 7)
    await limits.join("acme", "umbrella", now=NOW)
    for each in (
        limit("organisation", "umbrella"),
        limit("tenant", "acme", period="month", model=MODEL),
        limit("tenant", "acme", period="month", model="openai:other"),
        limit("key", "key_1"),
        limit("user", "ann", tenant_id="other"),
    ):
        await limits.set(each, now=NOW)
    standings = await limits.list(now=NOW)
    assert [(each.level, each.model, each.spent) for each in standings] == [
        ("organisation", None, 1),
        ("tenant", MODEL, 1),
        ("tenant", "openai:other", 0),
        ("key", None, 1),
        ("user", None, 0),
    ]


async def test_a_tenant_sees_its_own_limits(limits: UsageLimitStore):
    for each in (
        limit("organisation", "umbrella"),
        limit("tenant", "acme"),
        limit("tenant", "other"),
        limit("user", "ann", tenant_id="other"),
    ):
        await limits.set(each, now=NOW)
    assert [each.id for each in await limits.list(now=NOW, tenant_id="acme")] == ["acme"]


async def test_what_is_not_there_cannot_be_removed(limits: UsageLimitStore):
    with pytest.raises(NotFound):
        await limits.remove("limit_none")
    with pytest.raises(NotFound):
        await limits.leave("acme", "umbrella")


async def test_a_tenants_budget_holds_beside_its_limits(
    runs: RunStore, limits: UsageLimitStore, database: Database
):
    budgets = LimitStore(database)
    await budgets.set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    await limits.set(limit(amount="10"), now=NOW)
    context = await start(runs, "run_1")
    with pytest.raises(BudgetExceeded, match=r"budget of \$1 does not"):
        await start(runs, "run_2")
    await end(runs, context, 5)
    assert (await budgets.get("acme", now=NOW)).reserved_dollars == 0
    assert (await limits.list(now=NOW))[0].reserved == 0


LEVELS = (
    ("organisation", "umbrella", 90),
    ("tenant", "t0", 40),
    ("tenant", "t1", 70),
    ("key", "k1", 25),
    ("user", "u2", 30),
)


async def test_five_hundred_at_once_never_overspend_and_are_refused_rightly(url: str, database: Database):
    """Three processes' connections; at the end no limit has room for what it has refused."""
    limits = UsageLimitStore(database)
    for tenant in ("t0", "t1"):
        await limits.join(tenant, "umbrella", now=NOW)
    for level, scope, amount in LEVELS:
        tenant = "t1" if level == "user" else None
        await limits.set(limit(level, scope, str(amount), tenant_id=tenant, unit="tokens"), now=NOW)
    processes = [Database(url, wait_seconds=120) for _ in range(3)]
    stores = [RunStore(each) for each in processes]

    def asked(number: int) -> tuple[str, str, str]:
        return f"t{number % 2}", f"u{number % 5}", f"k{number % 7}"

    async def ask(number: int) -> tuple[int, RunContext | None]:
        tenant, user, key = asked(number)
        bound = UsageBound(tokens=1 + number % 3)
        fields = {"tenant_id": tenant, "user_id": user, "key_id": key}
        try:
            return number, await start(stores[number % 3], f"run_{number}", bound, **fields)
        except UsageLimited:
            return number, None

    try:
        results = await asyncio.gather(*map(ask, range(500)))
        held = {
            (each.level, each.id): (int(each.amount), int(each.reserved))
            for each in await limits.list(now=NOW)
        }
        for amount, reserved in held.values():
            assert reserved <= amount
        for (
            number,
            context,
        ) in results:  # nothing was let go of meanwhile: what did not fit fits no better now
            tenant, user, key = asked(number)
            above = [("organisation", "umbrella"), ("tenant", tenant), ("key", key)]
            above += [("user", user)] if tenant == "t1" else []
            room = min(held[each][0] - held[each][1] for each in above if each in held)
            assert context is not None or 1 + number % 3 > room
        admitted = [(number, context) for number, context in results if context is not None]
        assert admitted
        await asyncio.gather(*(end(stores[number % 3], context, 0, 1) for number, context in admitted))
        standings = await limits.list(now=NOW)
        assert [int(each.reserved) for each in standings] == [0] * len(LEVELS)
        whole = next(each for each in standings if each.level == "organisation")
        assert whole.spent == len(admitted)
    finally:
        for each in processes:
            await each.aclose()


DAYS = count(1)
"""A day of its own for each example: they share a database."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "end", "more"]),
        st.integers(0, 3),  # the run among those that are open, or the tenant, the user and the key
        st.integers(1, 6),
        st.integers(0, 90),  # seconds
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_all_is_decided_as_a_simple_model_does(  # noqa: C901 - the model and its steps are one
    database: Database, steps: list
):
    """A model of sums: each limit has what was spent in its period and what is reserved."""
    limits, runs = UsageLimitStore(database), RunStore(database)
    for standing in await limits.list(now=NOW):
        await limits.remove(standing.limit_id)
    await limits.join("t0", "umbrella", now=NOW)
    kept = {
        ("organisation", "umbrella", "day"): 20,
        ("tenant", "t0", "minute"): 8,
        ("key", "k0", "day"): 10,
    }
    start_of_test = NOW + timedelta(days=next(DAYS))
    for (level, scope, period), amount in kept.items():
        await limits.set(limit(level, scope, str(amount), unit="tokens", period=period), now=start_of_test)
    spent: dict = {}
    opened: list = []
    now, number = start_of_test, 0

    def above(place: int) -> list:
        found = [] if place % 2 else [("organisation", "umbrella", "day"), ("tenant", "t0", "minute")]
        return found + ([("key", "k0", "day")] if place < 2 else [])

    def name(key: tuple, at: datetime) -> tuple:
        return (*key, f"{at:%Y-%m-%dT%H:%M}" if key[2] == "minute" else f"{at:%Y-%m-%d}")

    def fits(place: int, amount: int) -> bool:
        return all(
            spent.get(name(key, now), 0)
            + sum(each["bound"] for each in opened if key in above(each["place"]))
            + amount
            <= kept[key]
            for key in above(place)
        )

    for action, place, amount, seconds in steps:
        now += timedelta(seconds=seconds)
        if action == "start":
            number += 1
            run_id = f"run_{start_of_test:%Y%m%d}_{number}"
            fields = {"tenant_id": f"t{place % 2}", "user_id": "ann", "key_id": f"k{place // 2}"}
            try:
                context = await start(runs, run_id, UsageBound(tokens=amount), now, **fields)
            except LimitExceeded:
                assert not fits(place, amount)
            else:
                assert fits(place, amount)
                opened.append({"context": context, "place": place, "bound": amount, "since": now})
        elif action == "more" and opened:
            run = opened[place % len(opened)]
            until = {"tenant_id": f"t{run['place'] % 2}", "now": now, "deadline_at": now + timedelta(hours=9)}
            try:
                await runs.reserve_more(run["context"].run_id, UsageBound(tokens=amount), 0, **until)
            except LimitExceeded:
                assert not fits(run["place"], amount)
            else:
                assert fits(run["place"], amount)
                run["bound"] += amount
        elif action == "end" and opened:
            run = opened.pop(place % len(opened))
            used = min(amount, run["bound"])
            await end(runs, run["context"], 0, used, now=now)
            for key in above(run["place"]):
                spent[name(key, now)] = spent.get(name(key, now), 0) + used
    for run in opened:
        await end(runs, run["context"], 0, 0, now=now)


async def test_a_page_goes_on_where_the_one_before_ended(limits: UsageLimitStore):
    for each in (
        limit("user", "ann", tenant_id="acme"),
        limit("tenant", "globex"),
        limit("tenant", "acme", period="month"),
        limit("organisation", "umbrella"),
        limit("tenant", "acme", period="minute", unit="tokens"),
        limit("tenant", "acme"),
    ):
        await limits.set(each, now=NOW)
    everything = await limits.list(now=NOW)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page, cursor = await limits.page(UsageLimitQuery(limit=2, cursor=cursor), now=NOW)
        found += page
        pages += 1
    assert (found, pages) == (list(everything), 3)
    own, cursor = await limits.page(UsageLimitQuery(limit=3), now=NOW, tenant_id="acme")
    assert [(each.id, each.period) for each in own] == [
        ("acme", "day"),
        ("acme", "month"),
        ("acme", "minute"),
    ]
    assert cursor == own[-1].limit_id


async def test_a_cursor_of_a_limit_that_is_not_there_or_not_the_tenants_is_refused(limits: UsageLimitStore):
    theirs = await limits.set(limit("tenant", "globex"), now=NOW)
    for cursor, tenant in (("limit_0", None), (theirs.limit_id, "acme")):
        with pytest.raises(InvalidRequest, match="begin without one"):
            await limits.page(UsageLimitQuery(cursor=cursor), now=NOW, tenant_id=tenant)
