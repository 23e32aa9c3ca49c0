"""Keys are kept in memory for a moment, few look-ups reach the store, and what is closed stays closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.store_database import store_url

from ai_engine.auth.caller import ExpiredKey
from ai_engine.auth.key_cache import KEEP_SECONDS, MAX_CONCURRENT_LOOKUPS, STALE_SECONDS, KeyRing
from vital_shared.errors import StoreError
from vital_shared.store.database import Database
from vital_shared.store.key_token import KeyToken
from vital_shared.store.keys import KeyStore, StoredKey

ENDLESS_SECONDS = 20
NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - Clock.seconds)


class WatchedStore(KeyStore):
    """Counts its look-ups, and lets them wait, or fail."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.found: list[str] = []
        self.checks = 0
        self.arrived = asyncio.Semaphore(0)
        self.gate: asyncio.Event | None = None
        self.error: StoreError | None = None

    async def find(self, key_id: str) -> StoredKey | None:
        self.found.append(key_id)
        self.arrived.release()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return await super().find(key_id)

    async def any_made(self) -> bool:
        self.checks += 1
        if self.error is not None:
            raise self.error
        return await super().any_made()

    async def made(self, expires_at: datetime | None = None) -> KeyToken:
        new = await self.create(tenant_id="acme", scopes=("ask",), name="", now=NOW, expires_at=expires_at)
        token = KeyToken.parse(new.token)
        assert token is not None
        return token


@pytest.fixture
async def store(tmp_path) -> AsyncIterator[WatchedStore]:
    database = Database(store_url(tmp_path))
    await database.migrate()
    yield WatchedStore(database)
    await database.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ring_of(store: KeyStore, clock: Clock, *, may_be_open: bool = True, **options: int) -> KeyRing:
    return KeyRing(store, may_be_open=may_be_open, now=clock.now, clock=clock, **options)


