from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from vital_shared.errors import Forbidden, NotFound, StoreError
from vital_shared.models.agent import AgentProfile
from vital_shared.store.agents import AgentStore, StoredAgent
from vital_shared.store.database import Database


@pytest.fixture
def store(database: Database) -> AgentStore:
    return AgentStore(database)


def agent(agent_id: str = "expert", **fields: object) -> AgentProfile:
    return AgentProfile(id=agent_id, **{"name": "Expert", "system_prompt": "Answer."} | fields)


async def test_an_agent_is_read_back_whole(store: AgentStore):
    profile = agent(description="d", model="m", tools=("calculator",), sources=())
    await store.save(profile, tenant_id="acme")
    assert await store.get("expert", tenant_id="acme") == profile


async def test_saving_again_replaces(store: AgentStore):
    for tenant in ("acme", None):
        await store.save(agent(), tenant_id=tenant)
        await store.save(agent(name="New"), tenant_id=tenant)
        assert (await store.get("expert", tenant_id=tenant)).name == "New"
    assert len(await store.list(tenant_id=None)) == 2


async def test_a_tenants_own_agent_hides_the_shared_one(store: AgentStore):
    shared, acme, globex = agent(name="Shared"), agent(name="Acme"), agent(name="Globex")
    for profile, tenant in ((acme, "acme"), (shared, None), (globex, "globex")):
        await store.save(profile, tenant_id=tenant)
    assert await store.get("expert", tenant_id="acme") == acme
    assert await store.get("expert", tenant_id="globex") == globex
    assert await store.get("expert", tenant_id="initech") == shared
    assert await store.get("expert", tenant_id=None) == shared
    assert await store.list(tenant_id="acme") == (StoredAgent(profile=acme, tenant_id="acme"),)
    assert {stored.tenant_id for stored in await store.list(tenant_id=None)} == {None, "acme", "globex"}


async def test_an_unknown_agent_names_those_that_the_tenant_may_ask(store: AgentStore):
    with pytest.raises(NotFound, match="no agent expert: there are none yet"):
        await store.get("expert", tenant_id="acme")
    await store.save(agent("secret"), tenant_id="globex")
    for tenant in ("acme", None):
        await store.save(agent("generalist"), tenant_id=tenant)
    await store.save(agent("own"), tenant_id="acme")
    with pytest.raises(NotFound, match=r"no agent expert: there are generalist, own$") as caught:
        await store.get("expert", tenant_id="acme")
    assert caught.value.field == "agent_id"
    with pytest.raises(NotFound, match=r"there are generalist$"):
        await store.get("expert", tenant_id=None)


async def test_the_hint_stays_short(store: AgentStore):
    await store.add_missing([agent(f"a{n:02}") for n in range(12)])
    with pytest.raises(NotFound, match=r"a08, a09, …$"):
        await store.get("expert", tenant_id="acme")


async def test_a_tenant_deletes_its_own_only(store: AgentStore):
    for tenant in ("acme", None, "globex"):
        await store.save(agent(), tenant_id=tenant)
    await store.delete("expert", tenant_id="acme")
    with pytest.raises(Forbidden, match="shared by all tenants") as caught:
        await store.delete("expert", tenant_id="acme")
    assert caught.value.field == "agent_id"
    assert [stored.tenant_id for stored in await store.list(tenant_id=None)] == [None, "globex"]


async def test_an_administrator_deletes_a_shared_agent(store: AgentStore):
    await store.save(agent(), tenant_id=None)
    await store.save(agent(name="Acme"), tenant_id="acme")
    await store.delete("expert", tenant_id=None)
    assert [stored.tenant_id for stored in await store.list(tenant_id=None)] == ["acme"]
    with pytest.raises(NotFound):
        await store.delete("expert", tenant_id=None)


async def test_deleting_another_tenants_agent_finds_nothing(store: AgentStore):
    await store.save(agent(), tenant_id="globex")
    with pytest.raises(NotFound):
        await store.delete("expert", tenant_id="acme")
    assert len(await store.list(tenant_id="globex")) == 1


async def test_shipped_agents_never_overwrite_an_edited_one(store: AgentStore):
    await store.save(agent(name="Edited"), tenant_id=None)
    await store.add_missing([agent(name="Shipped"), agent("generalist")])
    await store.add_missing([])
    assert (await store.get("expert", tenant_id="acme")).name == "Edited"
    assert [stored.profile.id for stored in await store.list(tenant_id="acme")] == ["expert", "generalist"]


async def test_many_processes_may_ship_at_once(database: Database, other: Database):
    stores = AgentStore(database), AgentStore(other)
    shipped = [agent("one"), agent("two")]
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(stores[n % 2].add_missing(shipped))
    assert [stored.profile for stored in await stores[0].list(tenant_id=None)] == shipped


async def test_a_stored_agent_that_does_not_fit_is_named(store: AgentStore, database: Database):
    await store.save(agent(), tenant_id=None)
    async with database.begin() as connection:
        await connection.execute(text("""UPDATE agents SET profile = '{"id": "expert"}'"""))
    with pytest.raises(StoreError, match=r"A stored AgentProfile cannot be read \(at name\)"):
        await store.get("expert", tenant_id="acme")
