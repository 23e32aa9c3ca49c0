"""An engine's statements, those for its pages included, read no large table from end to end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest
from tests.ai_engine.harness import SUM, Serve
from tests.store.plans import LARGE, plan, reads_all, statements

pytestmark = pytest.mark.sqlite

SMALL: Final = {
    "ix_runs_queued": "the runs that wait in a queue, of which there is a maximum",
    "ix_runs_open_deadline_at": "the runs that are under way",
    "SCAN dead_letters": "what the store refused",
    "SCAN reservations": "the runs that are under way",
    "SCAN limit_usage": "the limits, and the runs that are under way",
    "SCAN run_calls": "the durable runs that are under way",
    "USE TEMP B-TREE FOR ORDER BY": "what was found by an index",
}
"""The steps that read all of something, and what that is."""

MAY_READ_ALL: Final = {
    "FROM runs ORDER BY": "a page of the newest, which stops at its end",
    "FROM conversations ORDER BY": "a page of the newest, too",
    "FROM audit_log LEFT OUTER JOIN": "a page of the newest, too",
    "FROM documents \nWHERE 1 = 1": "the list of documents",
    "EXISTS (SELECT * \nFROM chunks": "whether there is one, once at the start",
    "FROM ledger) AS charges": "the costs of all time, which a person has asked for",
}
"""Parts of statements that may read all of a table, and the reason."""


async def test_no_statement_of_an_engine_reads_a_large_table_from_end_to_end(serve: Serve) -> None:
    await (await serve()).stop()  # the schema is there
    with statements() as seen:
        service = await serve()
        client, services = service.client, service.services
        admin = await service.key(None, "admin", "ask")
        run = (await service.ask(headers=admin)).json()
        waiting = await service.ask(SUM, headers=admin, mode=3, session_id="s")
        assert waiting.json()["status"] == "awaiting_approval"
        later = await service.ask(headers=admin | {"Prefer": "respond-async"})
        assert later.status_code == 202, later.text
        api = (await client.get("/openapi.json", headers=admin)).json()["paths"]
        for path in (path for path, methods in api.items() if "get" in methods):
            await client.get(path.replace("{run_id}", run["run_id"]), headers=admin)
        for now in (services.now(), services.now() + timedelta(days=1)):
            await services.runs.sweep(now)
            await services.runs.end_lost(now)
        await services.runs.orphans.find()
    slow = {}
    for statement, parameters in seen.items():
        is_ours = not LARGE.isdisjoint(re.findall(r"\w+", statement))
        if is_ours and not any(part in statement for part in MAY_READ_ALL):
            steps = reads_all(await plan(services.database, statement, parameters))
            if large := [step for step in steps if not any(small in step for small in SMALL)]:
                slow[statement] = large
    assert len(seen) > 80
    assert slow == {}
