"""The server: where it listens, how it stops, what it logs."""

import asyncio
import json
import signal
import socket
from contextlib import suppress

import httpx
import pytest
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked, sse
from tests.ai_engine.processes import running_server, start
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER
from tests.llm.wires.servers import base, openai
from tests.variants import sampled

from ai_engine.server import check_host, listen, serve
from ai_engine.settings import ServerSettings
from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings
from vital_shared.store.keys import KeyStore
from vital_shared.testing import workflow_services
from vital_shared.workflows import services

OTHERS = ("0.0.0.0", "192.168.1.1", "::", "example.com", "")


@pytest.mark.parametrize("host", OTHERS)
def test_without_keys_it_listens_on_loopback_alone(tmp_path, host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"`vital keys create`, or set VITAL_HOST to 127\.0\.0\.1"):
        serve(ServerSettings(host=host, port=0), Settings(data_dir=tmp_path))


@pytest.mark.parametrize("host", OTHERS)
async def test_with_a_key_it_may_listen_anywhere_until_the_last_is_revoked(tmp_path, host: str) -> None:
    library = Settings(data_dir=tmp_path)
    async with workflow_services(tmp_path) as services:
        keys = KeyStore(services.database)
        new = await keys.create(tenant_id="acme", scopes=("ask",), name="", now=services.now())
        await check_host(host, library)
        await keys.revoke(new.key.id, now=services.now())
        with pytest.raises(ConfigurationError):
            await check_host(host, library)


async def test_an_open_engine_says_so_at_its_start_and_one_with_keys_does_not(
    tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    async with workflow_services(tmp_path) as services:
        await check_host("127.0.0.1", Settings(data_dir=tmp_path))
        assert caplog.text.count("engine_open_without_keys") == 1
        keys = KeyStore(services.database)
        await keys.create(tenant_id="acme", scopes=("ask",), name="", now=services.now())
        await check_host("127.0.0.1", Settings(data_dir=tmp_path))
    assert caplog.text.count("engine_open_without_keys") == 1


async def test_a_process_on_all_addresses_asks_for_its_key(tmp_path) -> None:
    async with workflow_services(tmp_path) as services:
        new = await KeyStore(services.database).create(
            tenant_id="acme", scopes=("ask",), name="", now=services.now()
        )
    async with running_server(tmp_path, VITAL_HOST="0.0.0.0") as (_, client):
        assert (await client.get("/healthz", headers={"Host": "vital.example"})).status_code == 200
        assert (await client.get("/v1/agents")).status_code == 401
        bearer = {"Authorization": f"Bearer {new.token}", "Host": "vital.example"}
        assert (await client.get("/v1/agents", headers=bearer)).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_has_many_names(host: str) -> None:
    with listen(ServerSettings(host=host, port=0)) as listener:
        assert listener.getsockname()[0].startswith("127.")


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} of 127.* cannot be taken .*VITAL_PORT"):
            listen(ServerSettings(port=port))


