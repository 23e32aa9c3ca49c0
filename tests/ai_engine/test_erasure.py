"""A person's words are looked for everywhere after an erasure, and nothing is found."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from redis.asyncio import Redis
from sqlalchemy import Connection, MetaData, insert, inspect, select, text, update
from structlog.testing import capture_logs
from tests.ai_engine.harness import SUM, Service, SteppedModel, asked, serving
from tests.redis import RedisServer, running_redis
from tests.store.person_columns import HELD
from tests.store_database import DIALECTS
from tests.variants import sampled

from vital_shared import BaseWorkflow, node
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.store.actor import Actor, acting_as
from vital_shared.store.dead_letters import set_aside
from vital_shared.store.durable_tables import run_calls, run_nodes
from vital_shared.store.ledger import Payer
from vital_shared.store.run_end import RunEnd
from vital_shared.store.settlement import Settlement
from vital_shared.store.spool import Spool
from vital_shared.store.tables import runs
from vital_shared.store.webhook_delivery_table import webhook_deliveries
from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

MARK = "pimpernel"
"""Stands in all that the person writes, and in the person's id."""

PERSON = f"ann.{MARK}"
OTHER = "bob"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("databases").new()
    return url


@pytest.fixture
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    async with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def everything_stored(service: Service) -> dict[str, str]:
    """All columns of all tables, whatever their schema, as text."""

    def read(connection: Connection) -> dict[str, str]:
        inspector, found = inspect(connection), {}
        is_sqlite = connection.dialect.name == "sqlite"
        for schema in (None,) if is_sqlite else inspector.get_schema_names():
            if schema in ("pg_catalog", "information_schema"):
                continue
            data = MetaData(schema=schema)
            data.reflect(connection, views=False)
            for name, table in data.tables.items():
                rows = connection.execute(select(table)).mappings().all()
                for column in table.columns:
                    values = [row[column.name] for row in rows]
                    found[f"{name.split('.')[-1]}.{column.name}"] = str(values)
        return found

    async with service.services.database.connect() as connection:
        return await connection.run_sync(read)


def everything_on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{path.relative_to(folder)} ", path.name.encode() + path.read_bytes()


async def everything_in_redis(url: str) -> dict[str, bytes]:
    async with Redis.from_url(url) as client:
        found = {}
        for key in await client.keys("*"):
            kind = (await client.type(key)).decode()
            reads: dict[str, Any] = {
                "string": client.get,
                "hash": client.hgetall,
                "list": lambda key: client.lrange(key, 0, -1),
                "set": client.smembers,
                "zset": lambda key: client.zrange(key, 0, -1),
                "stream": client.xrange,
            }
            value = await reads[kind](key)
            found[key.decode()] = key + (inflated(value) if kind == "string" else str(value).encode())
        return found


