"""Webhooks: signed, sent to a real receiver at a run's end, retried, and never to where they may not go."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError
from tests.ai_engine.harness import Serve, Service, SteppedModel
from tests.ai_engine.test_background_runs import begin, stored
from tests.local_server import local_server

from ai_engine.settings import ServerSettings
from ai_engine.webhooks.destination import check_destination
from ai_engine.webhooks.engine_secrets import read_secrets
from ai_engine.webhooks.message import tenant_secret
from ai_engine.webhooks.sender import RETRY_SECONDS, WebhookSender
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.http.public_addresses import is_public
from vital_shared.http.public_resolver import PublicResolver
from vital_shared.store.webhook_deliveries import WebhookStore
from vital_shared.testing import CannedModel, counted

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
NEW_SECRET = "whsec_" + base64.b64encode(b"n" * 32).decode()
ALLOWED = {"webhook_secret": SecretStr(SECRET), "webhook_loopback": True}


@dataclass
class Receiver:
    """A receiver that answers with one status after another, and then with the last one."""

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.text()))
        self.arrived.set()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def receiving(*statuses: int, **headers: str) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses) or [200], headers)
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with local_server(app) as url:
        receiver.url = f"{url}/hook"
        yield receiver


async def delivery(service: Service, run_id: str, *statuses: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            (found,) = (await stored(service, run_id))["webhooks"]
            if found["status"] in statuses:
                return dict(found)
            await asyncio.sleep(0.05)


async def test_a_run_calls_its_webhook_at_its_end(serve: Serve):
    async with receiving() as receiver:
        service = await serve(settings=ALLOWED)
        with counted() as counters:
            run_id = await begin(service, headers={"Webhook-Url": receiver.url})
            delivered = await delivery(service, run_id, "delivered")
        ((headers, body),) = receiver.got
        message = Webhook(tenant_secret(b"s" * 32, "acme")).verify(body, headers)
    assert message["type"] == "run.completed"
    assert message["data"] == {
        "run_id": run_id,
        "tenant_id": "acme",
        "status": "completed",
        "error_type": None,
        "error_message": None,
    }
    assert headers["webhook-id"] == delivered["id"]
    assert counters("vital_webhook_attempts_total", outcome="delivered") == 1
    assert (delivered["attempts"], delivered["last_status"], delivered["url"]) == (1, 200, receiver.url)


async def test_no_other_tenants_secret_verifies_it(serve: Serve):
    async with receiving() as receiver:
        service = await serve(settings=ALLOWED)
        run_id = await begin(service, headers={"Webhook-Url": receiver.url})
        await delivery(service, run_id, "delivered")
        ((headers, body),) = receiver.got
    with pytest.raises(WebhookVerificationError):
        Webhook(tenant_secret(b"s" * 32, "globex")).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(tenant_secret(b"s" * 32, "acme")).verify(body.replace("completed", "cancelled"), headers)


async def test_an_older_secret_signs_too_while_it_is_replaced(serve: Serve):
    async with receiving() as receiver:
        both = ALLOWED | {"webhook_secret": SecretStr(f"{NEW_SECRET} {SECRET}")}
        service = await serve(settings=both)
        await delivery(service, await begin(service, headers={"Webhook-Url": receiver.url}), "delivered")
        ((headers, body),) = receiver.got
    for secret in (b"s" * 32, b"n" * 32):
        assert Webhook(tenant_secret(secret, "acme")).verify(body, headers)


async def test_a_failed_and_a_cancelled_run_say_so(serve: Serve, model: SteppedModel):
    broken = CannedModel(name="broken", error=RuntimeError("broken"))
    async with receiving() as receiver:
        service = await serve([model, broken], ALLOWED)
        hook = {"Webhook-Url": receiver.url}
        cancelled = await begin(service, model="stepped", headers=hook)
        await model.asked.wait()
        await service.client.delete(f"/v1/runs/{cancelled}")
        await delivery(service, cancelled, "delivered")
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["run.cancelled"]


async def sent(
    service: Service,
    receiver: Receiver,
    *,
    attempts: int,
    clock: Callable[[], datetime],
    retry: tuple[float, ...],
) -> WebhookStore:
    """Send what is due, at the times when it is."""
    store = WebhookStore(service.services.database)
    sender = WebhookSender(store, service.engine.settings, clock, retry_seconds=retry)
    for _ in range(attempts):
        async with asyncio.TaskGroup() as attempts_at_once:
            await sender._look(attempts_at_once)
    if sender._session is not None:  # otherwise nothing was due
        await sender._session.close()
    return store


async def test_it_is_retried_with_the_same_id_until_it_is_taken(serve: Serve):
    async with receiving(500, 302, 200) as receiver:
        service = await serve(settings=ALLOWED)
        engine_sender = {"Webhook-Url": receiver.url}
        run_id = await begin(service, headers=engine_sender)
        first = await delivery(service, run_id, "pending", "delivered")
        await receiver.arrived.wait()
        now = datetime.now(UTC)
        for hours in (1, 5):
            await sent(
                service,
                receiver,
                attempts=1,
                clock=lambda hours=hours: now + timedelta(hours=hours),
                retry=(5.0, 5.0, 5.0),
            )
        last = await delivery(service, run_id, "delivered")
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [first["id"]] * 3
    assert last["attempts"] == 3
    assert len({body for _, body in receiver.got}) == 1


@pytest.mark.thorough
async def test_a_receiver_that_is_away_for_an_hour_gets_it_afterwards(serve: Serve):
    async with receiving(503) as receiver:
        service = await serve(settings=ALLOWED)
        run_id = await begin(service, headers={"Webhook-Url": receiver.url})
        await delivery(service, run_id, "pending", "delivered")
        await receiver.arrived.wait()
        began = datetime.now(UTC)
        for minute in range(1, 61):
            now = began + timedelta(minutes=minute)
            await sent(service, receiver, attempts=1, clock=lambda now=now: now, retry=RETRY_SECONDS)
        assert 4 <= len(receiver.got) <= 5, "it is asked less and less often"
        receiver.statuses = [200]
        now = began + timedelta(hours=4)
        await sent(service, receiver, attempts=2, clock=lambda: now, retry=RETRY_SECONDS)
        last = await delivery(service, run_id, "delivered")
    assert last["attempts"] == len(receiver.got)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


async def test_a_receiver_that_is_gone_is_left_alone(serve: Serve):
    async with receiving(410) as receiver:
        service = await serve(settings=ALLOWED)
        run_id = await begin(service, headers={"Webhook-Url": receiver.url})
        failed = await delivery(service, run_id, "failed")
    assert (failed["attempts"], failed["last_status"]) == (1, 410)
    assert len(receiver.got) == 1


async def test_it_is_given_up_after_the_last_attempt(serve: Serve):
    async with receiving(500) as receiver:
        service = await serve(settings=ALLOWED)
        run_id = await begin(service, headers={"Webhook-Url": receiver.url})
        await receiver.arrived.wait()
        await delivery(service, run_id, "pending")
        now = datetime.now(UTC)
        await sent(service, receiver, attempts=1, clock=lambda: now + timedelta(days=1), retry=(1.0,))
        failed = await delivery(service, run_id, "failed")
    assert (failed["attempts"], failed["last_error"]) == (2, "The receiver answers 500.")


async def test_an_engine_without_a_secret_takes_no_webhook(serve: Serve):
    service = await serve()
    refused = await service.ask(
        headers={"Prefer": "respond-async", "Webhook-Url": "https://example.com/hook"}
    )
    assert refused.status_code == 422
    assert "VITAL_WEBHOOK_SECRET" in refused.json()["detail"]


PRIVATE = (
    "https://127.0.0.1/x",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[fec0::1]/",
    "https://[3fff::1]/",
    "https://192.0.0.192/opc/v2/instance",
    "https://168.63.129.16/machine",
    "https://localhost/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://0.0.0.0/",
    "http://example.com/",
    "ftp://example.com/",
    "https://ann:secret@example.com/",
    "https://example.com/#x",
    "https://exa mple.com/",
    "https://",
    "https://example.com:99999/",
    "//example.com",
    "https://example.com/" + "x" * 3_000,
)


@pytest.mark.parametrize("url", PRIVATE)
def test_what_may_not_be_called_is_refused(url: str):
    settings = ServerSettings(webhook_secret=SecretStr(SECRET))
    with pytest.raises(InvalidRequest, match="Webhook-Url"):
        check_destination(url, settings)


def test_configured_hosts_may_be_anywhere():
    settings = ServerSettings(webhook_secret=SecretStr(SECRET), webhook_hosts=("hooks.internal", "10.1.2.3"))
    for url in ("http://hooks.internal:8080/x", "http://10.1.2.3/x", "https://example.com/x"):
        assert check_destination(url, settings) == url


def test_hosts_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VITAL_WEBHOOK_HOSTS", "hooks.internal, other.internal")
    assert ServerSettings().webhook_hosts == ("hooks.internal", "other.internal")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_within_ipv6_is_judged_as_itself(address):
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert address.is_global or not is_public(str(address))


async def test_a_name_that_leads_within_the_network_is_not_called():
    resolver = PublicResolver(frozenset())
    with pytest.raises(OSError, match="no public address"):
        await resolver.resolve("localhost", 443)
    with pytest.raises(OSError, match="no public address"):
        await resolver.resolve("2130706433", 443)  # 127.0.0.1 as one number
    assert await PublicResolver(frozenset({"localhost"})).resolve("localhost", 443)


@pytest.mark.parametrize("text", ["geheim", "whsec_", "whsec_c2hvcnQ=", "whsec_???", f"{SECRET} other"])
def test_a_secret_of_another_form_is_refused_without_being_shown(text: str):
    with pytest.raises(ConfigurationError, match="VITAL_WEBHOOK_SECRET") as refusal:
        read_secrets(text)
    secret = text.removeprefix("whsec_")
    assert not secret or secret not in str(refusal.value)
