"""Models through pydantic-ai: its own test models, and its OpenAI model against a local server."""

import asyncio
import sys
from contextlib import aclosing, asynccontextmanager

import pytest
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelTimeoutError,
    UserError,
)
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage
from tests.llm.wires.conftest import CHAT, WEIGH, WITH_TOOLS, collect, counted, reasoning, stopped, text, turn
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import SAID, TEXT, TOOLS, error, stream

from vital_shared.errors import ConfigurationError
from vital_shared.llm.base import (
    ModelError,
    ModelHeldBack,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.llm.configuration import Configuration, ProviderTable
from vital_shared.llm.providers import Providers
from vital_shared.llm.pydantic_ai import PydanticAIProvider
from vital_shared.llm.wires.base import ToolOutput, ToolTurn, UserTurn
from vital_shared.llm.wires.timing import Timeouts


def through(model, **given):
    return PydanticAIProvider("other", open_model=lambda _: model, **given)


def scripted(*pieces, seen=None):
    """Return a model that says these; an exception is raised, an event is waited for."""

    async def say(messages, info):
        if seen is not None:
            seen.append((messages, info))
        for piece in pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            elif isinstance(piece, Exception):
                raise piece
            else:
                yield piece

    return FunctionModel(stream_function=say)


THINKING = {0: DeltaThinkingPart(content="Hm. ", signature=None)}
SIGNED = {0: DeltaThinkingPart(content="So.", signature="c2lnbmVk")}
CALL = {1: DeltaToolCall(name="weigh", json_args='{"thing": ', tool_call_id="c1")}
REST = {1: DeltaToolCall(json_args='"the moon"}')}
MADE = ModelToolCall(id="c1", name="weigh", arguments={"thing": "the moon"})


async def test_text_and_usage_and_the_end():
    provider = through(scripted("It takes ", "42 days."))
    events = await collect(provider)
    assert text(events) == "It takes 42 days."
    assert next(event for event in events if isinstance(event, Usage)).output_tokens > 0
    assert stopped(events) == Stop(reason="end")
    await provider.aclose()
    assert text(await collect(provider)) == "It takes 42 days."  # and it may be used again


async def test_its_own_test_model_answers():
    assert text(await collect(through(TestModel(custom_output_text="42 days.")))) == "42 days."


async def test_a_tool_loop_gives_thoughts_back_with_their_signatures():
    events = await collect(through(scripted(THINKING, SIGNED, CALL, REST)), WITH_TOOLS)
    assert reasoning(events) == "Hm. So."
    assert [event for event in events if isinstance(event, ModelToolCall)] == [MADE]
    assert events[-1].reason == "tool_calls"
    said = ModelTurn.model_validate_json(turn(events).model_dump_json())  # as a checkpoint keeps it
    results = ToolTurn(outputs=(ToolOutput(id="c1", name="weigh", text="It broke.", failed=True),))
    seen = []
    again = WITH_TOOLS.model_copy(update={"turns": (*CHAT.turns, said, results), "may_call": False})
    await collect(through(scripted("12 kg.", seen=seen)), again)
    ((system, user, response, returned), info) = seen[0]
    assert (system.parts[0].content, user.parts[0].content) == ("Be brief.", "How long?")
    assert isinstance(response, ModelResponse)
    assert response.parts[0] == ThinkingPart("Hm. So.", signature="c2lnbmVk", provider_name="function")
    assert isinstance(response.parts[1], ToolCallPart)
    assert isinstance(returned.parts[0], ToolReturnPart)
    assert (returned.parts[0].content, returned.parts[0].outcome) == ("It broke.", "failed")
    assert info.model_settings["tool_choice"] == "none"


async def test_what_is_asked_for_reaches_the_model():
    seen = []
    schema = {"type": "object", "properties": {}}
    update = {"response_schema": schema, "temperature": 0.5, "options": {"seed": 7}}
    await collect(through(scripted("{}", seen=seen)), WITH_TOOLS.model_copy(update=update))
    info = seen[0][1]
    asked = {name: info.model_settings[name] for name in ("max_tokens", "temperature", "seed")}
    assert asked == {"max_tokens": 50, "temperature": 0.5, "seed": 7}
    assert (info.function_tools[0].name, info.function_tools[0].parameters_json_schema) == (
        "weigh",
        WEIGH.parameters,
    )
    assert info.model_request_parameters.output_object.json_schema == schema
    assert info.model_request_parameters.output_mode == "native"


async def test_turns_of_other_providers_are_written_anew():
    seen = []
    turns = (
        UserTurn(text="?"),
        ModelTurn(text="Hm.", calls=(MADE,), wire="gemini", native=[{}]),
        ModelTurn(),
    )
    await collect(through(scripted("x", seen=seen)), CHAT.model_copy(update={"turns": turns}))
    written = seen[0][0]
    assert len(written) == 3  # nothing of the empty turn
    assert [type(part) for part in written[2].parts] == [TextPart, ToolCallPart]


async def test_arguments_that_are_no_object_are_an_error():
    with pytest.raises(ModelUnavailable, match='tool "weigh" with arguments that are not a JSON object'):
        await collect(through(scripted(CALL)), WITH_TOOLS)


def http(status, **given):
    return ModelHTTPError(status, "m", {"error": {"message": "The reason."}}, **given)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (http(400), ModelRejected("", model="")),
        (http(429, headers={"Retry-After": "3"}), ModelRateLimited("", model="")),
        (http(500), ModelUnavailable("", model="")),
        (http(504), ModelTimeout("", model="")),
        (ModelRateLimitError("m", "x", body="The reason."), ModelRateLimited("", model="")),
        (ModelQuotaExceededError("m", "x", body={"Message": "The reason."}), ModelRejected("", model="")),
        (ModelAPIError("m", "x", body={"detail": "The reason."}), ModelUnavailable("", model="")),
        (ModelConnectionError("m", "The reason.", phase="connect"), ModelUnavailable("", model="")),
        (ContentFilterError("The reason."), ModelHeldBack("", model="", reason="content_filtered")),
        (UserError("The reason."), ModelRejected("", model="")),
        (ConnectionResetError("The reason."), ModelUnavailable("", model="")),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("before", [(), ("Half ",)])
async def test_every_error_is_one_of_ours(raised, expected, before):
    with pytest.raises(ModelError, match="The reason") as caught:
        await collect(through(scripted(*before, raised)))
    assert type(caught.value) is type(expected)
    assert caught.value.model == "other:test"
    if isinstance(caught.value, ModelRateLimited):
        assert caught.value.retry_after_seconds == raised.retry_after


@pytest.mark.parametrize(
    ("raised", "named"),
    [
        (http(503), "not available: status 503 (The reason.)."),
        (ModelOverloadedError("m", "x", body=["The reason."]), "not available (The reason.)."),
        (ModelServerError("m", "x", body={"error": {"message": None}}), "not available."),
        (ModelAPIError("m", "x", body=7), "not available."),
    ],
)
async def test_an_error_names_no_status_that_nobody_sent(raised, named):
    with pytest.raises(ModelUnavailable) as caught:
        await collect(through(scripted(raised)))
    assert caught.value.message.endswith(named)


class OwnError(Exception):
    """An error of some provider's client."""


@pytest.mark.parametrize(
    "raised",
    [
        KeyError("usage"),
        TypeError("'NoneType' object is not iterable"),
        OwnError(),
        ExceptionGroup("in a task group", [OwnError()]),
        RecursionError(),
        MemoryError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "no"),
        TimeoutError(),
    ],
    ids=lambda raised: type(raised).__name__,
)
@pytest.mark.parametrize("before", [(), ("Half ",)])
async def test_an_error_of_any_other_type_is_a_failed_call_too(raised, before, caplog):
    provider = through(scripted(*before, raised))
    with pytest.raises(ModelError) as caught:
        await collect(provider)
    assert (caught.value.model, provider.in_use) == ("other:test", 0)
    assert "model_call_failed" in caplog.text