def test_no_answer_waits_for_an_acknowledgement_of_its_headers() -> None:
    with (
        listen(ServerSettings(port=0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_PORT", "8123")
    monkeypatch.setenv("VITAL_GRACE_SECONDS", "2.5")
    settings = ServerSettings()
    assert (settings.host, settings.port, settings.grace_seconds) == ("127.0.0.1", 8123, 2.5)


async def test_a_stop_with_an_open_stream_ends_it_and_says_that_the_engine_shuts_down(
    service: Service, model: SteppedModel
) -> None:
    async with service.stream(json=asked(model="stepped")) as events:
        first = await anext(events)
        await model.asked.wait()
        await asyncio.wait_for(service.stop(), 30)
        rest = [event async for event in events]
    assert (rest[-1]["type"], rest[-1]["error_type"]) == ("run_failed", "shutting_down")
    assert model.closed.is_set()
    record = await service.services.runs.get(first["run_id"], tenant_id=None)
    assert (record.status, record.error_type) == ("failed", "shutting_down")


async def test_who_waits_for_json_when_it_stops_is_asked_to_come_again(
    service: Service, model: SteppedModel
) -> None:
    waiting = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    await service.stop()
    response = await waiting
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "shutting down" in response.json()["detail"]


@pytest.mark.parametrize("number", sampled([signal.SIGTERM, signal.SIGINT], 2))
async def test_a_signal_stops_the_process_in_good_order(tmp_path, number: signal.Signals) -> None:
    process = await start(tmp_path, VITAL_PORT="0")
    assert process.stderr is not None
    lines = []
    while True:
        lines.append(json.loads(await process.stderr.readline()))
        if "url" in lines[-1]:
            break
    body = asked("Is this private?", model=None)
    async with httpx.AsyncClient(base_url=lines[-1]["url"], timeout=60) as client:
        response = await client.post("/v1/runs?secret=1", json=body, headers={"X-Request-ID": "abc-1"})
        assert response.status_code == 200
        process.send_signal(number)
        _, rest = await process.communicate()
    assert process.returncode == 0
    log = [json.loads(line) for line in rest.decode().splitlines()]
    (line,) = [each for each in log if each["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/runs", 200)
    assert (line["request_id"], line["level"]) == ("abc-1", "info")
    assert line["milliseconds"] > 0
    assert "private" not in rest.decode()
    assert "secret" not in rest.decode()


async def test_a_run_may_end_while_the_engine_shuts_down_and_no_other_begins(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"shutdown_seconds": 60})
    async with service.stream(json=asked(model="stepped")) as events:
        await anext(events)
        await model.asked.wait()
        stopping = asyncio.create_task(service.stop())
        await wait_until_draining(service)
        refused = await service.ask()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "shutting down" in refused.json()["detail"]
        ready = await service.client.get("/readyz")
        assert (ready.status_code, ready.json()["missing"][0]) == (503, "the engine is shutting down")
        assert (await service.client.get("/healthz")).status_code == 200
        model.finish()
        rest = [event async for event in events]
    assert rest[-1]["type"] == "run_finished"
    await asyncio.wait_for(stopping, 30)


async def test_the_second_request_to_stop_does_not_wait_for_runs(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"shutdown_seconds": 3_600})
    waiting = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    stopping = asyncio.create_task(service.stop())
    await wait_until_draining(service)
    assert not waiting.done()
    service.server.stops.second.set()
    response = await waiting
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    await asyncio.wait_for(stopping, 30)


async def wait_until_draining(service: Service) -> None:
    while not service.engine.hub.stopping:  # noqa: ASYNC110 - seen by its requests alone
        await asyncio.sleep(0.01)


@pytest.mark.thorough
@pytest.mark.parametrize("workers", sampled(["2", "1"], 2))
async def test_sigterm_lets_a_stream_finish_and_a_second_one_ends_it(tmp_path, workers: str) -> None:
    for signals in (1, 2):
        gate = asyncio.Event()
        async with base.serve(openai.stream([*openai.TEXT[:3], gate, *openai.TEXT[3:]])) as upstream:
            (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
            settings = {"VITAL_WORKERS": workers, "VITAL_SHUTDOWN_SECONDS": "60"}
            async with running_server(tmp_path, **settings) as (process, client):
                body = asked(model="slow:model", enable_rag=False, enable_tools=False)
                headers = {"Accept": "text/event-stream"}
                async with client.stream("POST", "/v1/runs", json=body, headers=headers) as response:
                    events = sse(response)
                    await anext(events)
                    await upstream.asked.wait()
                    process.send_signal(signal.SIGTERM)
                    if signals == 1:
                        await until_not_ready(client)
                        gate.set()
                    else:
                        await asyncio.sleep(0.5)  # the two are one, if nothing has seen the first
                        process.send_signal(signal.SIGTERM)
                    last = [event async for event in events][-1]
                if signals == 1:
                    assert last["type"] == "run_finished"
                else:
                    assert (last["type"], last["error_type"]) == ("run_failed", "shutting_down")
                await asyncio.wait_for(process.wait(), 30)
                assert process.returncode == 0


async def until_not_ready(client: httpx.AsyncClient) -> None:
    """Ask until it is leaving; a worker without runs goes at once, also with a connection just opened to it."""
    status = 200
    while status != 503:
        with suppress(httpx.RemoteProtocolError, httpx.ReadError):
            status = (await client.get("/readyz")).status_code


def test_several_workers_without_a_redis_are_refused_in_one_sentence(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"2 workers need a Redis or Valkey.*VITAL_REDIS_URL"):
        serve(ServerSettings(port=0, workers=2), Settings(data_dir=tmp_path))


def test_several_workers_without_the_package_for_redis_are_refused_before_any_is_started(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(services, "find_spec", lambda _: None)
    library = Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=r"pip install 'vital-engine\[redis\]'"):
        serve(ServerSettings(port=0, workers=2), library)
