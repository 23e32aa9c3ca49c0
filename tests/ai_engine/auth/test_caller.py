"""With the tenant header, a caller sees and changes what is its own, on every route."""

import asyncio

import pytest
from tests.ai_engine.harness import SUM, Service, SteppedModel, asked

ACME, GLOBEX = {"X-Tenant-ID": "acme"}, {"X-Tenant-ID": "globex"}
AGENT = {"name": "Mine", "system_prompt": "Answer."}


async def test_a_run_is_asked_for_the_caller_alone(service: Service) -> None:
    assert (await service.ask(headers=ACME)).status_code == 200
    refused = await service.ask(headers=GLOBEX)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tenant_id")


@pytest.mark.parametrize("tenant", ["", "a b", "é", "x" * 129, "../acme"])
async def test_a_header_that_names_no_tenant_is_not_the_administrator(service: Service, tenant: str) -> None:
    headers = {"X-Tenant-ID": tenant.encode()}
    for method, path in (("GET", "/v1/agents"), ("GET", "/v1/documents"), ("GET", "/v1/runs/x")):
        response = await service.client.request(method, path, headers=headers)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "X-Tenant-ID")


async def test_two_tenants_at_once_are_refused(service: Service) -> None:
    headers = [("X-Tenant-ID", "acme"), ("X-Tenant-ID", "globex")]
    assert (await service.client.get("/v1/agents", headers=headers)).status_code == 422


async def test_runs_of_others_are_not_found_on_any_route(service: Service) -> None:
    ended = (await service.ask()).json()["run_id"]
    waiting = (await service.ask(SUM, mode=1)).json()["run_id"]
    for run_id in (ended, waiting):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("POST", "/approval")):
            body = {"json": {"approved": "all"}} if method == "POST" else {}
            response = await service.client.request(
                method, f"/v1/runs/{run_id}{path}", headers=GLOBEX, **body
            )
            assert response.status_code == 404, (method, path)
            assert "42 days" not in response.text
    approved = await service.client.post(
        f"/v1/runs/{waiting}/approval", json={"approved": "all"}, headers=ACME
    )
    assert approved.status_code == 200


async def test_a_live_run_of_another_is_neither_followed_nor_cancelled(
    service: Service, model: SteppedModel
) -> None:
    asking = asyncio.create_task(service.ask(model="stepped", headers=ACME))
    await model.asked.wait()
    (run_id,) = service.engine.hub._runs
    for method, path in (("GET", "/events"), ("DELETE", "")):
        response = await service.client.request(method, f"/v1/runs/{run_id}{path}", headers=GLOBEX)
        assert response.status_code == 404
    model.finish()
    assert (await asking).status_code == 200


async def test_the_header_of_the_owner_and_no_header_see_it(service: Service) -> None:
    run_id = (await service.ask(headers=ACME)).json()["run_id"]
    for headers in (ACME, {}):
        assert (await service.client.get(f"/v1/runs/{run_id}", headers=headers)).status_code == 200
        assert len(await service.events(f"/v1/runs/{run_id}/events", headers=headers)) > 5


async def test_agents_of_others_are_invisible_and_shared_ones_unchangeable(service: Service) -> None:
    client = service.client
    assert (await client.put("/v1/agents/mine", json=AGENT, headers=ACME)).status_code == 200
    for method in ("GET", "DELETE"):
        assert (await client.request(method, "/v1/agents/mine", headers=GLOBEX)).status_code == 404
    listed = (await client.get("/v1/agents", headers=GLOBEX)).json()["agents"]
    assert "mine" not in [agent["profile"]["id"] for agent in listed]
    asked_by_other = await service.ask(agent_id="mine", tenant_id="globex")
    assert asked_by_other.status_code == 422
    assert (await client.delete("/v1/agents/generalist", headers=ACME)).status_code == 403


async def test_an_agent_with_the_id_of_a_shared_one_hides_it_for_its_tenant_alone(service: Service) -> None:
    saved = await service.client.put("/v1/agents/generalist", json=AGENT, headers=ACME)
    assert saved.status_code == 200
    names = [
        (await service.client.get("/v1/agents/generalist", headers=headers)).json()["name"]
        for headers in (ACME, GLOBEX, {})
    ]
    assert names == ["Mine", "Generalist", "Generalist"]


async def test_documents_of_others_are_invisible_and_shared_ones_unchangeable(service: Service) -> None:
    client = service.client
    own = await client.post("/v1/documents?filename=a.md", content=b"# Secret\n\nOf acme.", headers=ACME)
    shared = await client.post("/v1/documents?filename=b.md", content=b"# Open\n\nFor all.")
    ids = [response.json()["document_id"] for response in (own, shared)]
    visible = {}
    for name, headers in (("acme", ACME), ("globex", GLOBEX), ("", {})):
        listed = (await client.get("/v1/documents", headers=headers)).json()["documents"]
        visible[name] = {document["id"] for document in listed}
    assert visible == {"acme": set(ids), "globex": {ids[1]}, "": set(ids)}
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"/v1/documents/{ids[0]}", headers=GLOBEX)).status_code == 404
    assert (await client.delete(f"/v1/documents/{ids[1]}", headers=GLOBEX)).status_code == 403
    assert (await client.delete(f"/v1/documents/{ids[1]}")).status_code == 204


async def test_answers_come_from_the_own_and_the_shared_documents(service: Service) -> None:
    await service.client.post(
        "/v1/documents?filename=a.md", content=b"# Widget\n\nA widget review takes 42 days.", headers=ACME
    )
    found = {}
    for tenant in ("acme", "globex"):
        body = asked("How long does a widget review take?", tenant_id=tenant)
        events = await service.events(json=body)
        found[tenant] = sum(
            event["documents"]
            for event in events
            if event["type"] == "retrieval" and event["source"] == "memory"
        )
    assert found == {"acme": 1, "globex": 0}
