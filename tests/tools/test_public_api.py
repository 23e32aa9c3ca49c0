"""Public services are asked politely, and what they send is bounded."""

import asyncio

import pytest
from aiohttp import web
from tests.tools.public import api_to, serve

from vital_shared.tools import public_api, public_connection
from vital_shared.tools.base import ToolError
from vital_shared.tools.public_api import PublicApi


async def test_it_says_who_asks_and_sends_its_key_with_each_request():
    async with api_to({"/x": b"yes"}, contact="ops@example.org", secrets={"api_key": "s3cret"}) as (
        api,
        service,
    ):
        assert await api.get("/x", q="a b") == b"yes"
    (request,) = service.requests
    assert request.headers["User-Agent"].startswith("VITAL/")
    assert "ops@example.org" in request.headers["User-Agent"]
    assert request.query == {"q": "a b", "api_key": "s3cret"}


async def test_the_same_is_asked_once_until_it_is_old():
    async with api_to({"/x": [b"one", b"two"]}) as (api, service):
        assert [await api.get("/x", q=1), await api.get("/x", q=1)] == [b"one", b"one"]
        api.time.now += public_api.RESPONSE_LIFETIME_SECONDS + 1
        assert await api.get("/x", q=1) == b"two"
    assert len(service.requests) == 2


async def test_of_many_who_ask_the_same_at_once_one_asks():
    gate = asyncio.Event()

    async def slow(_request):
        await gate.wait()
        return b"yes"

    async with api_to({"/x": slow}) as (api, service):
        asking = [asyncio.create_task(api.get("/x", q=1)) for _ in range(10)]
        await asyncio.sleep(0.05)
        asking[0].cancel()  # the first one goes: another one asks instead
        gate.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
    assert answers[1:] == [b"yes"] * 9
    assert len(service.requests) <= 2


async def test_no_more_than_so_many_a_second():
    async with api_to({"/x": b"yes"}, per_second=4) as (api, _):
        for number in range(4):
            await api.get("/x", q=number)
        assert api.time.slept == [0.25, 0.25, 0.25]


async def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(public_api, "MAX_CACHED_RESPONSES", 2)
    async with api_to({"/x": b"yes"}) as (api, _):
        for number in range(5):
            await api.get("/x", q=number)
        assert len(api._kept) == 2


async def test_nothing_there_is_no_error():
    async with api_to({}) as (api, _):
        assert await api.get("/none") is None


async def test_it_waits_as_it_is_reported_and_asks_again():
    busy = web.Response(status=429, headers={"Retry-After": "3"})
    async with api_to({"/x": [busy, web.Response(status=503), b"yes"]}) as (api, _):
        assert await api.get("/x") == b"yes"
        assert api.time.slept[0] == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=400),
        web.Response(status=429, headers={"Retry-After": "600"}),
        web.Response(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        web.Response(status=302, headers={"Location": "/x"}),
        web.Response(body=b"x" * 100),
    ],
)
async def test_what_goes_wrong_is_one_sentence_without_the_key(answer, monkeypatch):
    monkeypatch.setattr(public_connection, "MAX_BYTES", 50)
    async with api_to({"/x": answer}, secrets={"api_key": "s3cret"}) as (api, _):
        with pytest.raises(ToolError, match="The service") as caught:
            await api.get("/x")
    assert "s3cret" not in str(caught.value)


async def test_a_netrc_is_not_read_and_a_service_on_this_machine_is_asked_directly(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password very-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with api_to({"/x": b"yes"}) as (api, service):
        assert await api.get("/x") == b"yes"
    assert "Authorization" not in service.requests[0].headers


async def test_nobody_there_is_reported_without_the_address():
    async with serve({}) as service:
        pass
    api = PublicApi("The service", service.url, per_second=10, secrets={"api_key": "s3cret"})
    with pytest.raises(ToolError, match="cannot be reached") as caught:
        await api.get("/x")
    await api.aclose()
    assert "s3cret" not in str(caught.value)
