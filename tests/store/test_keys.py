"""Keys are shown once, kept as hashes, and useless once revoked or expired."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from vital_shared.errors import Conflict, InvalidRequest, NotFound
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore, NewKey

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> KeyStore:
    return KeyStore(database)


async def made(store: KeyStore, tenant: str | None = "acme", *scopes: str, now: datetime = NOW) -> NewKey:
    return await store.create(tenant_id=tenant, scopes=scopes or ("ask",), name="laptop", now=now)


async def test_a_new_key_is_verified_by_its_text(store: KeyStore):
    new = await made(store, "acme", "costs", "ask", "ask")
    key = await store.verify(new.token, now=NOW)
    assert key == new.key
    assert (key.tenant_id, key.name, key.scopes, key.created_at) == ("acme", "laptop", ("ask", "costs"), NOW)


async def test_a_key_for_all_tenants_has_none(store: KeyStore):
    key = await store.verify((await made(store, None, "admin")).token, now=NOW)
    assert key is not None
    assert key.tenant_id is None


async def test_nothing_but_the_whole_text_is_verified(store: KeyStore):
    new, other = await made(store), await made(store)
    secret = new.token.removeprefix(f"vital_{new.key.id}_")
    for wrong in (
        "",
        "vital",
        new.key.id,
        secret,
        new.token[:-1],
        new.token + "0",
        f"{new.token}\n",
        new.token.upper(),
        new.token.replace("vital", "Vital"),
        f"vital_{other.key.id}_{secret}",
        f"vital_{'0' * 16}_{secret}",
        f"vital_{new.key.id}_{'0' * 64}",
        "\x00\ud800",
    ):
        assert await store.verify(wrong, now=NOW) is None
    assert await store.verify(new.token, now=NOW) == new.key


async def test_the_store_holds_no_secret(store: KeyStore, database: Database):
    new = await made(store)
    secret = new.token.rpartition("_")[2]
    async with database.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM api_keys"))).all()
    assert secret not in str(rows)
    assert secret not in repr(new)
    assert (await store.find(new.key.id)).secret_hash not in repr(await store.find(new.key.id))


async def test_a_revoked_key_is_useless_and_still_listed(store: KeyStore):
    new, other = await made(store), await made(store, now=NOW + timedelta(seconds=1))
    later = NOW + timedelta(days=1)
    revoked = await store.revoke(new.key.id, now=later)
    assert revoked == new.key.model_copy(update={"revoked_at": later})
    assert await store.verify(new.token, now=NOW) is None
    assert await store.verify(other.token, now=NOW) == other.key
    assert await store.list() == (revoked, other.key)


async def test_revoking_again_leaves_the_date(store: KeyStore):
    new = await made(store)
    first = await store.revoke(new.key.id, now=NOW)
    assert await store.revoke(new.key.id, now=NOW + timedelta(days=1)) == first


async def test_a_key_that_is_not_there_cannot_be_revoked_and_is_not_repeated(store: KeyStore):
    with pytest.raises(NotFound, match="vital keys list") as caught:
        await store.revoke("vital_secret", now=NOW)
    assert "vital_secret" not in str(caught.value)


async def test_a_tenant_lists_its_own_keys(store: KeyStore):
    acme, globex, everyone = [await made(store, tenant) for tenant in ("acme", "globex", None)]
    assert await store.list(tenant_id="acme") == (acme.key,)
    assert {key.id for key in await store.list()} == {acme.key.id, globex.key.id, everyone.key.id}


async def test_it_is_known_whether_any_key_can_be_used(store: KeyStore):
    assert not await store.any_active(now=NOW)
    new = await made(store)
    assert await store.any_active(now=NOW)
    await store.revoke(new.key.id, now=NOW)
    assert not await store.any_active(now=NOW)


async def test_revoked_keys_are_forgotten_where_none_can_be_used(store: KeyStore):
    assert await store.forget_useless(now=NOW) == 0
    assert not await store.any_made()
    one, other = await made(store), await made(store)
    await store.revoke(one.key.id, now=NOW)
    with pytest.raises(Conflict, match="revoke them first"):
        await store.forget_useless(now=NOW)
    assert len(await store.list()) == 2
    await store.revoke(other.key.id, now=NOW)
    assert await store.any_made()
    assert await store.forget_useless(now=NOW) == 2
    assert not await store.any_made()


@pytest.mark.parametrize("scopes", [(), ("read",), ("ask", "costs ask"), ("",)])
async def test_scopes_have_to_be_known(store: KeyStore, scopes: tuple[str, ...]):
    with pytest.raises(InvalidRequest, match="ask, costs, admin"):
        await store.create(tenant_id="acme", scopes=scopes, name="", now=NOW)


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\x1b[2J"])
async def test_a_name_is_short_and_visible(store: KeyStore, name: str):
    with pytest.raises(InvalidRequest, match="at most 200 characters"):
        await store.create(tenant_id="acme", scopes=("ask",), name=name, now=NOW)


@pytest.mark.parametrize("tenant", ["", " ", "a b", "x" * 129, "../acme"])
async def test_what_is_no_tenant_gets_no_key_and_not_one_for_all(store: KeyStore, tenant: str):
    with pytest.raises(InvalidRequest, match="tenant_id has to be"):
        await made(store, tenant)
    assert await store.list() == ()


async def test_a_scope_of_a_later_version_allows_nothing(store: KeyStore, database: Database):
    new = await made(store)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE api_keys SET scopes = 'ask fly'"))
    assert (await store.verify(new.token, now=NOW)).scopes == ("ask",)


async def test_keys_that_are_made_at_once_differ(store: KeyStore):
    keys = await asyncio.gather(*(made(store) for _ in range(20)))
    assert len({new.key.id for new in keys}) == len({new.token for new in keys}) == 20


async def test_an_expired_key_is_useless_from_its_second_on_and_still_listed(store: KeyStore):
    end = NOW + timedelta(days=90)
    new = await store.create(tenant_id="acme", scopes=("ask",), name="", now=NOW, expires_at=end)
    assert new.key.expires_at == end
    before = end - timedelta(seconds=1)
    assert await store.verify(new.token, now=before) == new.key
    assert await store.any_active(now=before)
    assert await store.verify(new.token, now=end) is None
    assert not await store.any_active(now=end)
    assert await store.list() == (new.key,)
    with pytest.raises(Conflict, match="revoke them first"):
        await store.forget_useless(now=before)
    assert await store.forget_useless(now=end) == 1


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_key_is_made_that_has_expired_already(store: KeyStore, seconds: int):
    end = NOW + timedelta(seconds=seconds)
    with pytest.raises(InvalidRequest, match="later than now"):
        await store.create(tenant_id="acme", scopes=("ask",), name="", now=NOW, expires_at=end)
    assert await store.list() == ()


@pytest.mark.parametrize("tenant", ["acme", None])
async def test_a_rotated_key_works_beside_its_successor_until_the_overlap_ends(
    store: KeyStore, tenant: str | None
):
    old = await made(store, tenant, "ask", "costs")
    later = NOW + timedelta(days=30)
    new = await store.rotate(old.key.id, overlap=timedelta(hours=24), now=later)
    assert new.key == old.key.model_copy(update={"id": new.key.id, "created_at": later})
    assert new.token != old.token
    end = later + timedelta(hours=24)
    ending = old.key.model_copy(update={"expires_at": end})
    assert await store.verify(old.token, now=end - timedelta(seconds=1)) == ending
    assert await store.verify(old.token, now=end) is None
    assert await store.verify(new.token, now=end) == new.key
    assert await store.list() == (ending, new.key)


async def test_a_successor_lives_as_long_as_its_predecessor_was_to_and_the_overlap_extends_nothing(
    store: KeyStore,
):
    end = NOW + timedelta(days=90)
    old = await store.create(tenant_id="acme", scopes=("ask",), name="", now=NOW, expires_at=end)
    later = end - timedelta(hours=1)
    new = await store.rotate(old.key.id, overlap=timedelta(hours=24), now=later)
    assert new.key.expires_at == later + timedelta(days=90)
    (ended,) = [key for key in await store.list() if key.id == old.key.id]
    assert ended.expires_at == end


async def test_without_an_overlap_the_old_key_ends_at_once(store: KeyStore):
    old = await made(store)
    await store.rotate(old.key.id, overlap=timedelta(0), now=NOW)
    assert await store.verify(old.token, now=NOW) is None


async def test_a_key_that_cannot_be_used_is_not_rotated(store: KeyStore):
    revoked = await made(store)
    await store.revoke(revoked.key.id, now=NOW)
    end = NOW + timedelta(hours=1)
    expired = await store.create(tenant_id="acme", scopes=("ask",), name="", now=NOW, expires_at=end)
    for key in (revoked.key, expired.key):
        with pytest.raises(Conflict, match="vital keys create"):
            await store.rotate(key.id, overlap=timedelta(hours=1), now=end)
    with pytest.raises(NotFound, match="vital keys list"):
        await store.rotate("0" * 16, overlap=timedelta(hours=1), now=NOW)
    with pytest.raises(InvalidRequest, match="0 seconds or more"):
        await store.rotate(expired.key.id, overlap=timedelta(seconds=-1), now=NOW)
    assert len(await store.list()) == 2


async def test_a_successor_keeps_the_scopes_of_a_later_version(store: KeyStore, database: Database):
    old = await made(store)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE api_keys SET scopes = 'ask fly'"))
    await store.rotate(old.key.id, overlap=timedelta(hours=1), now=NOW)
    async with database.connect() as connection:
        scopes = (await connection.execute(text("SELECT scopes FROM api_keys"))).scalars().all()
    assert scopes == ["ask fly", "ask fly"]
