"""Every route, tried across tenants, with each way of naming a tenant.

The routes are those of the application itself: a new one fails the first test until it has a case here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from starlette.routing import Mount
from tests.ai_engine.harness import SUM, Service, asked

from ai_engine.api.administration.app import Administration
from ai_engine.app import create_app
from ai_engine.console_pages import CONSOLE_PAGES
from ai_engine.settings import ServerSettings
from vital_shared.models.limits import TenantLimits
from vital_shared.store.keys import KeyStore

MARK = "plover"
"""Stands in all that is acme's."""

ANY_SCOPE = "any"

SCOPES = ("ask", "costs", "admin")

LIMIT = {"level": "tenant", "id": "acme", "unit": "tokens", "period": "day", "amount": "1"}


@dataclass
class World:
    """An engine, and what acme has in it."""

    service: Service
    own: dict[str, str]
    """Headers of acme."""

    ended: str = ""
    waiting: str = ""
    document: str = ""
    key: str = ""
    session: str = "session-of-acme"

    @property
    def ids(self) -> dict[str, str]:
        mine = {
            "session_id": self.session,
            "run_id": self.waiting,
            "agent_id": "classifier",
            "document_id": self.document,
            "key_id": self.key,
        }
        watched = {"alert": "DeadLetters", "key": "DeadLetters", "silence_id": "s-1", "uid": "costs"}
        shown = {"panel_id": "1", "mode": "mode-2", "name": "gpt-4"}
        mine |= {"limit_id": "limit_1", "organisation_id": "umbrella", "model": "mode-2/classifier"}
        return mine | watched | shown | {"tenant_id": "acme"}

    async def fill(self) -> World:
        client, own, services = self.service.client, self.own, self.service.services
        await services.limits.set("acme", TenantLimits(monthly_dollars=Decimal(1_000)), now=services.now())
        agent = await client.put("/v1/agents/classifier", json=AGENT | {"name": MARK}, headers=own)
        document = await client.post("/v1/documents", files={"file": FILE}, headers=own)
        runs = [
            await self.service.ask(MARK, headers=own),
            await self.service.ask(SUM, mode=1, metadata={"note": MARK}, headers=own),
            await self.service.ask(MARK, mode=4, session_id=self.session, headers=own),
        ]
        assert runs[1].json()["status"] == "awaiting_approval"
        for response in (agent, document, *runs):
            assert response.status_code in (200, 201), response.text
        self.ended, self.waiting = (response.json()["run_id"] for response in runs[:2])
        self.document = document.json()["document_id"]
        self.key = await self._add_key()
        return self

    async def _add_key(self) -> str:
        services = self.service.services
        keys = KeyStore(services.database)
        return (await keys.create(tenant_id="acme", scopes=["ask"], name=MARK, now=services.now())).key.id

    async def seen(self) -> list[Any]:
        """All that acme sees of its own."""
        runs = (f"/v1/runs/{self.ended}", f"/v1/runs/{self.waiting}")
        paths = (*runs, "/v1/agents", "/v1/documents", "/v1/keys", "/v1/budgets/acme")
        answers = [await self.service.client.get(path, headers=self.own) for path in paths]
        talks = self.service.services.conversations
        history = await talks.history(self.session, tenant_id="acme", limit=100)
        return [*(answer.json() for answer in answers), history]

    async def send(self, method: str, path: str, request: dict[str, Any], headers: Any) -> tuple[int, str]:
        client, url = self.service.client, path.replace(":path}", "}").format(**self.ids)
        client.cookies.clear()  # of a sign-in
        response = await client.request(method, url, **request, headers=headers)
        return response.status_code, response.text


AGENT = {"name": "Classifier", "system_prompt": "Classify.", "model": "canned"}
FILE = ("notes.md", f"# {MARK}\n\nThe {MARK} takes 42 days.".encode())
PERSON = {"json": {"tenant_id": "acme", "user_id": "ann"}}
FEEDBACK = {"json": {"kind": "boolean", "value": True}}
APPROVAL = {"json": {"approved": "all"}}
ALERTS = {"version": "4", "receiver": "engine", "alerts": []}