async def test_a_client_that_cannot_be_opened_is_a_failed_call():
    def broken(name):
        raise OwnError(name)

    with pytest.raises(ModelError, match="OwnError"):
        await collect(PydanticAIProvider("other", open_model=broken))


class OddModel(TestModel):
    """A model whose answer has anything in its fields."""

    def __init__(self, **odd):
        super().__init__(custom_output_text="42 days.")
        self.odd = odd

    @asynccontextmanager
    async def request_stream(self, *args, **given):
        async with super().request_stream(*args, **given) as stream:
            get = stream.get

            def odd_get():
                response = get()
                for name, value in self.odd.items():
                    setattr(response, name, value)
                return response

            stream.get = odd_get
            yield stream


@pytest.mark.parametrize(
    ("finish", "own", "reason"),
    [
        ("stop", None, "end"),
        (None, {"finish_reason": "STOP"}, "end"),
        ("length", {"finish_reason": "MAX_TOKENS"}, "length"),
        ("content_filter", {"finish_reason": "SAFETY"}, "content_filter"),
        ("content_filter", {"finish_reason": ["odd"]}, "content_filter"),
        ("content_filter", {"finish_reason": "RECITATION"}, "recitation"),
        ("content_filter", {"finish_reason": "refusal"}, "refusal"),
        ("something_new", None, "end"),
    ],
)
async def test_reasons_of_the_end(finish, own, reason):
    events = await collect(through(OddModel(finish_reason=finish, provider_details=own)))
    assert (text(events), events[-1].reason) == ("42 days.", reason)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"input_tokens": -5, "output_tokens": 10**12}, Usage(corrected=True)),
        ({"input_tokens": "100", "output_tokens": 20.0}, Usage(input_tokens=100, output_tokens=20)),
        (
            {"input_tokens": 10, "cache_read_tokens": 70},
            Usage(input_tokens=10, cached_input_tokens=10, corrected=True),
        ),
        ({"input_tokens": None, "output_tokens": float("nan"), "details": None}, Usage(corrected=True)),
    ],
)
async def test_its_counts_are_checked_as_those_of_all_wires(counts, expected):
    usage = RequestUsage()
    for name, value in counts.items():
        setattr(usage, name, value)
    assert counted(await collect(through(OddModel(usage=usage)))) == [expected]