def inflated(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


async def places(service: Service, folder: Path, redis_url: str = "") -> set[str]:
    """Where the person's words are."""
    found = {f"column {name}" for name, rows in (await everything_stored(service)).items() if MARK in rows}
    found |= {f"file {name}" for name, data in everything_on_disk(folder) if MARK.encode() in data}
    if MARK in (await service.client.get("/metrics")).text:
        found.add("metrics")
    if redis_url:
        keys = await everything_in_redis(redis_url)
        found |= {f"redis {key}" for key, value in keys.items() if MARK.encode() in value}
    return found


async def live(service: Service) -> str:
    """Let the person use all there is, and return the id of another's run."""
    await limit(service)
    own = {"user_id": PERSON}
    key = {"Idempotency-Key": f"key-{MARK}"}
    done = await service.ask(f"How long, {MARK}?", headers=key, **own)
    talk = await service.ask(f"And {MARK}?", mode=4, session_id=f"session-{MARK}", **own)
    paused = [await service.ask(SUM, mode=1, metadata={"note": MARK}, **own) for _ in range(2)]
    for response in (done, talk, *paused):
        assert response.status_code == 200, response.text
    deny = {"denied": {"call-1": f"No, says {MARK}."}, **own}
    denied = await service.client.post(f"/v1/runs/{paused[0].json()['run_id']}/resume", json=deny)
    assert denied.status_code == 200, denied.text
    bobs = await service.ask("How long is it?", user_id=OTHER)
    await talk_with_others(service)
    bobs_paused = (await service.ask(SUM, mode=1, user_id=OTHER)).json()["run_id"]
    opinion = {"kind": "correction", "name": MARK, "value": f"{MARK} knows better", "comment": MARK, **own}
    for run_id in (done.json()["run_id"], bobs.json()["run_id"]):
        given = await service.client.post(f"/v1/runs/{run_id}/feedback", json=opinion)
        assert given.status_code == 200, given.text
    resumed = await service.client.post(f"/v1/runs/{bobs_paused}/resume", json=deny)
    assert resumed.status_code == 200, resumed.text
    await queue(service, asked(f"Later, {MARK}?", **own))
    await note_work(service, done.json()["run_id"])
    await cache_meaning(service)
    return str(bobs.json()["run_id"])


async def talk_with_others(service: Service) -> None:
    """Say something in another's conversation, which goes on with it: one run waits, and one's run is gone."""
    talk = {"session_id": "talk-of-two"}
    for user, words in (
        (OTHER, "Hello."),
        (PERSON, f"My name is {MARK}."),
        (PERSON, f"I am {MARK}, I said."),
    ):
        said = await service.ask(words, mode=4, user_id=user, **talk)
        assert said.status_code == 200, said.text
    waits = await service.ask(SUM, mode=3, user_id=OTHER, **talk)
    assert (waits.status_code, waits.json()["status"]) == (200, "awaiting_approval"), waits.text
    async with service.services.database.begin() as connection:  # as retention does it
        await connection.execute(text("DELETE FROM runs WHERE id = :id"), {"id": said.json()["run_id"]})


async def limit(service: Service) -> None:
    """Limit the person, and let it spend something of that."""
    own = {"level": "user", "tenant_id": "acme", "id": PERSON, "unit": "tokens", "period": "day"}
    made = await service.client.put("/v1/limits", json=own | {"amount": 1_000_000})
    assert made.status_code == 200, made.text


async def note_work(service: Service, run_id: str) -> None:
    """Store what a durable run keeps while it is at work, and what comes of its webhook."""
    hook = {"run_id": run_id, "tenant_id": "acme", "url": f"https://{MARK}.example", "status": "failed"}
    async with service.services.database.begin() as connection:
        for table, row in (
            (run_nodes, {"run_id": run_id, "node": "n", "epoch": 0, "finished": f'"{MARK}"'}),
            (
                run_calls,
                {
                    "run_id": run_id, "item": "llm/1", "epoch": 0, "charge": f'"{MARK}"', "account": MARK,
                    "is_final": False,
                },
            ),
            (webhook_deliveries, hook | {"id": "hook", "attempts": 1, "next_attempt_at": NOW, "last_error": f"{MARK} is away"}),
        ):  # fmt: skip
            await connection.execute(insert(table), row)
        failed = update(runs).where(runs.c.id == run_id).values(error_message=f"{MARK} was not found")
        await connection.execute(failed)


async def cache_meaning(service: Service) -> None:
    """Keep a question as one that others' questions are compared with."""
    vector = np.ones(3, dtype=np.float32)
    question = WorkflowInput.model_validate(asked(f"How long, {MARK}?", user_id=PERSON))
    await service.services.cache.note_similar("scope", "key", question, vector)


async def queue(service: Service, body: dict[str, Any]) -> None:
    """Queue a run of a workflow that no process serves, so that it waits."""
    workflow = service.engine.workflows.find(BUILT_IN).workflow
    record = await workflow.queued_record(WorkflowInput.model_validate(body))
    waiting = record.model_copy(update={"workflow": "served:Elsewhere"})
    await service.services.background.put([waiting], webhook=f"https://{MARK}.example/done")


def owed(run_id: str, item: str, *, with_end: bool) -> Settlement:
    charge = Charge(item=item, cost_type="llm", name="canned", status="success", cost_nanos=7)
    end = RunEnd(run_id=run_id, status="failed", finished_at=NOW, error_message=MARK) if with_end else None
    payer = Payer(tenant_id="acme", user_id=PERSON, mode=WorkflowMode.MODE_2, agent_id="general")
    return Settlement(run_id=run_id, payer=payer, at=NOW, charges=() if with_end else (charge,), end=end)


async def leave_unwritten(service: Service, folder: Path) -> None:
    """Leave what a database that was away has not taken."""
    spool = Spool(folder / "owed")
    spool.append([owed("run_spooled", "llm/1", with_end=False), owed("run_spooled", "", with_end=True)])
    spool.close()
    async with service.services.database.begin() as connection:
        for with_end in (True, False):
            letter = owed("run_refused", "llm/2", with_end=with_end)
            await connection.run_sync(set_aside, letter, "refused", NOW)


async def spent(service: Service) -> tuple[Any, ...]:
    statement = "SELECT sum(cost_nanos), count(*), sum(calls) FROM ledger"
    async with service.services.database.connect() as connection:
        return tuple((await connection.execute(text(statement))).one())


@pytest.mark.parametrize("with_redis", sampled([True, False], 2), ids=["redis", "alone"])
async def test_nothing_of_a_person_is_found_afterwards(
    tmp_path: Path, database_url: str, with_redis: bool, redis: RedisServer
) -> None:
    folder, redis_url = tmp_path / "data", redis.url if with_redis else ""
    model = SteppedModel()
    async with AsyncExitStack() as stack:
        logs = stack.enter_context(capture_logs())
        services = await stack.enter_async_context(
            workflow_services(
                folder,
                models=[CannedModel("It takes 42 days [1]."), model],
                sources=[CannedSource([passage("The review takes 42 days.")])],
                database_url=database_url,
                redis_url=redis_url,
                store_prompts=True,
            )
        )
        service = await stack.enter_async_context(serving(services))
        bobs = await live(service)
        await leave_unwritten(service, folder)
        async with service.stream(json=asked(f"Now, {MARK}?", user_id=PERSON, model="stepped")) as events:
            await model.asked.wait()
            before_it = await places(service, folder, redis_url)
            columns = {each.removeprefix("column ") for each in before_it if each.startswith("column ")}
            assert columns == HELD
            await services.runs.charge_writer.settle_all()
            before = await spent(service)
            body = {"tenant_id": "acme", "user_id": PERSON}
            erased = await service.client.post("/v1/erasures", json=body)
            last = [event async for event in events][-1]
        report = erased.json()
        assert (erased.status_code, report["outcome"], report["left"]) == (200, "done", []), erased.text
        assert report["cancelled_runs"] >= 2
        assert last["type"] == "run_failed"
        assert await places(service, folder, redis_url) == set()
        after = await spent(service)
        assert (after[0], after[2] >= before[2]) == (before[0], True)
        assert (await service.client.get(f"/v1/runs/{bobs}")).status_code == 200
        again = (await service.client.post("/v1/erasures", json=body)).json()
        assert (again["outcome"], set(again["rows"].values())) == ("done", {0})
        assert await places(service, folder, redis_url) == set()
        entries = (await service.client.get("/v1/audit", params={"action": "person_erased"})).json()[
            "entries"
        ]
        assert [each["person"] for each in entries] == [again["pseudonym"], report["pseudonym"]]
    assert MARK not in str(logs)
    assert [name for name, data in everything_on_disk(folder) if MARK.encode() in data] == []


async def test_copies_in_a_redis_that_does_not_answer_are_left(tmp_path: Path, redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        opened = workflow_services(
            tmp_path, models=[CannedModel("42.")], redis_url=redis.url, cache_entries=9
        )
        service = await stack.enter_async_context(serving(await stack.enter_async_context(opened)))
        await service.ask(user_id=PERSON)
        await redis.kill()
        body = {"tenant_id": "acme", "user_id": PERSON}
        report = (await service.client.post("/v1/erasures", json=body)).json()
        assert report["outcome"] == "partial"
        (entry, *_) = (await service.client.get("/v1/audit", params={"action": "person_erased"})).json()[
            "entries"
        ]
        assert entry["outcome"] == "partial"
        assert [sentence for sentence in report["left"] if sentence.startswith("Cached answers in Redis")]


async def test_a_user_of_all_tenants_is_erased_from_the_audit_log(tmp_path: Path, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        opened = workflow_services(tmp_path / "data", models=[CannedModel("42.")], database_url=database_url)
        services = await stack.enter_async_context(opened)
        service = await stack.enter_async_context(serving(services))
        with acting_as(Actor("user", PERSON)):
            await services.limits.set("acme", TenantLimits(daily_dollars=Decimal(5)), now=NOW)
        body = {"user_id": PERSON, "all_tenants": True}
        assert await places(service, tmp_path) >= {"column person_keys.user_id"}
        for refused in (body | {"tenant_id": "acme"}, body | {"all_tenants": False}):
            assert (await service.client.post("/v1/erasures", json=refused)).status_code == 422
        of_tenant = {"X-Tenant-ID": "acme"}
        assert (await service.client.post("/v1/erasures", json=body, headers=of_tenant)).status_code == 422
        report = (await service.client.post("/v1/erasures", json=body)).json()
        assert (report["outcome"], set(report["rows"].values())) == ("done", {0})
        entries = (await service.client.get("/v1/audit")).json()["entries"]
        assert [each["action"] for each in entries] == ["person_erased", "budget_set"]
        assert [entries[0]["person"], entries[1]["actor"]] == [report["pseudonym"]] * 2
        assert await places(service, tmp_path) == set()


class Slow(BaseWorkflow):
    """A workflow that suggests a tool while one of its nodes is at work."""

    begun: ClassVar[asyncio.Event]
    may_end: ClassVar[asyncio.Event]

    @node
    async def work(self, query: str) -> str:
        if query == SUM:
            self.begun.set()
            await self.may_end.wait()
        return "done"


async def test_anothers_run_at_work_in_the_conversation_stores_nothing_of_it(
    tmp_path: Path, database_url: str
) -> None:
    Slow.begun, Slow.may_end = asyncio.Event(), asyncio.Event()
    talk = {"session_id": "talk-of-two"}
    async with AsyncExitStack() as stack:
        opened = workflow_services(
            tmp_path / "data", models=[CannedModel("Hello.")], database_url=database_url
        )
        services = await stack.enter_async_context(opened)
        service = await stack.enter_async_context(serving(services, workflow=Slow))
        for user, words in ((OTHER, "Hello."), (PERSON, f"My name is {MARK}.")):
            assert (await service.ask(words, mode=4, user_id=user, **talk)).status_code == 200
        bobs = asyncio.create_task(service.ask(SUM, mode=3, user_id=OTHER, **talk))
        await Slow.begun.wait()
        body = {"tenant_id": "acme", "user_id": PERSON}
        report = (await service.client.post("/v1/erasures", json=body)).json()
        Slow.may_end.set()
        assert (report["outcome"], report["left"]) == ("done", [])
        assert (await bobs).json()["detail"] == "The run was cancelled."
        assert await places(service, tmp_path) == set()
