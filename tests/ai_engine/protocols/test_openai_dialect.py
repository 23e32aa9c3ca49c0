"""What chat clients send, and how they are refused: in their dialect, by the names of their fields."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ai_engine.harness import Serve, Service

from ai_engine.conversation import MAX_EARLIER_CHARACTERS, ChatMessage, read_conversation
from vital_shared.errors import InvalidRequest
from vital_shared.testing import CannedModel

MODEL = "mode-4/noting"
QUESTION = {"role": "user", "content": "How long does the review take?"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "file-1"}}
UNKNOWN = {"type": "hologram", "hologram": {}}


@pytest.fixture
def noting() -> CannedModel:
    return CannedModel("So it is.", name="noting")


@pytest.fixture
async def service(serve: Serve, noting: CannedModel) -> Service:
    service = await serve([noting])
    agent = await service.services.agents.get("generalist", tenant_id=None)
    profile = agent.model_copy(update={"id": "noting", "model": "noting"})
    await service.services.agents.save(profile, tenant_id=None)
    return service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"http://127.0.0.1:{service.port}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
        yield client


async def post(service: Service, **fields: Any) -> httpx.Response:
    return await service.client.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": [QUESTION]} | fields
    )


def error_of(response: httpx.Response) -> dict[str, Any]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


OPTIONAL = [
    *("stream", "stream_options", "user", "n", "tools", "tool_choice", "functions", "response_format"),
    *(
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "logit_bias",
        "seed",
        "logprobs",
    ),
    *("presence_penalty", "frequency_penalty", "parallel_tool_calls", "metadata", "store", "modalities"),
]


@pytest.mark.parametrize("field", OPTIONAL)
async def test_null_is_as_left_out(service: Service, field: str) -> None:
    assert (await post(service, **{field: None})).status_code == 200


async def test_null_within_a_message_is_as_left_out(service: Service) -> None:
    message = QUESTION | {"name": None, "tool_calls": None, "refusal": None, "audio": None}
    assert (await post(service, messages=[message])).status_code == 200
    assert (await post(service, stream=True, stream_options={"include_usage": None})).status_code == 200


@pytest.mark.parametrize(
    "user", ["Ann Example", "ann@example.com", "日本", "x" * 5000, "a\nb", "-", "", "  ", 7, {"id": "ann"}]
)
async def test_a_user_may_have_any_name(service: Service, user: Any) -> None:
    runs = [(await post(service, user=user)).json()["id"] for _ in range(2)]
    services = service.services
    ids = {(await services.runs.get(run, tenant_id="default", now=services.now())).user_id for run in runs}
    assert len(ids) == 1


async def test_users_are_distinguished(service: Service) -> None:
    services, ids = service.services, set()
    for user in ("Ann Example", "Ann  Example", "Bob Example", "x" * 5000, "x" * 5001):
        run = (await post(service, user=user)).json()["id"]
        ids.add((await services.runs.get(run, tenant_id="default", now=services.now())).user_id)
    assert len(ids) == 5


BODIES: dict[str, dict[str, Any]] = {
    "Open WebUI": {
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "Be brief."}, QUESTION],
        "params": {},
        "tool_servers": [],
        "features": {"image_generation": False, "web_search": False},
        "chat_id": "local:1",
        "session_id": "s/1",
        "background_tasks": {"title_generation": True},
    },
    "LangChain": {
        "messages": [{"content": QUESTION["content"], "role": "user"}],
        "n": 1,
        "stream": False,
        "temperature": 0.7,
        "stop": ["\n\n"],
    },
    "LibreChat": {
        "user": "65f1c0ffee65f1c0ffee0001",
        "temperature": 1,
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "stop": None,
        "stream": True,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]},
            {"role": "assistant", "content": "I see."},
            {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        ],
    },
    "AI SDK": {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "42"},
            {"role": "assistant", "content": "It is 42."},
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        ],
        "max_tokens": None,
        "tool_choice": "auto",
        "stream": True,
    },
    "function calls of old": {
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
            QUESTION,
        ],
        "functions": [],
    },
    "responses in parts": {
        "messages": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]},
            {"role": "user", "content": ["How long?"]},
        ]
    },
}


@pytest.mark.parametrize("name", BODIES)
async def test_what_clients_send_is_answered(service: Service, name: str) -> None:
    response = await post(service, **BODIES[name])
    assert response.status_code == 200, response.text
    assert "So it is" in response.text or '"content":"So' in response.text


@pytest.mark.parametrize(
    ("part", "word"),
    [(IMAGE, "an image"), (AUDIO, "an audio"), (FILE, "a file"), (UNKNOWN, '"hologram"')],
    ids=["image", "audio", "file", "unknown"],
)
async def test_what_is_not_text_is_refused_in_the_question_and_left_out_before(
    service: Service, noting: CannedModel, part: dict[str, Any], word: str
) -> None:
    shown = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}
    response = await post(service, messages=[QUESTION, {"role": "assistant", "content": "Hi"}, shown])
    error = error_of(response)
    assert (response.status_code, error["param"]) == (400, "messages.2.content")
    assert word in error["message"]
    later = await post(service, messages=[shown, {"role": "assistant", "content": "Hm."}, QUESTION])
    assert later.status_code == 200
    assert "1" in later.json()["warnings"][0]
    said = [(each.role, each.content) for each in noting.requests[-1].history]
    assert said == [("user", "What is this?"), ("assistant", "Hm.")]


async def test_a_stream_says_what_was_left_out(service: Service) -> None:
    messages = [{"role": "user", "content": [IMAGE]}, QUESTION]
    text = (await post(service, messages=messages, stream=True)).text
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert "image" in chunks[0]["warnings"][0]
    assert not any("warnings" in chunk for chunk in chunks[1:])


async def test_pictures_in_the_history_do_not_outgrow_the_limit_of_bodies(service: Service) -> None:
    big = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_000_000}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "Look"}, big]}, QUESTION]
    assert (await post(service, messages=messages)).status_code == 200


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "user", "content": "x" * 10_001}], "messages.0.content"),
        ([QUESTION, {"role": "user", "content": ""}], "messages.1.content"),
        ([QUESTION, {"role": "user", "content": " \n"}], "messages.1.content"),
        ([QUESTION, {"role": "user"}], "messages.1.content"),
        ([QUESTION, {"role": "user", "content": []}], "messages.1.content"),
        ([{"role": "user", "content": 7}], "messages.0.content"),
        ([{"role": "user", "content": [7]}], "messages.0.content.0"),
        ([{"role": "user", "content": [{"type": 7}]}], "messages.0.content.0.type"),
        ([{"role": "user", "content": [{"type": "text", "text": 7}]}], "messages.0.content.0.text"),
        ([{"role": "user", "content": {"type": "text", "text": "x"}}], "messages.0.content"),
        ([{"content": "x"}], "messages.0.role"),
        ([{"role": None, "content": "x"}], "messages.0.role"),
        (["x"], "messages.0"),
        ([QUESTION, {"role": "wizard", "content": "x"}], "messages"),
        ([{"role": "system", "content": "x"}], "messages"),
        ([], "messages"),
        (None, "messages"),
        ("x", "messages"),
    ],
)
async def test_a_refusal_names_the_clients_field(service: Service, messages: Any, param: str) -> None:
    response = await post(service, messages=messages)
    error = error_of(response)
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param
    assert "query" not in error["message"]


@pytest.mark.parametrize("field", ["model", "messages"])
async def test_a_missing_field_is_named(service: Service, field: str) -> None:
    error = error_of(await post(service, **{field: None}))
    assert error["param"] == field


@pytest.mark.parametrize("path", ["threads", "completions/x", "files/x", "chat/nothing", "audio/speech"])
@pytest.mark.parametrize("scopes", [(), ("ask",)], ids=["open", "key"])
async def test_other_parts_of_the_api_are_not_found_in_its_form(
    service: Service, path: str, scopes: tuple[str, ...]
) -> None:
    headers = await service.key("acme", *scopes) if scopes else {}
    response = await service.client.post(f"/v1/{path}", json={}, headers=headers)
    assert response.status_code == 404
    assert "POST /v1/chat/completions" in error_of(response)["message"]


async def test_the_clients_other_calls_raise_its_errors(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="chat/completions"):
        await client.moderations.create(model=MODEL, input="hi")
    with pytest.raises(openai.NotFoundError, match="for embeddings"):
        await client.embeddings.create(model=MODEL, input="hi")
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("gpt-4")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/v1/chat/completions", b"", {}, 405),
        ("DELETE", "/v1/models", b"", {}, 405),
        ("POST", "/v1/chat/completions", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/chat/completions", b"{", {"Content-Type": "application/json"}, 400),
        ("POST", "/v1/chat/completions", b'"\\ud800"', {"Content-Type": "application/json"}, 400),
        ("POST", "/v1/chat/completions", b"[" * 9000, {"Content-Type": "application/json"}, 400),
        ("POST", "/v1/chat/completions", b" " * 9_000_000, {"Content-Type": "application/json"}, 413),
        ("GET", "/v1/models", b"", {"Host": "evil.example"}, 403),
    ],
)
async def test_failures_before_the_route_have_its_form(
    service: Service, method: str, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    response = await service.client.request(method, path, content=content, headers=headers)
    assert response.status_code == status
    error_of(response)


async def test_problems_elsewhere_stay_problem_details(service: Service) -> None:
    for path in ("/v1/runs", "/v1/nothing", "/v1/modelsx", "/v1", "/v2/responses", "/elsewhere/responses"):
        response = await service.client.patch(path)
        assert response.headers["content-type"] == "application/problem+json"


def messages_of(count: int, size: int) -> list[ChatMessage]:
    roles = ("user", "assistant")
    return [ChatMessage(role=roles[number % 2], content=f"{number} " + "x" * size) for number in range(count)]


def test_a_conversation_of_any_length_goes_on() -> None:
    conversation = read_conversation([*messages_of(1500, 10), ChatMessage(role="user", content="And?")])
    assert len(conversation.earlier) == 1000
    assert conversation.earlier[-1].content.startswith("1499 ")
    assert "500" in conversation.warnings[0]
    conversation = read_conversation([*messages_of(100, 100_000), ChatMessage(role="user", content="And?")])
    assert sum(len(each.content) for each in conversation.earlier) <= MAX_EARLIER_CHARACTERS
    assert conversation.earlier[-1].content.startswith("99 ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["text", "refusal"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "image_url", "refusal"]) | st.text(max_size=5), inner
        )
    ),
    max_leaves=8,
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "wizard", "model"])


@given(st.lists(st.builds(ChatMessage, role=ROLES, content=JSON, refusal=JSON), max_size=6))
def test_any_messages_are_read_or_refused(messages: list[ChatMessage]) -> None:
    try:
        conversation = read_conversation(messages)
    except InvalidRequest as error:
        refused = error.field
    else:
        refused = "messages" if conversation.question.strip() else None
    assert (refused or "").startswith("messages")
