"""OpenAI's own client against the engine."""

from collections.abc import AsyncIterator

import openai
import pytest
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel

from ai_engine.protocols.openai.response import ChunkWriter
from vital_shared import Pause, Workflow, node
from vital_shared.events.encoding import encode
from vital_shared.models.event import RunFailedEvent, RunStarted, Superseded, Token
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.testing import CannedModel

CANNED = "mode-2/canned"
QUESTION = [{"role": "user", "content": "How long does the review take?"}]


async def with_agents(service: Service) -> Service:
    agent = await service.services.agents.get("generalist", tenant_id=None)
    for name in ("canned", "stepped"):
        profile = agent.model_copy(update={"id": name, "model": name})
        await service.services.agents.save(profile, tenant_id=None)
    return service


@pytest.fixture
async def service(service: Service) -> Service:
    return await with_agents(service)


def client_of(service: Service, **options) -> openai.AsyncOpenAI:
    options = {"api_key": "any", "max_retries": 0} | options
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", **options)


@pytest.fixture
async def client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    async with client_of(service) as client:
        yield client


async def test_a_question_is_answered_with_annotations_and_usage(client, service) -> None:
    answer = await client.chat.completions.create(model=CANNED, messages=QUESTION, user="ann")
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "It takes 42 days [1].")
    assert (answer.object, answer.model, choice.finish_reason) == ("chat.completion", CANNED, "stop")
    (annotation,) = choice.message.annotations
    place = annotation.url_citation
    assert choice.message.content[place.start_index : place.end_index] == "[1]"
    assert place.url
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    run = await service.services.runs.get(answer.id, tenant_id="default", now=service.services.now())
    assert (run.user_id, run.mode) == ("ann", WorkflowMode.MODE_2)


async def test_a_stream_is_reported_word_by_word(client, service, model: SteppedModel) -> None:
    words = []
    stream = await client.chat.completions.create(model="mode-2/stepped", messages=QUESTION, stream=True)
    model.step()
    async for chunk in stream:
        assert chunk.object == "chat.completion.chunk"
        assert chunk.usage is None
        if text := chunk.choices[0].delta.content:
            words.append(text)
            model.step()
    assert words == ["one ", "two ", "three "]
    assert chunk.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("stop", "finish_reason"),
    [("length", "length"), ("content_filter", "content_filter"), ("refusal", "content_filter")],
)
async def test_an_answer_that_is_not_whole_has_its_finish_reason(serve: Serve, stop, finish_reason) -> None:
    service = await serve(models=[CannedModel("It takes", name="cut", stop=stop)])
    agent = await service.services.agents.get("generalist", tenant_id=None)
    await service.services.agents.save(agent.model_copy(update={"id": "cut", "model": "cut"}), tenant_id=None)
    async with client_of(service) as client:
        answer = await client.chat.completions.create(model="mode-2/cut", messages=QUESTION)
        stream = await client.chat.completions.create(model="mode-2/cut", messages=QUESTION, stream=True)
        reasons = [chunk.choices[0].finish_reason async for chunk in stream]
    assert answer.choices[0].finish_reason == finish_reason
    assert reasons[-1] == finish_reason
    assert set(reasons[:-1]) == {None}


async def test_a_stream_ends_with_annotations_and_with_usage_where_it_is_wanted(client) -> None:
    stream = await client.chat.completions.create(
        model=CANNED, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    reported = [chunk for chunk in chunks if chunk.choices]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in reported) == "It takes 42 days [1]."
    noted = [chunk.choices[0].delta for chunk in reported if hasattr(chunk.choices[0].delta, "annotations")]
    assert noted[0].annotations[0]["type"] == "url_citation"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


async def test_the_clients_helper_for_streams_understands_it(client) -> None:
    async with client.chat.completions.stream(model=CANNED, messages=QUESTION) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.content == "It takes 42 days [1]."