@dataclass
class Case:
    """What happens at a route."""

    scope: str | None
    """What it takes; None: it is open to everybody."""

    own: int
    """What acme is answered."""

    foreign: int
    """What another is answered that asks for the same."""

    requests: Iterable[dict[str, Any]] = field(default_factory=lambda: ({},))
    for_tenants: bool = True
    """Whether a tenant's own key with the scope is enough."""

    shows: bool = False
    """Whether acme is answered with something of its own."""


QUESTIONS = ({"json": asked("How long?", agent_id="classifier", model=None)},)

CHAT = {"model": "mode-2/classifier", "messages": [{"role": "user", "content": "How long?"}]}

MESSAGES = CHAT | {"max_tokens": 100}
RESPONSE = {"model": "mode-2/classifier", "input": "How long?"}
TEXT = {"model": "mode-2/classifier", "prompt": "How long?"}
EMBEDDING = {"model": "mine:embedder", "input": "How long?"}
CONTENT = {"role": "user", "parts": [{"text": "How long?"}]}
CONTENTS = {"contents": [CONTENT]}

TALK = {"threadId": "t", "runId": "r", "messages": [{"id": "1", "role": "user", "content": "How long?"}]}
AGUI = {"params": {"mode": "2", "agent_id": "classifier"}, "json": TALK}

