"""Requests between the chat protocols."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ai_engine.protocols.canonical_strategies import requests

from ai_engine.protocols.anthropic.message_body import message_body
from ai_engine.protocols.anthropic.message_request_reader import read_message_request
from ai_engine.protocols.canonical.carrying import carried
from ai_engine.protocols.canonical.feature_table import feature_table
from ai_engine.protocols.canonical.features import PROVIDER_PROTOCOLS, Feature, ProviderProtocol
from ai_engine.protocols.canonical.messages import MediaPart, MessagePart, OutputPart, TextPart
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.gemini.generate_body import generate_body
from ai_engine.protocols.gemini.generate_request_reader import read_generate_request
from ai_engine.protocols.openai.chat_body import chat_body
from ai_engine.protocols.openai.chat_request_reader import read_chat_request
from ai_engine.protocols.responses.response_request_reader import read_response_request
from vital_shared.errors import InvalidRequest

USER = {"role": "user", "content": "Hello"}
CHAT = {"model": "m", "messages": [USER]}
MESSAGE = {"model": "m", "messages": [USER], "max_tokens": 100}
RESPONSE = {"model": "m", "input": "Hello"}
CONTENTS = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}

BODIES: dict[ProviderProtocol, Callable[[CanonicalRequest, str], dict[str, Any]]] = {
    "openai": chat_body,
    "anthropic": message_body,
    "gemini": generate_body,
}
Reader = Callable[[Any], CanonicalRequest]
READERS: list[tuple[Reader, dict[str, Any]]] = [
    (read_chat_request, CHAT),
    (read_message_request, MESSAGE),
    (read_response_request, RESPONSE),
    (read_generate_request, CONTENTS),
]


@settings(max_examples=40)
@given(requests())
def test_a_request_is_the_same_after_openais_protocol(request: CanonicalRequest) -> None:
    fitting = carried(request, "openai")
    body = orjson.loads(orjson.dumps(chat_body(fitting, "a-model")))
    read = read_chat_request({**body, "drop_params": True})
    assert replace(read, uses=()) == _without_failures(fitting)


@settings(max_examples=40)
@given(requests())
def test_a_request_is_the_same_after_anthropics_protocol(request: CanonicalRequest) -> None:
    fitting = carried(replace(request, includes_usage=False), "anthropic")
    body = orjson.loads(orjson.dumps(message_body(fitting, "a-model")))
    read = read_message_request({**body, "drop_params": True})
    assert replace(read, uses=()) == fitting


@settings(max_examples=40)
@given(requests())
def test_a_request_is_the_same_after_geminis_protocol(request: CanonicalRequest) -> None:
    fitting = carried(replace(request, includes_usage=False, user="", stream=True), "gemini")
    body = orjson.loads(orjson.dumps(generate_body(fitting, "gemini-3-pro")))
    read = read_generate_request({**body, "model": "a-model", "stream": True, "drop_params": True})
    strict = tuple(replace(tool, strict=False) for tool in fitting.tools)  # a mode of all tools there
    assert replace(read, uses=()) == _as_gemini_has_it(replace(fitting, tools=strict))


@settings(max_examples=40)
@given(requests())
def test_a_request_that_was_fitted_uses_nothing_that_its_provider_refuses(request: CanonicalRequest) -> None:
    chat = read_chat_request(chat_body(carried(request, "openai"), "a-model"))
    assert all(use.feature.carried_to("openai") == "carried" for use in chat.uses)
    message = read_message_request(message_body(carried(request, "anthropic"), "a-model"))
    assert all(use.feature.carried_to("anthropic") == "carried" for use in message.uses)


@settings(max_examples=40)
@given(requests())
def test_a_request_to_gemini_holds_every_text_in_its_order(request: CanonicalRequest) -> None:
    body = orjson.loads(orjson.dumps(generate_body(carried(request, "gemini"), "gemini-3-pro")))
    written = [
        part["text"]
        for content in ([body["systemInstruction"]] if "systemInstruction" in body else []) + body["contents"]
        for part in content["parts"]
        if "text" in part
    ]
    given_texts = [part.text for each in request.messages for part in each.parts if hasattr(part, "text")]
    assert written == given_texts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = re.findall(
    r"\w+",
    "model messages input instructions system max_tokens max_completion_tokens max_output_tokens "
    "temperature top_p top_k stop stop_sequences n seed tools tool_choice response_format text "
    "reasoning reasoning_effort thinking output_config metadata stream stream_options include user "
    "drop_params parallel_tool_calls service_tier "
    "contents systemInstruction generationConfig generation_config toolConfig safetySettings ",
)
PART_FIELDS = re.findall(
    r"\w+",
    "type role content text source image_url input_audio file tool_calls function arguments id "
    "call_id name url output tool_call_id tool_use_id is_error summary detail media_type data input "
    "format schema budget_tokens "
    "parts inlineData mimeType inline_data fileData fileUri functionCall functionResponse args response "
    "functionDeclarations parameters responseSchema responseMimeType thinkingConfig thought "
    "functionCallingConfig mode allowedFunctionNames candidateCount ",
)
KINDS = re.findall(
    r"\w+",
    "text image image_url input_text input_image input_file input_audio file document tool_use "
    "tool_result thinking function function_call function_call_output reasoning message user "
    "assistant tool system base64 url json_schema ",
)
parts = st.recursive(
    st.sampled_from(KINDS) | json_values,
    lambda inner: (
        st.dictionaries(st.sampled_from(PART_FIELDS), inner, max_size=5) | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("read", "good"), READERS)
@given(st.dictionaries(st.sampled_from(FIELDS), parts, max_size=5))
def test_any_json_is_read_or_refused_in_one_sentence(
    read: Reader, good: dict[str, Any], changes: dict[str, Any]
) -> None:
    refusals: list[str] = []
    for body in (changes, good | changes):
        try:
            request = read(body)
            for provider in PROVIDER_PROTOCOLS:
                orjson.dumps(BODIES[provider](carried(replace(request, drop_params=True), provider), "m"))
        except InvalidRequest as error:
            refusals.append(error.message)
    assert all(message and "\n" not in message for message in refusals)


@pytest.mark.parametrize("read", [read for read, _ in READERS])
@given(json_values)
def test_any_body_is_read_or_refused(read: Reader, body: Any) -> None:
    with pytest.raises(InvalidRequest):
        read(body)


MESSAGES_WITH = {
    Feature.SIGNED_THINKING: {"type": "thinking", "thinking": "Hm", "signature": "abc"},
    Feature.CACHE_CONTROL: {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
    Feature.OTHER_PARTS: {"type": "search_result", "content": []},
    Feature.STORED_FILES: {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    Feature.DOCUMENT_OPTIONS: {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Hi"},
    },
    Feature.DOCUMENT_URL: {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
}


@pytest.mark.parametrize(("feature", "block"), MESSAGES_WITH.items())
def test_what_cannot_be_carried_from_anthropic_is_refused_by_its_field_or_dropped(
    feature: Feature, block: dict[str, Any]
) -> None:
    content = [{"type": "text", "text": "Hello"}, block]
    request = read_message_request(MESSAGE | {"messages": [{"role": "user", "content": content}]})
    assert feature in {use.feature for use in request.uses}
    with pytest.raises(InvalidRequest, match="drop_params") as caught:
        carried(request, "openai")
    assert caught.value.field is not None
    assert caught.value.field.startswith("messages.0.content.1")
    dropped = chat_body(carried(replace(request, drop_params=True), "openai"), "m")
    assert "Hello" in str(dropped["messages"])


CHAT_FIELDS = {
    "n": (2, Feature.SEVERAL_ANSWERS),
    "logprobs": (True, Feature.LOGPROBS),
    "top_logprobs": (3, Feature.LOGPROBS),
    "logit_bias": ({"50256": -100}, Feature.LOGIT_BIAS),
    "seed": (1, Feature.SEED),
    "frequency_penalty": (0.5, Feature.PENALTIES),
    "temperature": (1.5, Feature.HIGH_TEMPERATURE),
    "response_format": ({"type": "json_object"}, Feature.JSON_OBJECT),
    "modalities": (["text", "audio"], Feature.AUDIO_OUTPUT),
    "service_tier": ("flex", Feature.SERVICE_TIER),
    "verbosity": ("low", Feature.VERBOSITY),
    "web_search_options": ({}, Feature.OTHER_FIELDS),
}


@pytest.mark.parametrize(("name", "case"), CHAT_FIELDS.items())
def test_what_cannot_be_carried_to_anthropic_is_refused_by_its_field_or_dropped(
    name: str, case: tuple[Any, Feature]
) -> None:
    value, feature = case
    request = read_chat_request(CHAT | {name: value})
    assert [use.feature for use in request.uses] == [feature]
    with pytest.raises(InvalidRequest, match=f"^{name} cannot be carried") as caught:
        carried(request, "anthropic")
    assert caught.value.field == name
    dropped = message_body(carried(replace(request, drop_params=True), "anthropic"), "m")
    plain = message_body(carried(read_chat_request(CHAT), "anthropic"), "m")
    assert dropped == plain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("logprobs", False),
        ("frequency_penalty", 0),
        ("seed", None),
        ("temperature", 1),
        ("metadata", {"a": "b"}),
        ("service_tier", "auto"),
        ("store", True),
        ("modalities", ["text"]),
        ("tools", []),
    ],
)
def test_a_field_that_asks_for_nothing_special_is_no_reason_to_refuse(name: str, value: Any) -> None:
    request = carried(read_chat_request(CHAT | {name: value}), "anthropic")
    assert request.messages == read_chat_request(CHAT).messages


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "background", "prompt"])
def test_a_response_that_needs_stored_state_is_refused_even_with_dropping(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{name} needs stored state"):
        read_response_request(RESPONSE | {name: True, "drop_params": True})


def test_a_response_request_joins_calls_with_their_text_and_outputs_with_each_other() -> None:
    items = [
        USER,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "1", "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call", "call_id": "2", "name": "look", "arguments": ""},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
        {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "two"}]},
    ]
    request = read_response_request(RESPONSE | {"input": items, "instructions": "Be brief."})
    body = message_body(carried(request, "anthropic"), "m")
    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][1]["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["1", "2"]


def test_encrypted_reasoning_is_refused_or_dropped() -> None:
    items = [USER, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"}, USER]
    request = read_response_request(RESPONSE | {"input": items})
    with pytest.raises(InvalidRequest, match=r"^input\.1 cannot be carried"):
        carried(request, "openai")
    assert len(carried(replace(request, drop_params=True), "openai").messages) == 2


def test_the_documentation_has_the_table_of_what_cannot_be_carried() -> None:
    page = Path("docs/gateway-protocols.md").read_text(encoding="utf-8")
    assert feature_table() in page, "run python -m ai_engine.protocols.canonical.feature_table"


def _as_gemini_has_it(request: CanonicalRequest) -> CanonicalRequest:
    """Return a request whose documents have no names, and whose outputs are one text each."""
    messages = tuple(
        replace(each, parts=tuple(map(_part_of_gemini, each.parts))) for each in request.messages
    )
    return replace(request, messages=messages)


def _part_of_gemini(part: MessagePart) -> MessagePart:
    if isinstance(part, MediaPart):
        return replace(part, name="")
    if isinstance(part, OutputPart):
        text = "\n".join(each.text for each in part.parts if isinstance(each, TextPart))
        return replace(part, parts=(TextPart(text),))
    return part


def _without_failures(request: CanonicalRequest) -> CanonicalRequest:
    """Return the request as OpenAI's protocol has it, which does not mark failed tools."""
    messages = tuple(
        replace(
            each,
            parts=tuple(
                replace(part, failed=False) if hasattr(part, "failed") else part for part in each.parts
            ),
        )
        for each in request.messages
    )
    return replace(request, messages=messages)


def test_filters_of_geminis_clients_are_refused_or_dropped() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    body = {"model": "m", "contents": [{"parts": [{"text": "Hello"}]}], "safetySettings": settings}
    request = read_generate_request(body)
    assert [use.feature for use in request.uses] == [Feature.SAFETY_SETTINGS]
    assert read_generate_request(body | {"safetySettings": []}).uses == ()
    providers: tuple[ProviderProtocol, ...] = ("openai", "anthropic")
    for provider in providers:
        with pytest.raises(InvalidRequest, match=r"^safetySettings cannot be carried"):
            carried(request, provider)
        assert carried(replace(request, drop_params=True), provider).messages