async def test_a_key_that_is_used_often_is_looked_up_once_in_a_while(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    for _ in range(10):
        assert (await ring.find(token)).id == token.id
    clock.seconds += KEEP_SECONDS - 0.001
    assert await ring.find(token) is not None
    assert store.found == [token.id]
    clock.seconds += 0.001
    assert await ring.find(token) is not None
    assert store.found == [token.id] * 2


async def test_a_revoked_key_stops_working_when_the_time_is_over(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    await store.revoke(token.id, now=NOW)
    clock.seconds += KEEP_SECONDS
    assert await ring.find(token) is None
    assert ring._kept == {}


async def test_the_time_counts_from_before_the_look_up(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    store.gate = asyncio.Event()
    looking = asyncio.create_task(ring.find(token))
    await store.arrived.acquire()
    clock.seconds += KEEP_SECONDS
    store.gate.set()
    assert await looking is not None
    await ring.find(token)
    assert len(store.found) == 2


async def test_a_wrong_secret_of_a_known_key_is_refused_without_the_store(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    assert await ring.find(KeyToken(token.id, "0" * 64)) is None
    assert store.found == [token.id]


async def test_made_up_keys_are_not_kept(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock)
    for _ in range(50):
        assert await ring.find(KeyToken.make()) is None
    assert ring._kept == {}


async def test_the_ring_is_bounded_and_forgets_the_oldest(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock, most_keys=3)
    tokens = [await store.made() for _ in range(5)]
    for token in tokens:
        assert await ring.find(token) is not None
    assert list(ring._kept) == [token.id for token in tokens[2:]]


async def test_few_look_ups_are_made_at_once(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock)
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(ring.find(KeyToken.make())) for _ in range(100)]
    for _ in range(MAX_CONCURRENT_LOOKUPS):
        await store.arrived.acquire()
    assert len(store.found) == MAX_CONCURRENT_LOOKUPS
    store.gate.set()
    assert await asyncio.gather(*asking) == [None] * 100


async def test_one_key_is_looked_up_once_for_all_requests_that_wait(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(ring.find(token)) for _ in range(100)]
    await store.arrived.acquire()
    store.gate.set()
    assert all(await asyncio.gather(*asking))
    assert store.found == [token.id]


async def test_it_is_open_without_keys_and_closes_soon_after_the_first_was_made(
    store: WatchedStore, clock: Clock
):
    ring = ring_of(store, clock)
    await ring.load()
    assert await ring.is_open()
    await store.made()
    assert await ring.is_open()
    clock.seconds += KEEP_SECONDS
    assert not await ring.is_open()
    assert store.checks == 2


async def test_it_closes_at_once_where_the_first_key_is_used(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock)
    await ring.load()
    assert await ring.find(await store.made()) is not None
    assert not await ring.is_open()


async def test_a_store_whose_keys_are_all_revoked_opens_no_engine(store: WatchedStore, clock: Clock):
    token = await store.made()
    await store.revoke(token.id, now=NOW)
    ring = ring_of(store, clock)
    await ring.load()
    assert not await ring.is_open()
    assert await store.forget_useless(now=NOW) == 1
    assert not await ring.is_open()
    again = ring_of(store, clock)
    await again.load()
    assert await again.is_open()


async def test_it_stays_closed_when_the_last_key_is_revoked(store: WatchedStore, clock: Clock):
    token = await store.made()
    ring = ring_of(store, clock)
    await ring.load()
    await store.revoke(token.id, now=NOW)
    clock.seconds += 10 * KEEP_SECONDS
    assert not await ring.is_open()
    assert await ring.find(token) is None


async def test_it_is_never_open_where_others_reach_it(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock, may_be_open=False)
    assert not ring.open
    await ring.load()
    assert not await ring.is_open()


async def test_a_store_that_is_down_lets_in_only_keys_that_it_had_lately(store: WatchedStore, clock: Clock):
    ring, token, unknown = ring_of(store, clock), await store.made(), await store.made()
    assert await ring.find(token) is not None
    store.error = StoreError("The database is down.")
    clock.seconds += STALE_SECONDS - 0.001
    assert await ring.find(token) is not None
    assert await ring.find(KeyToken(token.id, "0" * 64)) is None
    with pytest.raises(StoreError):
        await ring.find(unknown)
    clock.seconds += 0.001
    with pytest.raises(StoreError):
        await ring.find(token)


async def test_a_revocation_that_was_seen_holds_though_the_store_goes_down(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    await store.revoke(token.id, now=NOW)
    clock.seconds += KEEP_SECONDS
    assert await ring.find(token) is None
    store.error = StoreError("The database is down.")
    with pytest.raises(StoreError):
        await ring.find(token)


async def test_an_open_engine_stays_so_for_a_while_when_the_store_is_down(store: WatchedStore, clock: Clock):
    ring = ring_of(store, clock)
    await ring.load()
    store.error = StoreError("The database is down.")
    clock.seconds += STALE_SECONDS - 0.001
    assert await ring.is_open()
    clock.seconds += 0.001
    for _ in range(2):
        with pytest.raises(StoreError):
            await ring.is_open()
    with pytest.raises(StoreError):
        await ring_of(store, clock).is_open()


async def test_a_frozen_store_holds_no_request_and_few_look_ups(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    clock.seconds += KEEP_SECONDS
    store.gate = asyncio.Event()  # never opened
    async with asyncio.timeout(ENDLESS_SECONDS):
        known = await asyncio.gather(*(ring.find(token) for _ in range(100)))
        unknown = await asyncio.gather(
            *(ring.find(KeyToken.make()) for _ in range(100)), return_exceptions=True
        )
    assert all(known)
    assert {type(each) for each in unknown} == {StoreError}
    assert len(store.found) <= 1 + MAX_CONCURRENT_LOOKUPS
    await ring.aclose()


async def test_what_a_slow_look_up_brings_counts_for_the_next_request(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    await store.revoke(token.id, now=NOW)
    clock.seconds += KEEP_SECONDS
    store.gate = asyncio.Event()
    assert await ring.find(token) is not None  # the store is frozen: what was known counts
    store.gate.set()
    await asyncio.wait([read.task for read in ring._look_ups._reads.values()])
    assert ring._kept == {}


async def test_a_kept_key_expires_to_the_second(store: WatchedStore, clock: Clock):
    token = await store.made(expires_at=NOW + timedelta(seconds=3))
    ring = ring_of(store, clock)
    clock.seconds += 2.999
    assert await ring.find(token) is not None
    clock.seconds += 0.001
    with pytest.raises(ExpiredKey, match="expired at 2026"):
        await ring.find(token)
    assert len(store.found) == 1
    assert await ring.find(KeyToken(token.id, "0" * 64)) is None


async def test_a_key_expires_though_the_store_is_down(store: WatchedStore, clock: Clock):
    token = await store.made(expires_at=NOW + timedelta(seconds=10))
    ring = ring_of(store, clock)
    assert await ring.find(token) is not None
    store.error = StoreError("The database is down.")
    clock.seconds += 9.999
    assert await ring.find(token) is not None
    clock.seconds += 0.001
    with pytest.raises(ExpiredKey):
        await ring.find(token)


async def test_a_rotation_counts_when_the_kept_key_is_read_anew(store: WatchedStore, clock: Clock):
    ring, token = ring_of(store, clock), await store.made()
    assert await ring.find(token) is not None
    await store.rotate(token.id, overlap=timedelta(0), now=NOW)
    clock.seconds += KEEP_SECONDS
    with pytest.raises(ExpiredKey):
        await ring.find(token)