CASES: dict[tuple[str, str], Case] = {
    ("POST", "/v1/runs"): Case("ask", 200, 422, QUESTIONS),
    ("GET", "/v1/runs/{run_id}"): Case("ask", 200, 404, shows=True),
    ("DELETE", "/v1/runs/{run_id}"): Case("ask", 204, 404),
    ("GET", "/v1/runs/{run_id}/events"): Case("ask", 200, 404),
    ("POST", "/v1/runs/{run_id}/approval"): Case("ask", 200, 404, (APPROVAL,)),
    ("POST", "/v1/runs/{run_id}/resume"): Case("ask", 200, 404, (APPROVAL,)),
    ("GET", "/v1/runs"): Case("ask", 200, 200, ({}, {"params": {"text": MARK}}), shows=True),
    ("GET", "/v1/runs/{run_id}/charges"): Case("ask", 200, 404),
    ("GET", "/v1/runs/{run_id}/model-calls"): Case("admin", 200, 404),
    ("GET", "/v1/runs/{run_id}/feedback"): Case("ask", 200, 404),
    ("POST", "/v1/runs/{run_id}/feedback"): Case("ask", 200, 404, (FEEDBACK,)),
    ("GET", "/v1/queue"): Case("ask", 200, 200),
    ("GET", "/v1/approvals"): Case("ask", 200, 200),
    ("GET", "/v1/conversations"): Case("ask", 200, 200, ({}, {"params": {"text": MARK}}), shows=True),
    ("GET", "/v1/conversations/{session_id}"): Case("ask", 200, 404, shows=True),
    ("PATCH", "/v1/conversations/{session_id}"): Case("ask", 200, 404, ({"json": {"title": "Renamed"}},)),
    ("DELETE", "/v1/conversations/{session_id}"): Case("ask", 204, 404),
    ("GET", "/v1/session"): Case(ANY_SCOPE, 200, 200),
    ("POST", "/v1/session"): Case(ANY_SCOPE, 200, 200),
    ("DELETE", "/v1/session"): Case(ANY_SCOPE, 204, 204),
    ("GET", "/v1/workflows"): Case("ask", 200, 200),
    ("GET", "/v1/workflows/{name}"): Case("ask", 404, 404),
    ("POST", "/v1/workflows/{name}/runs"): Case("ask", 404, 404, QUESTIONS),
    ("POST", "/v1/chat/completions"): Case("ask", 200, 404, ({"json": CHAT},)),
    ("POST", "/v1/messages"): Case("ask", 200, 404, ({"json": MESSAGES},)),
    ("POST", "/v1/messages/count_tokens"): Case("ask", 200, 200, ({"json": CHAT},)),
    ("POST", "/v1/responses"): Case("ask", 200, 404, ({"json": RESPONSE},)),
    ("POST", "/v1/completions"): Case("ask", 200, 404, ({"json": TEXT},)),
    ("POST", "/v1/embeddings"): Case("ask", 404, 404, ({"json": EMBEDDING},)),
    ("POST", "/v1/agui"): Case("ask", 200, 422, (AGUI,)),
    **{
        ("POST", f"{version}/models/{{model:path}}:{method}"): case
        for version in ("/v1", "/v1beta")
        for method, case in (
            ("generateContent", Case("ask", 200, 404, ({"json": CONTENTS},))),
            ("streamGenerateContent", Case("ask", 200, 404, ({"params": {"alt": "sse"}, "json": CONTENTS},))),
            ("countTokens", Case("ask", 200, 200, ({"json": CONTENTS},))),
            ("embedContent", Case("ask", 404, 404, ({"json": {"content": CONTENT}},))),
            ("batchEmbedContents", Case("ask", 404, 404, ({"json": {"requests": [{"content": CONTENT}]}},))),
        )
    },
    ("GET", "/v1beta/models"): Case("ask", 200, 200),
    ("GET", "/v1beta/models/{model:path}"): Case("ask", 200, 404),
    ("GET", "/v1/models"): Case("ask", 200, 200),
    ("GET", "/v1/models/{mode}/{agent_id}"): Case("ask", 200, 404),
    ("GET", "/v1/models/{name}"): Case("ask", 404, 404),
    ("GET", "/v1/agents"): Case("ask", 200, 200, shows=True),
    ("GET", "/v1/agents/{agent_id}"): Case("ask", 200, 404, shows=True),
    ("PUT", "/v1/agents/{agent_id}"): Case("admin", 200, 200, ({"json": AGENT},)),
    ("DELETE", "/v1/agents/{agent_id}"): Case("admin", 204, 404),
    ("GET", "/v1/documents"): Case("ask", 200, 200, shows=True),
    ("POST", "/v1/documents"): Case(
        "admin", 200, 201, ({"files": {"file": (FILE[0], b"# Other\n\nText.")}},)
    ),
    ("GET", "/v1/documents/search"): Case("ask", 200, 200, ({"params": {"query": MARK}},), shows=True),
    ("GET", "/v1/documents/{document_id}"): Case("ask", 200, 404, shows=True),
    ("GET", "/v1/documents/{document_id}/passages"): Case("ask", 200, 404, shows=True),
    ("DELETE", "/v1/documents/{document_id}"): Case("admin", 204, 404),
    ("GET", "/v1/budgets"): Case("costs", 200, 200),
    ("GET", "/v1/budgets/{tenant_id}"): Case("costs", 200, 404),
    ("PUT", "/v1/budgets/{tenant_id}"): Case(
        "admin", 403, 403, ({"json": {"daily_dollars": "1"}},), for_tenants=False
    ),
    ("DELETE", "/v1/budgets/{tenant_id}"): Case("admin", 403, 403, for_tenants=False),
    ("GET", "/v1/limits"): Case("costs", 200, 200),
    ("PUT", "/v1/limits"): Case("admin", 403, 403, ({"json": LIMIT},), for_tenants=False),
    ("DELETE", "/v1/limits/{limit_id}"): Case("admin", 403, 403, for_tenants=False),
    ("GET", "/v1/organisations"): Case("admin", 403, 403, for_tenants=False),
    ("PUT", "/v1/organisations/{organisation_id}/tenants/{tenant_id}"): Case(
        "admin", 403, 403, for_tenants=False
    ),
    ("DELETE", "/v1/organisations/{organisation_id}/tenants/{tenant_id}"): Case(
        "admin", 403, 403, for_tenants=False
    ),
    ("DELETE", "/v1/cache"): Case("admin", 200, 422, ({"params": {"tenant_id": "acme"}},)),
    ("GET", "/v1/costs"): Case("costs", 200, 200, ({"params": {"group_by": "tenant,model"}},)),
    ("GET", "/v1/report"): Case("costs", 404, 404),  # nothing that makes one is handed in here
    ("GET", "/v1/keys"): Case("admin", 200, 200, shows=True),
    ("POST", "/v1/keys"): Case("admin", 201, 422, ({"json": {"tenant_id": "acme", "scopes": ["ask"]}},)),
    ("DELETE", "/v1/keys/{key_id}"): Case("admin", 200, 404),
    ("GET", "/v1/tools"): Case("admin", 200, 200),
    ("GET", "/v1/providers"): Case("admin", 403, 403, for_tenants=False),
    ("GET", "/v1/costs/forecast"): Case("costs", 200, 200),
    ("GET", "/v1/audit"): Case("admin", 200, 200),
    ("GET", "/v1/audit/export"): Case("admin", 200, 200, ({}, {"params": {"format": "csv"}})),
    ("GET", "/v1/retention"): Case("admin", 200, 200),
    ("POST", "/v1/erasures"): Case("admin", 200, 422, (PERSON,)),
    ("POST", "/v1/exports"): Case("admin", 200, 422, (PERSON,), shows=True),
    ("GET", "/v1/alerts"): Case("costs", 403, 403, for_tenants=False),
    ("POST", "/v1/alerts"): Case("costs", 403, 403, ({"json": ALERTS},), for_tenants=False),
    ("GET", "/v1/alerts/rules"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/v1/alerts/rules/{key}"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/v1/silences"): Case("costs", 403, 403, for_tenants=False),
    ("POST", "/v1/silences"): Case("admin", 403, 403, for_tenants=False),
    ("DELETE", "/v1/silences/{silence_id}"): Case("admin", 403, 403, for_tenants=False),
    ("GET", "/v1/dashboards"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/v1/dashboards/{uid}"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/v1/dashboards/{uid}/panels/{panel_id}/data"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/metrics"): Case("costs", 403, 403, for_tenants=False),
    ("GET", "/healthz"): Case(None, 200, 200),
    ("GET", "/readyz"): Case(None, 200, 200),
    ("GET", "/openapi.json"): Case(None, 200, 200),
    ("GET", "/"): Case(None, 200, 200),
    ("GET", "/docs"): Case(None, 200, 200),
    ("GET", "/runbooks/{alert}"): Case(None, 200, 200),
    **{("GET", path): Case(None, 200, 200) for path in CONSOLE_PAGES},
    **{("GET", f"{path}/{{rest:path}}"): Case(None, 200, 200) for path in CONSOLE_PAGES},
    ("MOUNT", "/console"): Case(None, 200, 200),
    ("MOUNT", "/page"): Case(None, 200, 200),
    ("MOUNT", "/swagger"): Case(None, 200, 200),
}

CLOSED = {route: case for route, case in CASES.items() if case.scope}

MAKING_LAST = sorted(CLOSED, key=lambda route: route[0] in ("PUT", "POST"))
"""The closed routes; those by which a tenant makes what the others would find."""


def operations(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """All methods and paths of a routing table, those of routers within it too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from operations(inner.routes)
        elif isinstance(route, Mount):
            yield "MOUNT", route.path
        else:
            yield from ((method, route.path) for method in route.methods - {"HEAD", "OPTIONS"})


def test_every_route_has_a_case() -> None:
    routes = [*create_app(settings=ServerSettings()).routes, *Administration({}).routes]
    assert set(operations(routes)) == set(CASES)


async def open_engine(service: Service) -> tuple[World, dict[str, str]]:
    ring = service.engine.keys
    ring._clock = lambda: ring._checked_at  # it stays open, although there is a key to try things with
    return World(service, {"X-Tenant-ID": "acme"}), {"X-Tenant-ID": "globex"}


async def keys_of_tenants(service: Service) -> tuple[World, dict[str, str]]:
    return World(service, await service.key("acme", "admin")), await service.key("globex", "admin")


async def key_and_the_others_name(service: Service) -> tuple[World, dict[str, str]]:
    world, other = await keys_of_tenants(service)
    return world, other | {"X-Tenant-ID": "acme"}


async def narrowed_key(service: Service) -> tuple[World, dict[str, str]]:
    key = await service.key(None, "admin")
    return World(service, key | {"X-Tenant-ID": "acme"}), key | {"X-Tenant-ID": "globex"}


@pytest.mark.parametrize("ways", [open_engine, keys_of_tenants, key_and_the_others_name, narrowed_key])
async def test_another_tenant_with_the_same_session_id_has_a_conversation_of_its_own(
    service: Service, ways: Callable
) -> None:
    world, foreign = await ways(service)
    before = await (await world.fill()).seen()
    body = asked("And then?", mode=4, session_id=world.session, tenant_id="globex")
    answer = await service.client.post("/v1/runs", json=body, headers=foreign)
    assert (answer.status_code, answer.json()["session_id"]) == (200, world.session), answer.text
    assert MARK not in answer.text
    assert await world.seen() == before


@pytest.mark.parametrize("ways", [open_engine, keys_of_tenants, key_and_the_others_name, narrowed_key])
async def test_another_tenant_sees_and_changes_nothing(
    service: Service, ways: Callable, subtests: pytest.Subtests
) -> None:
    world, foreign = await ways(service)
    before = await (await world.fill()).seen()
    for method, path in MAKING_LAST:
        case = CLOSED[method, path]
        with subtests.test(f"{method} {path}"):
            for request in case.requests:
                status, text = await world.send(method, path, request, foreign)
                assert status == case.foreign, text
                assert MARK not in text
            assert await world.seen() == before


@pytest.mark.parametrize("ways", [open_engine, keys_of_tenants, narrowed_key])
async def test_the_tenant_itself_reads(service: Service, ways: Callable) -> None:
    world, _ = await ways(service)
    await world.fill()
    reads = [route for route in CLOSED if route[0] == "GET"]
    assert reads
    assert [await unexpected_answers(world, *route) for route in reads] == [[]] * len(reads)


@pytest.mark.parametrize("ways", [open_engine, keys_of_tenants, narrowed_key])
@pytest.mark.parametrize(("method", "path"), [route for route in CLOSED if route[0] != "GET"])
async def test_the_tenant_itself_changes(service: Service, method: str, path: str, ways: Callable) -> None:
    world, _ = await ways(service)
    await world.fill()
    assert await unexpected_answers(world, method, path) == []


async def unexpected_answers(world: World, method: str, path: str) -> list[str]:
    """Send a route's requests as acme; return the answers that are not what the route's case has."""
    case, found = CLOSED[method, path], []
    for request in case.requests:
        status, text = await world.send(method, path, request, world.own)
        if status != case.own or (case.shows and MARK not in text):
            found.append(f"{method} {path}: {status} {text}")
    return found


async def test_each_route_asks_for_a_key_with_its_scope(service: Service, subtests: pytest.Subtests) -> None:
    world = await World(service, await service.key("acme", "admin")).fill()
    keys = {
        (scope, tenant): await service.key(tenant, scope) for scope in SCOPES for tenant in ("acme", None)
    }
    for (method, path), case in CLOSED.items():
        (request, *_) = case.requests
        with subtests.test(f"{method} {path}"):
            assert (await world.send(method, path, request, {}))[0] == 401
            for (scope, tenant), key in keys.items():
                status, _ = await world.send(method, path, request, key)
                allowed = (case.scope == ANY_SCOPE or scope in (case.scope, "admin")) and (
                    case.for_tenants or tenant is None
                )
                assert (status != 403) == allowed, (scope, tenant)
