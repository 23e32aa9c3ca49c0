"""The audit log over HTTP: who changed what, for administrators."""

import csv
import json
from io import StringIO

from tests.ai_engine.harness import SUM, Service

AGENT = {"name": "Reader", "system_prompt": "Read.", "model": "canned"}


async def listed(service: Service, headers: object = None, **query: str) -> list[dict]:
    response = await service.client.get("/v1/audit", params=query, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()["entries"]


async def test_a_change_names_the_key_that_made_it(service: Service) -> None:
    operator = await service.key(None, "admin")
    key_id = operator["Authorization"].split("_")[1]
    for method, path, body in (
        ("PUT", "/v1/agents/reader", AGENT),
        ("PUT", "/v1/budgets/acme", {"daily_dollars": "100"}),
        ("DELETE", "/v1/budgets/acme", None),
    ):
        response = await service.client.request(method, path, json=body, headers=operator)
        assert response.status_code < 300, response.text
    found = await listed(service, operator, actor=key_id)
    assert [(each["actor_kind"], each["action"], each["object"]) for each in found] == [
        ("key", "budget_deleted", "acme"),
        ("key", "budget_set", "acme"),
        ("key", "agent_saved", "reader"),
    ]


async def test_an_open_engine_notes_the_administrator_of_its_machine(service: Service) -> None:
    await service.client.put("/v1/agents/reader", json=AGENT)
    (entry,) = await listed(service, action="agent_saved")
    assert (entry["actor_kind"], entry["actor"]) == ("local", "")


async def test_approvals_and_denials_are_noted_with_the_person(service: Service) -> None:
    key = await service.key("acme", "admin")
    for body in ({"approved": "all"}, {"approved": []}):
        run_id = (await service.ask(SUM, mode=1, headers=key)).json()["run_id"]
        path = f"/v1/runs/{run_id}/resume"
        response = await service.client.post(path, json=body | {"user_id": "boss"}, headers=key)
        assert response.status_code == 200, response.text
    found = await listed(service, key, person="boss")
    assert [(each["action"], each["details"]["tool"]) for each in found] == [
        ("tool_denied", "calculator"),
        ("tool_approved", "calculator"),
    ]
    assert found[0]["object"] == run_id


async def test_a_tenants_administrator_sees_its_own_entries_alone(service: Service) -> None:
    acme, globex = await service.key("acme", "admin"), await service.key("globex", "admin")
    await service.client.put("/v1/agents/reader", json=AGENT, headers=acme)
    assert "agent_saved" in [each["action"] for each in await listed(service, acme)]
    assert {each["tenant_id"] for each in await listed(service, globex)} == {"globex"}
    asking = await service.key("acme", "ask", "costs")
    for path in ("/v1/audit", "/v1/audit/export"):
        assert (await service.client.get(path, headers=asking)).status_code == 403


async def test_the_export_has_all_entries_as_lines_of_json_and_as_csv(service: Service) -> None:
    for number in range(3):
        await service.client.put(f"/v1/agents/-reader-{number}", json=AGENT)
        await service.client.put(f"/v1/agents/reader-{number}", json=AGENT)
    found = await listed(service)
    lines = await service.client.get("/v1/audit/export", params={"limit": "2"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == found
    exported = await service.client.get("/v1/audit/export", params={"format": "csv"})
    rows = list(csv.DictReader(StringIO(exported.text)))
    assert [row["object"] for row in rows] == [each["object"] for each in found]
    assert json.loads(rows[0]["details"]) == found[0]["details"]


async def test_what_is_no_query_is_refused(service: Service) -> None:
    for query in ({"action": "burnt"}, {"cursor": "nonsense"}, {"from": "soon"}, {"limit": "0"}):
        for path in ("/v1/audit", "/v1/audit/export"):
            assert (await service.client.get(path, params=query)).status_code == 422, (path, query)