async def test_the_client_keeps_the_conversation(serve: Serve) -> None:
    canned = CannedModel("So it is.", name="noting")
    service = await serve([canned])
    agent = await service.services.agents.get("generalist", tenant_id=None)
    profile = agent.model_copy(update={"id": "noting", "model": "noting"})
    await service.services.agents.save(profile, tenant_id=None)
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How long does a 510(k) take?"},
        {"role": "assistant", "content": "90 days."},
        {"role": "user", "content": [{"type": "text", "text": "And for De Novo?"}]},
    ]
    async with client_of(service) as client:
        answer = await client.chat.completions.create(model="mode-4/noting", messages=messages)
        assert answer.choices[0].message.content
        said = [(each.role, each.content) for each in canned.requests[-1].history]
        assert said == [("user", "How long does a 510(k) take?"), ("assistant", "90 days.")]
        await client.chat.completions.create(model="mode-2/noting", messages=messages)
        assert canned.requests[-1].history == ()
    run = await service.services.runs.get(answer.id, tenant_id="default", now=service.services.now())
    assert run.input.session_id is None


async def test_a_run_that_waits_for_approval_says_so(client) -> None:
    messages = [{"role": "user", "content": SUM}]
    answer = await client.chat.completions.create(model="mode-1/canned", messages=messages)
    assert f"/v1/runs/{answer.id}/approval" in answer.choices[0].message.content
    stream = await client.chat.completions.create(model="mode-1/canned", messages=messages, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "calculator" in text


class Released(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> bool:
        raise Pause({"draft": query, "rest": "x" * 1_000})

    @node(pauses=True)
    async def price(self) -> int:
        raise Pause("The price in cents?")

    @node
    async def answer(self, verdict: bool, price: int) -> str:
        return f"{verdict} {price}"


@pytest.mark.parametrize("streams", [False, True])
async def test_a_run_of_an_own_workflow_that_waits_says_how_to_go_on(serve: Serve, streams: bool) -> None:
    service = await serve(workflows={"released": Released})
    async with client_of(service) as client:
        given = {"model": "released", "messages": [{"role": "user", "content": "The letter"}]}
        if streams:
            chunks = [chunk async for chunk in await client.chat.completions.create(**given, stream=True)]
            id_, text = chunks[0].id, "".join(each.choices[0].delta.content or "" for each in chunks)
        else:
            answer = await client.chat.completions.create(**given)
            id_, text = answer.id, answer.choices[0].message.content or ""
    assert 'verdict, about {"draft":"The letter"' in text
    assert "price, about The price in cents?" in text
    assert len(text) < 1_000
    body = f'POST /v1/runs/{id_}/resume with {{"answers": {{"verdict": …, "price": …}}}} goes on.'
    assert body in text
    done = await service.client.post(
        f"/v1/runs/{id_}/resume", json={"answers": {"verdict": True, "price": 5}}
    )
    assert done.json()["response"] == "True 5"


async def test_models_are_modes_and_agents(client) -> None:
    names = [model.id async for model in client.models.list()]
    assert {CANNED, "mode-4/generalist", "mode-1/stepped"} <= set(names)
    assert (await client.models.retrieve(CANNED)).id == CANNED
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("mode-2/nobody")


async def test_a_tenant_sees_its_own_models_alone(service, client) -> None:
    agent = await service.services.agents.get("generalist", tenant_id=None)
    await service.services.agents.save(agent.model_copy(update={"id": "secret"}), tenant_id="globex")
    keys = {name: await service.key(name, "ask") for name in ("acme", "globex")}
    for name, sees in (("acme", False), ("globex", True)):
        async with client_of(service, api_key=keys[name]["Authorization"].split()[1]) as own:
            names = [model.id async for model in own.models.list()]
            assert ("mode-2/secret" in names) is sees
            answer = await own.chat.completions.create(model=CANNED, messages=QUESTION)
            run = await service.services.runs.get(answer.id, tenant_id=name, now=service.services.now())
            assert run.tenant_id == name
    with pytest.raises(openai.AuthenticationError) as caught:
        await client.models.list()
    assert caught.value.type == "authentication_error"


@pytest.mark.parametrize(
    ("fields", "error", "param", "reported"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "model", "mode-2/generalist"),
        ({"model": "mode-2/nobody"}, openai.NotFoundError, "model", "nobody"),
        ({"messages": []}, openai.BadRequestError, "messages", "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "messages", "end"),
        ({"n": 2}, openai.BadRequestError, "n", "one answer"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            openai.BadRequestError,
            "tools",
            "agent's",
        ),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "response_format", "text"),
        (
            {"messages": [{"role": "user", "content": "x" * 10_001}]},
            openai.BadRequestError,
            "messages.0.content",
            "10,000",
        ),
    ],
)
async def test_what_cannot_be_is_said_as_openai_does(client, fields, error, param, reported) -> None:
    with pytest.raises(error) as caught:
        await client.chat.completions.create(**{"model": CANNED, "messages": QUESTION} | fields)
    assert caught.value.param == param
    assert reported in caught.value.message


def test_a_run_that_fails_is_an_error_in_a_stream_too() -> None:
    writer = ChunkWriter(CANNED, includes_usage=False)
    failed = RunFailedEvent(run_id="run_1", seq=2, error_type="model", message="The model is gone.")
    started = RunStarted(run_id="run_1", seq=1, mode=WorkflowMode.MODE_2)
    frames = writer(encode(started) + encode(failed))
    assert b'"error":{"message":"The model is gone."' in frames
    assert b'"code":"model"' in frames
    assert frames.endswith(b"data: [DONE]\n\n")


def superseded(from_seq: int, seq: int) -> bytes:
    return encode(Superseded(run_id="run_1", seq=seq, epoch=1, from_seq=from_seq))


def test_a_stream_whose_text_does_not_count_any_more_ends_with_an_error() -> None:
    writer = ChunkWriter(CANNED, includes_usage=False)
    began = encode(RunStarted(run_id="run_1", seq=1, mode=WorkflowMode.MODE_2))
    frames = writer(began + encode(Token(run_id="run_1", seq=2, text="Half a")))
    again = encode(Token(run_id="run_1", seq=4, epoch=1, text="Another answer"))
    frames += writer(superseded(2, 3) + again)
    assert frames.endswith(b"data: [DONE]\n\n")
    assert b'"code":"superseded"' in frames
    assert b"/v1/runs/run_1/events" in frames
    assert b"Another answer" not in frames
    assert writer.is_over


def test_a_takeover_before_any_text_does_not_show_in_a_stream() -> None:
    writer = ChunkWriter(CANNED, includes_usage=False)
    frames = writer(encode(RunStarted(run_id="run_1", seq=1, mode=WorkflowMode.MODE_2)))
    frames += writer(superseded(2, 3) + encode(Token(run_id="run_1", seq=4, epoch=1, text="An answer")))
    assert b"An answer" in frames
    assert b"error" not in frames


def test_a_stream_that_ends_before_its_run_ends_with_an_error() -> None:
    writer = ChunkWriter(CANNED, includes_usage=False)
    writer(encode(RunStarted(run_id="run_1", seq=1, mode=WorkflowMode.MODE_2)))
    assert writer.end().endswith(b"data: [DONE]\n\n")
    assert b'"code":"interrupted"' not in writer(b"")


def test_tokens_that_came_together_are_one_chunk() -> None:
    writer = ChunkWriter(CANNED, includes_usage=False)
    frames = b"".join(encode(Token(run_id="run_1", seq=seq, text=f"{seq} ")) for seq in range(1, 50))
    assert writer(frames).count(b"data: ") == 1
    assert writer(b": heartbeat\n") == b": heartbeat\n"
