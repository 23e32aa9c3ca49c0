"""Each request has an id, and one line of log."""

import logging

import anthropic
import pytest
from tests.ai_engine.harness import Service


async def test_an_id_of_the_client_is_given_back(service: Service) -> None:
    response = await service.client.get("/healthz", headers={"X-Request-ID": "abc-1.2_3"})
    assert response.headers["x-request-id"] == "abc-1.2_3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "é"])
async def test_any_other_is_replaced(service: Service, given: str) -> None:
    response = await service.client.get("/healthz", headers={"X-Request-ID": given.encode()})
    assert len(response.headers["x-request-id"]) == 32


async def test_ids_differ_and_problems_have_one_too(service: Service) -> None:
    ids = {(await service.client.get("/nothing")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_anthropics_clients_are_given_the_id_where_they_look_for_it(service: Service) -> None:
    asked = {"max_tokens": 100, "messages": [{"role": "user", "content": "How long?"}]}
    named = {"X-Request-ID": "abc-1"}
    address = str(service.client.base_url)
    async with anthropic.AsyncAnthropic(api_key="unused", base_url=address, max_retries=0) as client:
        answer = await client.messages.create(model="mode-2/generalist", **asked, extra_headers=named)
        assert answer._request_id == "abc-1"
        with pytest.raises(anthropic.NotFoundError) as caught:
            await client.messages.create(model="nothing", **asked, extra_headers=named)
    assert caught.value.request_id == "abc-1"
    assert caught.value.body["request_id"] == "abc-1"


async def test_the_line_has_nothing_of_the_question(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await service.ask("Is this private?")
        await service.client.get("/v1/agents?note=hush")
    lines = [record.getMessage() for record in caplog.records if record.name == "ai_engine.asgi.access_log"]
    assert len(lines) == 2
    assert "/v1/agents" in lines[1]
    assert "private" not in caplog.text
    assert "hush" not in "".join(lines)
