"""Keys are shown once, kept as hashes, and useless once revoked."""

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
    key = await store.verify(new.token)
    assert key == new.key
    assert (key.tenant_id, key.name, key.scopes, key.created_at) == ("acme", "laptop", ("ask", "costs"), NOW)


async def test_a_key_for_all_tenants_has_none(store: KeyStore):
    key = await store.verify((await made(store, None, "admin")).token)
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
        assert await store.verify(wrong) is None
    assert await store.verify(new.token) == new.key


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
    assert await store.verify(new.token) is None
    assert await store.verify(other.token) == other.key
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
    assert not await store.any_active()
    new = await made(store)
    assert await store.any_active()
    await store.revoke(new.key.id, now=NOW)
    assert not await store.any_active()


async def test_revoked_keys_are_forgotten_where_none_can_be_used(store: KeyStore):
    assert await store.forget_revoked() == 0
    assert not await store.any_made()
    one, other = await made(store), await made(store)
    await store.revoke(one.key.id, now=NOW)
    with pytest.raises(Conflict, match="revoke them first"):
        await store.forget_revoked()
    assert len(await store.list()) == 2
    await store.revoke(other.key.id, now=NOW)
    assert await store.any_made()
    assert await store.forget_revoked() == 2
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
    assert (await store.verify(new.token)).scopes == ("ask",)


async def test_keys_that_are_made_at_once_differ(store: KeyStore):
    keys = await asyncio.gather(*(made(store) for _ in range(20)))
    assert len({new.key.id for new in keys}) == len({new.token for new in keys}) == 20