@pytest.mark.parametrize(("phase", "sent"), [("connect", False), ("pool", False), ("read", True)])
async def test_whether_a_late_call_was_sent_is_known(phase, sent):
    with pytest.raises(ModelTimeout) as caught:
        await collect(through(scripted(ModelTimeoutError("m", "x", phase=phase))))
    assert caught.value.sent is sent


async def test_what_is_said_of_a_wrong_key_is_not_repeated():
    with pytest.raises(ModelRejected, match="refused the key") as caught:
        await collect(through(scripted(ModelHTTPError(401, "m", {"message": "Wrong key: sk-secret"}))))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("pieces", "timeouts", "message"),
    [
        ((), Timeouts(connect=0.0, first_token=0.05), r"did not begin to answer within 0\.05 seconds"),
        (("Half ",), Timeouts(between_tokens=0.05), r"fell silent for 0\.05 seconds"),
        (("Half ",), Timeouts(total=0.05), r"not done within 0\.05 seconds"),
    ],
)
async def test_a_model_that_takes_too_long_is_late(pieces, timeouts, message):
    provider = through(scripted(*pieces, asyncio.Event()), timeouts=timeouts)
    with pytest.raises(ModelTimeout, match=message):
        await collect(provider)
    assert provider.in_use == 0


@pytest.fixture
async def openai(monkeypatch):
    """pydantic-ai's own OpenAI model, made as any provider's is: by its name and from the environment."""
    made = []

    def provider(server, **given):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        made.append(PydanticAIProvider("openai-chat", **given))
        return made[-1]

    yield provider
    for each in made:
        await each.aclose()


async def test_its_openai_model_reads_text_and_usage_from_a_real_stream(openai):
    async with serve(stream(TEXT)) as server:
        provider = openai(server)
        events = await collect(provider)
        await provider.aclose()
        assert text(await collect(provider)) == SAID  # and it may be used again
    assert text(events) == SAID
    assert counted(events) == [
        Usage(input_tokens=120, cached_input_tokens=100, output_tokens=30, reasoning_tokens=20)
    ]
    assert stopped(events) == Stop(reason="end", request_id="chatcmpl-1")
    sent = server.requests[0].body
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How long?"},
    ]


async def test_its_openai_model_asks_for_tools(openai):
    async with serve(stream(TOOLS)) as server:
        events = await collect(openai(server), WITH_TOOLS)
    assert [(call.name, call.arguments) for call in turn(events).calls] == [
        ("weigh", {"thing": "the moon"}),
        ("measure", {}),
    ]


async def test_its_openai_model_has_our_errors(openai):
    async with serve(error(429, headers={"Retry-After": "0"}), stream(TEXT)) as server:
        assert text(await collect(openai(server))) == SAID  # the client itself tries again
    async with serve(error(404, "No such model.")) as server:
        with pytest.raises(ModelRejected, match="No such model") as caught:
            await collect(openai(server))
    assert (caught.value.model, caught.value.request_id) == ("openai-chat:test", "req_openai_1")


async def test_a_real_stream_that_breaks_is_unavailable(openai):
    async with serve(stream([*TEXT[:3], ConnectionError])) as server:
        with pytest.raises(ModelUnavailable, match="broke off"):
            await collect(openai(server))


async def test_closing_it_midway_closes_the_connection(openai):
    async with serve(stream([*TEXT[:3], asyncio.Event()])) as server:
        provider = openai(server)
        async with aclosing(provider.stream("test", CHAT)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    assert provider.in_use == 1
                    break
        await asyncio.wait_for(server.closed.wait(), 5)
        assert provider.in_use == 0


def test_what_is_missing_is_reported_with_what_to_do(monkeypatch):
    with pytest.raises(
        ConfigurationError, match=r'"bedrock" need one more package.*pydantic-ai-slim\[bedrock\]'
    ):
        PydanticAIProvider("bedrock")
    with pytest.raises(ConfigurationError, match='know a provider "bedrok"'):
        PydanticAIProvider("bedrok")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        PydanticAIProvider("openai-chat")
    monkeypatch.setitem(sys.modules, "pydantic_ai.models", None)
    monkeypatch.delitem(sys.modules, "vital_shared.llm.pydantic_ai")
    providers = Providers(Configuration(providers={"bedrock": ProviderTable(wire="pydantic-ai")}), {})
    with pytest.raises(ConfigurationError, match=r'install "vital-engine\[pydantic-ai\]"'):
        providers.get("bedrock", "bedrock:nova")
