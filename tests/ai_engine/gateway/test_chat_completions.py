"""Models behind a provider, asked by OpenAI's own client."""

import asyncio
import json
from pathlib import Path

import httpx
import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import KEY, OpenGateway
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

HELLO = [{"role": "user", "content": "Hello?"}]

WHOLE = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": "m-2026-01-01",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "It takes 42 days.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": protocol.USAGE,
    "service_tier": "default",
    "an_extension": {"of": "theirs"},
}

COST_NANOS = 20 * 10_000 + 100 * 1_000 + 30 * 30_000
"""20 tokens read at $10 a million, 100 cached ones at $1, 30 written at $30."""


def whole(**changes) -> Reply:
    return Reply([orjson.dumps(WHOLE | changes)], headers=protocol.HEADERS, content_type="application/json")


async def test_a_whole_answer_comes_as_the_provider_wrote_it(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        answer = await given.client.chat.completions.create(model="mine:m", messages=HELLO, user="ann")
        assert answer.model_dump(exclude_unset=True) == WHOLE
        assert given.sent == {"model": "m", "messages": HELLO, "user": "ann"}
        assert given.provider.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
        assert await given.charges() == [("default", "ann", "mine:m", 120, 30, COST_NANOS, "success")]


async def test_a_stream_comes_as_the_provider_wrote_it(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == protocol.SAID
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert chunks[0].system_fingerprint == "fp_1"
        assert given.sent["stream_options"] == {"include_usage": True}
        await given.service.engine.hub.drained()
        assert [row[5] for row in await given.charges()] == [COST_NANOS]


async def test_usage_is_shown_to_those_who_ask_for_it(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        stream = await given.client.chat.completions.create(
            model="mine:m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        *_, last = [chunk async for chunk in stream]
        assert (last.choices, last.usage.total_tokens) == ([], 150)


async def test_every_field_is_passed_on(gateway: OpenGateway) -> None:
    fields = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                ],
            },
        ],
        "temperature": 0.2,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "logprobs": True,
        "top_logprobs": 2,
        "n": 2,
        "presence_penalty": 0.5,
        "max_completion_tokens": 50,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "tools": [{"type": "function", "function": {"name": "weigh", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "store": False,
        "metadata": {"a": "b"},
    }
    async with gateway(whole()) as given:
        await given.client.chat.completions.create(
            model="mine:m", extra_body={"top_k": 4, "x_theirs": {"deep": [1, None]}}, **fields
        )
        assert given.sent == fields | {"model": "m", "top_k": 4, "x_theirs": {"deep": [1, None]}}


async def test_tool_calls_are_streamed_as_they_come(gateway: OpenGateway) -> None:
    gate = asyncio.Event()
    parts = [*protocol.TOOLS[:3], gate, *protocol.TOOLS[3:]]
    async with gateway(protocol.stream(parts)) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        chunks = [await anext(aiter(stream)) for _ in range(3)]
        assert chunks[1].choices[0].delta.tool_calls[0].function.name == "weigh"
        gate.set()
        chunks += [chunk async for chunk in stream]
        assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("name", ["mine:m", "mine/m", "m"])
async def test_a_model_is_found_by_each_of_its_names(gateway: OpenGateway, name: str) -> None:
    async with gateway(whole()) as given:
        answer = await given.client.chat.completions.create(model=name, messages=HELLO)
        assert (answer.model, given.sent["model"]) == ("m-2026-01-01", "m")


async def test_a_call_is_a_run_of_one_node_without_its_prompt(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        raw = await given.client.chat.completions.with_raw_response.create(
            model="mine:m", messages=[{"role": "user", "content": "A secret word: heliotrope."}]
        )
        (run,) = await given.runs()
        assert run["id"] == raw.headers["X-Vital-Run-Id"]
        assert (run["status"], run["workflow"], run["model"]) == ("completed", "gateway", "mine:m")
        shown = (await given.service.client.get(f"/v1/runs/{run['id']}")).text
        assert "heliotrope" not in shown
        assert "42 days" not in shown
        (node,) = json.loads(shown)["output"]["timings"]["nodes"]
        assert (node["node"], node["status"]) == ("answer", "success")
        metrics = (await given.service.client.get("/metrics")).text
        assert 'workflow="gateway"' in metrics


async def test_the_providers_refusal_of_a_request_is_passed_on(gateway: OpenGateway) -> None:
    refusal = protocol.error(400, "The context is too long.", code="context_length_exceeded")
    async with gateway(refusal) as given:
        with pytest.raises(openai.BadRequestError) as raised:
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert (raised.value.code, raised.value.type) == ("context_length_exceeded", "invalid_request_error")
        assert "The context is too long." in raised.value.message
        (run,) = await given.runs()
        assert run["status"] == "failed"


async def test_a_refused_key_of_the_operator_is_no_refusal_of_the_clients(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(401, f"Wrong key {KEY}")) as given:
        with pytest.raises(openai.InternalServerError) as raised:
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert raised.value.status_code == 502
        assert KEY not in str(raised.value)


async def test_a_provider_that_is_asked_too_often_is_a_429_with_its_time(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(429, "Slow down.", headers={"Retry-After": "77"})) as given:
        with pytest.raises(openai.RateLimitError) as raised:
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert raised.value.response.headers["Retry-After"] == "77"


async def test_what_is_worth_it_is_tried_again(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(503, "Overloaded."), protocol.stream(protocol.TEXT)) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert (text, len(given.provider.requests)) == (protocol.SAID, 2)


async def test_a_stream_that_breaks_off_ends_with_an_error_and_done(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream([*protocol.TEXT[:3], ConnectionError])) as given:
        body = {"model": "mine:m", "messages": HELLO, "stream": True}
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        *_, error, done, rest = answer.text.split("\n\n")
        assert "broke off" in json.loads(error.removeprefix("data: "))["error"]["message"]
        assert (done, rest) == ("data: [DONE]", "")
        (charge,) = await given.charges()
        assert charge[-1] == "failed"
        assert charge[5] > 0


async def test_the_provider_is_let_go_when_the_client_goes(gateway: OpenGateway) -> None:
    never = asyncio.Event()
    async with gateway(protocol.stream([*protocol.TEXT[:3], never])) as given:
        body = {"model": "mine:m", "messages": HELLO, "stream": True}
        async with given.service.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            await anext(answer.aiter_lines())
        await asyncio.wait_for(given.provider.closed.wait(), 20)
        while not (charges := await given.charges()):  # noqa: ASYNC110 - the end of a run is not signalled
            await asyncio.sleep(0.01)
        assert charges[0][-1] == "cancelled"


async def test_a_client_that_goes_before_the_answer_ends_the_call(gateway: OpenGateway) -> None:
    never = asyncio.Event()
    async with gateway(Reply([never], content_type="application/json")) as given:
        body = {"model": "mine:m", "messages": HELLO}
        asking = asyncio.create_task(given.service.client.post("/v1/chat/completions", json=body))
        await asyncio.wait_for(given.provider.asked.wait(), 20)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(given.provider.closed.wait(), 20)
        while not (charges := await given.charges()):  # noqa: ASYNC110 - the end of a run is not signalled
            await asyncio.sleep(0.01)
        assert [charge[-1] for charge in charges] == ["cancelled"]


async def test_a_used_up_budget_refuses_before_the_provider_is_asked(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        limits = {"daily_dollars": "0.0001"}
        headers = {"X-Tenant-ID": "acme"}
        put = await given.service.client.put("/v1/budgets/acme", json=limits)
        assert put.status_code == 200, put.text
        with pytest.raises(openai.APIStatusError) as raised:
            await given.client.chat.completions.create(
                model="mine:m", messages=HELLO, max_tokens=1_000_000, extra_headers=headers
            )
        assert raised.value.status_code == 402
        assert given.provider.requests == []


async def test_tenants_pay_for_their_own_calls(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for tenant in ("acme", "globex"):
            await given.client.chat.completions.create(
                model="mine:m", messages=HELLO, extra_headers={"X-Tenant-ID": tenant}
            )
        assert [row[0] for row in await given.charges()] == ["acme", "globex"]


async def test_a_key_may_name_the_models_of_its_tenant_alone(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        headers = await given.service.key("acme", "ask")
        token = headers["Authorization"].removeprefix("Bearer ")
        async with openai.AsyncOpenAI(base_url=given.client.base_url, api_key=token, max_retries=0) as client:
            with pytest.raises(openai.PermissionDeniedError):
                await client.chat.completions.create(model="mine:m", messages=HELLO)
        assert given.provider.requests == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream": "yes"}, "stream"),
        ({"n": 0}, "n"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_completion_tokens": True}, "max_completion_tokens"),
    ],
)
async def test_a_field_that_cannot_be_read_is_named(gateway: OpenGateway, fields, param: str) -> None:
    async with gateway(whole()) as given:
        body = {"model": "mine:m", "messages": HELLO} | fields
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert given.provider.requests == []


async def test_a_model_that_is_not_there_is_a_404_of_openais(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        with pytest.raises(openai.NotFoundError) as raised:
            await given.client.chat.completions.create(model="nobody:m", messages=HELLO)
        assert raised.value.code == "model_not_found"


async def test_calls_at_the_same_time_do_not_mix(gateway: OpenGateway) -> None:
    def reply(request) -> Reply:
        said = request.body["messages"][0]["content"]
        choices = [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]
        return whole(choices=choices)

    async with gateway(reply) as given:

        async def ask(number: int) -> bool:
            words = f"number {number}"
            answer = await given.client.chat.completions.create(
                model="mine:m", messages=[{"role": "user", "content": words}]
            )
            return answer.choices[0].message.content == words

        assert all(await asyncio.gather(*map(ask, range(40))))
        assert len(await given.charges()) == 40


async def test_an_event_stream_has_the_headers_of_one(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        body = {"model": "mine:m", "messages": HELLO, "stream": True}
        answer: httpx.Response = await given.service.client.post("/v1/chat/completions", json=body)
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.text.endswith("data: [DONE]\n\n")
        assert answer.text.count("[DONE]") == 1


async def test_a_budget_is_never_overspent_and_refuses_nothing_that_fits(gateway: OpenGateway) -> None:
    """Each call is bound by its prompt and its longest answer; what is unspent and unreserved is given out."""
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    async with gateway(whole(usage=usage)) as given:
        put = await given.service.client.put("/v1/budgets/acme", json={"daily_dollars": "0.02"})
        assert put.status_code == 200, put.text

        async def ask() -> int:
            body = {"model": "mine:m", "messages": HELLO, "max_tokens": 10}
            headers = {"X-Tenant-ID": "acme"}
            answer = await given.service.client.post("/v1/chat/completions", json=body, headers=headers)
            return answer.status_code

        statuses = await asyncio.gather(*[ask() for _ in range(100)])
        assert set(statuses) == {200, 402}
        spent = sum(row[5] for row in await given.charges())
        assert spent == statuses.count(200) * 400_000
        assert spent <= 20_000_000
        while await ask() == 200:
            spent += 400_000
        assert 20_000_000 - spent < 2_000_000  # less is left than the next call might cost


async def test_the_example_of_the_page_runs(gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs/gateway.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    async with gateway(whole()) as given:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{given.provider.url}/v1")
        here = example.replace("http://127.0.0.1:8000/v1", str(given.client.base_url))
        said: list[str] = []
        await asyncio.to_thread(exec, here, {"print": said.append})
        assert said == ["It takes 42 days."]
        assert given.sent["model"] == "gpt-5"


async def test_models_are_listed_and_shown_beside_workflows(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        names = [model.id async for model in given.client.models.list()]
        assert {"mode-2/generalist", "mine:m", "mine:embedder"} <= set(names)
        assert (await given.client.models.retrieve("mine:m")).id == "mine:m"


async def test_a_route_asks_the_next_deployment_where_one_fails(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(404, "No."), whole()) as given:
        answer = await given.client.chat.completions.create(model="fast", messages=HELLO)
        assert answer.choices[0].message.content == "It takes 42 days."
        metrics = (await given.service.client.get("/metrics")).text
        assert 'vital_deployment_calls_total{deployment="mine:a",status="failed"' in metrics


async def test_a_whole_answer_of_many_megabytes_comes(gateway: OpenGateway) -> None:
    sound = {"id": "audio_1", "data": "UklGRg" * 700_000, "expires_at": 1, "transcript": "Hello."}
    message = {"role": "assistant", "content": None, "audio": sound}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    async with gateway(whole(choices=choices)) as given:
        answer = await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert answer.choices[0].message.audio.data == sound["data"]


async def test_calls_with_one_idempotency_key_are_calls_of_their_own(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        for words in ("One?", "Two?"):
            answer = await given.client.chat.completions.create(
                model="mine:m",
                messages=[{"role": "user", "content": words}],
                extra_headers={"Idempotency-Key": "same"},
            )
            assert answer.choices[0].message.content == "It takes 42 days."
        asked = [request.body["messages"][0]["content"] for request in given.provider.requests]
        assert asked == ["One?", "Two?"]


@pytest.mark.parametrize(("model", "field"), [("gpt-5", "max_completion_tokens"), ("m", "max_tokens")])
async def test_a_call_within_a_budget_is_bound_by_the_field_that_its_model_knows(
    gateway: OpenGateway, model: str, field: str
) -> None:
    price = 'price = { input = "10", output = "30" }'
    async with gateway(whole(), more=f'[models."mine:gpt-5"]\n{price}\n') as given:
        put = await given.service.client.put("/v1/budgets/acme", json={"daily_dollars": "5"})
        assert put.status_code == 200, put.text
        await given.client.chat.completions.create(
            model=f"mine:{model}", messages=HELLO, extra_headers={"X-Tenant-ID": "acme"}
        )
        assert given.sent[field] == 4_096


async def test_a_whole_number_may_be_written_with_a_point(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        body = {"model": "mine:m", "messages": HELLO, "max_tokens": 10.0, "n": 1.0}
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        assert given.sent["max_tokens"] == 10
