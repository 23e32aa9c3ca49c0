"""What was read of documents, and what a search finds in them, over HTTP."""

import asyncio
from typing import Any

from tests.ai_engine.harness import Serve, Service, SteppedModel
from tests.ai_engine.test_tenants_share import until_waiting

from vital_shared.models.limits import TenantLimits
from vital_shared.testing import counted

TEXT = b"# Widgets\n\n## Review\n\nA widget review takes 42 days.\n\n## Fees\n\nThe fee is 300 dollars.\n"
ACME = {"X-Tenant-ID": "acme"}


async def added(service: Service, name: str, text: bytes, headers: Any = None) -> str:
    answer = await service.client.post("/v1/documents", files={"file": (name, text)}, headers=headers)
    document_id: str = answer.json()["document_id"]
    return document_id


async def searched(service: Service, query: str, headers: Any = ACME, **params: Any) -> Any:
    return await service.client.get("/v1/documents/search", params={"query": query} | params, headers=headers)


async def test_a_search_shows_the_passages_with_their_signals(service: Service) -> None:
    document_id = await added(service, "widgets.md", TEXT)
    found = (await searched(service, "How long does the widget review take?")).json()
    best = found["passages"][0]
    assert (best["document_id"], best["title"], best["uri"]) == (document_id, "Widgets", "widgets.md")
    assert best["section"] == "Review"
    signals = best["signals"]
    assert signals["keyword"] > 0
    assert signals["fused"] > 0
    # No models are installed in this test: nothing is known of meaning and relevance.
    assert (signals["cosine"], signals["relevance"], found["answerable_from"]) == (None, None, None)
    assert found["is_answerable"] is True
    assert found["keyword_weight"] > 0


async def test_a_search_that_finds_nothing_says_that_no_answer_would_be_tried(service: Service) -> None:
    await added(service, "widgets.md", TEXT)
    found = (await searched(service, "xylophone")).json()
    assert (found["passages"], found["is_answerable"]) == ([], False)


async def test_a_search_gives_as_many_passages_as_are_asked_for(service: Service) -> None:
    for number in range(4):
        await added(service, f"{number}.md", b"# Lock %d\n\nThe lock %d has a gate." % (number, number))
    assert len((await searched(service, "gate of the lock", limit=2)).json()["passages"]) == 2


async def test_a_search_is_for_one_tenant_and_takes_a_question(service: Service) -> None:
    nobody = await searched(service, "widget", headers=None)
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (422, "X-Tenant-ID")
    for query in ("", "x" * 2_001):
        refused = await searched(service, query)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "query")
    odd = await searched(service, "\x00 \" ' * OR NEAR( -- ﷽")
    assert odd.status_code == 200


async def test_a_search_counts_as_a_request_of_its_tenant(service: Service) -> None:
    await service.services.limits.set("acme", TenantLimits(requests_per_minute=2), now=service.services.now())
    assert (await searched(service, "widget")).status_code == 200
    assert (await service.ask("Is it reviewed?", headers=ACME)).status_code == 200
    with counted() as growth:
        refused = await searched(service, "widget")
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:vital:rate-limited")
    assert int(refused.headers["Retry-After"]) > 0
    assert growth("vital_requests_rejected_total", reason="rate_limit") == 1
    assert (await service.ask("Is it reviewed?", headers=ACME)).status_code == 429
    assert (await searched(service, "widget", {"X-Tenant-ID": "globex"})).status_code == 200


async def test_a_search_waits_for_its_tenants_turn_among_the_runs(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1})
    running = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    searching = asyncio.create_task(searched(service, "widget"))
    await until_waiting(service.engine.hub, 1)
    model.finish()
    assert (await searching).status_code == 200
    assert (await running).status_code == 200


async def test_the_passages_of_a_document_come_in_its_order_and_in_pages(service: Service) -> None:
    document_id = await added(service, "widgets.md", TEXT)
    path = f"/v1/documents/{document_id}/passages"
    shown = (await service.client.get(path)).json()
    assert shown["document"]["chunks"] == 2
    assert [passage["section"] for passage in shown["passages"]] == ["Review", "Fees"]
    second = (await service.client.get(path, params={"offset": 1, "limit": 1})).json()
    assert [passage["text"] for passage in second["passages"]] == ["The fee is 300 dollars."]
    assert (await service.client.get("/v1/documents/none/passages")).status_code == 404
