"""Requests that are legal in the client's protocol, and that another provider takes only in other words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ai_engine.protocols.anthropic.message_body import message_body
from ai_engine.protocols.anthropic.message_request_reader import read_message_request
from ai_engine.protocols.canonical.carrying import carried
from ai_engine.protocols.canonical.features import PROVIDER_PROTOCOLS, ProviderProtocol
from ai_engine.protocols.gemini.generate_body import generate_body
from ai_engine.protocols.gemini.generate_request_reader import read_generate_request
from ai_engine.protocols.openai.chat_body import chat_body
from ai_engine.protocols.openai.chat_request_reader import read_chat_request
from ai_engine.protocols.responses.response_answer import ResponseAnswerWriter
from ai_engine.protocols.responses.response_request_reader import read_response_request
from vital_shared.errors import InvalidRequest

USER = {"role": "user", "content": "Hello"}
CHAT = {"model": "m", "messages": [USER]}
MESSAGE = {"model": "m", "messages": [USER], "max_tokens": 100}
RESPONSE = {"model": "m", "input": "Hello"}
CONTENTS = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
FUNCTION = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_alone_are_a_users_message_where_a_provider_needs_one(role: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": role, "content": "Name a moon."}]
    request = read_chat_request(CHAT | {"messages": messages})
    anthropics = message_body(carried(request, "anthropic"), "m")
    assert anthropics["system"] == [{"type": "text", "text": "Be brief."}]
    assert anthropics["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Name a moon."}]}]
    geminis = generate_body(carried(request, "gemini"), "m")
    assert geminis["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert geminis["contents"] == [{"role": "user", "parts": [{"text": "Name a moon."}]}]


@pytest.mark.parametrize("call_id", ["functions.look:0", "a|b", "é", "x" * 41, "call_1"])
def test_a_call_keeps_its_output_whatever_its_id_is(call_id: str) -> None:
    call = {"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    other = {**call, "id": f"{call_id}."}
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call, other]},
        {"role": "tool", "tool_call_id": f"{call_id}.", "content": "two"},
        {"role": "tool", "tool_call_id": call_id, "content": "one"},
    ]
    request = read_chat_request(CHAT | {"messages": messages})
    _, said, outputs = message_body(carried(request, "anthropic"), "m")["messages"]
    ids = [block["id"] for block in said["content"]]
    assert ids == [block["tool_use_id"] for block in reversed(outputs["content"])]
    assert len(set(ids)) == 2
    assert all(each.replace("-", "_").isidentifier() and each.isascii() for each in ids)
    assert (ids[0] == call_id) is (call_id in ("call_1", "x" * 41))
    _, said, *answers = chat_body(carried(request, "openai"), "m")["messages"]
    ids = [each["id"] for each in said["tool_calls"]]
    assert ids == [each["tool_call_id"] for each in reversed(answers)]
    assert all(len(each) <= 40 for each in ids)
    assert (ids[0] == call_id) is (len(call_id) <= 40)


@pytest.mark.parametrize(
    ("schema", "openais", "anthropics"),
    [
        ({}, {"type": "object", "properties": {}}, {"type": "object", "properties": {}}),
        ({"type": "object"}, *[{"type": "object", "properties": {}}] * 2),
        ({"properties": {"a": {}}}, *[{"properties": {"a": {}}, "type": "object"}] * 2),
        ({"$ref": "#/$defs/a"}, *[{"$ref": "#/$defs/a", "type": "object"}] * 2),
        ({"type": "object", "properties": {}}, *[{"type": "object", "properties": {}}] * 2),
        (None, None, {"type": "object", "properties": {}}),
    ],
)
def test_a_tool_without_arguments_has_a_schema_that_each_provider_takes(
    schema: Any, openais: Any, anthropics: Any
) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": schema}}
    request = read_chat_request(CHAT | {"tools": [tool]})
    function = chat_body(carried(request, "openai"), "m")["tools"][0]["function"]
    assert function.get("parameters") == openais
    assert message_body(carried(request, "anthropic"), "m")["tools"][0]["input_schema"] == anthropics


def test_a_beginning_of_the_answer_loses_its_trailing_space_where_a_provider_takes_none() -> None:
    parts = [{"type": "text", "text": "One. "}, {"type": "text", "text": "The answer is \n"}]
    request = read_chat_request(CHAT | {"messages": [USER, {"role": "assistant", "content": parts}]})
    said = message_body(carried(request, "anthropic"), "m")["messages"][-1]["content"]
    assert [block["text"] for block in said] == ["One. ", "The answer is"]
    assert generate_body(carried(request, "gemini"), "m")["contents"][-1]["parts"][-1]["text"].endswith("\n")


def test_all_of_the_likely_tokens_is_no_second_way_to_sample() -> None:
    request = read_chat_request(CHAT | {"temperature": 0.5, "top_p": 1})
    body = message_body(carried(request, "anthropic"), "m")
    assert (body["temperature"], body.get("top_p")) == (0.5, None)
    half = message_body(carried(read_chat_request(CHAT | {"top_p": 0.5}), "anthropic"), "m")
    assert half["top_p"] == 0.5


@pytest.mark.parametrize("provider", PROVIDER_PROTOCOLS)
@pytest.mark.parametrize(
    ("read", "body", "asked"),
    [
        (read_chat_request, CHAT, {"parallel_tool_calls": False}),
        (read_chat_request, CHAT, {"prompt_cache_key": "k", "service_tier": "default"}),
        (read_response_request, RESPONSE, {"parallel_tool_calls": False, "max_tool_calls": 3}),
        (read_response_request, RESPONSE, {"include": ["file_search_call.results"]}),
        (read_response_request, RESPONSE, {"text": {"verbosity": "medium"}, "service_tier": "auto"}),
        (read_message_request, MESSAGE, {"service_tier": "standard_only"}),
        (read_generate_request, CONTENTS, {"serviceTier": "STANDARD"}),
        (
            read_generate_request,
            CONTENTS,
            {"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED"}},
        ),
    ],
)
def test_a_wish_for_what_all_do_is_no_reason_to_refuse(
    provider: ProviderProtocol, read: Any, body: dict[str, Any], asked: dict[str, Any]
) -> None:
    assert carried(read(body | asked), provider).messages == carried(read(body), provider).messages


@pytest.mark.parametrize("provider", ["openai", "gemini"])
def test_blocks_of_anthropics_without_wishes_of_their_own_are_carried(provider: ProviderProtocol) -> None:
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        "citations": {"enabled": False},
    }
    said = {"type": "text", "text": "Two.", "citations": [{"type": "char_location", "cited_text": "Two"}]}
    messages = [
        {"role": "user", "content": [document, {"type": "text", "text": "How many?", "citations": None}]},
        {"role": "assistant", "content": [said]},
        USER,
    ]
    tool = {"name": "look", "input_schema": {}, "defer_loading": False, "allowed_callers": ["direct"]}
    request = read_message_request(MESSAGE | {"messages": messages, "tools": [tool]})
    assert len(carried(request, provider).messages) == 3
    for name, value in (("defer_loading", True), ("allowed_callers", ["code_execution_20250825"])):
        asked = read_message_request(MESSAGE | {"tools": [tool | {name: value}]})
        with pytest.raises(InvalidRequest, match=f"^tools.0.{name} cannot be carried"):
            carried(asked, provider)
    cited = [document | {"citations": {"enabled": True}}]
    with pytest.raises(InvalidRequest, match=r"content.0.citations cannot be carried"):
        carried(read_message_request(MESSAGE | {"messages": [USER | {"content": cited}]}), provider)


def test_openais_own_wishes_of_a_response_reach_openais_models() -> None:
    asked = {"text": {"verbosity": "low"}, "service_tier": "flex", "prompt_cache_key": "k"}
    request = read_response_request(RESPONSE | asked)
    fitting = carried(request, "openai")
    body = chat_body(fitting, "gpt-5")
    assert (body["verbosity"], body["service_tier"], body["prompt_cache_key"]) == ("low", "flex", "k")
    assert "prompt_cache_key" not in chat_body(fitting, "mistral", max_tokens_field="max_tokens")
    for provider in ("anthropic", "gemini"):
        with pytest.raises(InvalidRequest, match=r"cannot be carried"):
            carried(request, provider)
    plain = chat_body(carried(read_response_request(RESPONSE), "openai"), "gpt-5")
    assert not {"verbosity", "service_tier", "prompt_cache_key"} & plain.keys()


def test_geminis_tiers_are_openais_and_others_of_anthropics_are_nobodys() -> None:
    request = read_generate_request(CONTENTS | {"serviceTier": "FLEX"})
    assert chat_body(carried(request, "openai"), "gpt-5")["service_tier"] == "flex"
    with pytest.raises(InvalidRequest, match=r"^service_tier cannot be carried"):
        carried(read_message_request(MESSAGE | {"service_tier": "batch"}), "openai")


def test_a_response_repeats_what_its_request_has() -> None:
    asked = {
        "instructions": "Be brief.",
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "ann",
        "prompt_cache_key": "k",
        "text": {"verbosity": "low"},
        "max_tool_calls": 3,
        "background": False,
    }
    begun = ResponseAnswerWriter(read_response_request(RESPONSE | asked), "resp_1").begin()
    for shown in (
        b'"instructions":"Be brief."',
        b'"metadata":{"a":"b"}',
        b'"reasoning":{"effort":"low","summary":"auto"}',
        b'"safety_identifier":"ann"',
        b'"prompt_cache_key":"k"',
        b'"verbosity":"low"',
        b'"max_tool_calls":3',
        b'"user":null',
    ):
        assert begun.count(shown) == 2, shown


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("background", "leave it out, and wait for the answer or stream it"),
        ("prompt", "send its text as instructions"),
        ("conversation", "send the whole conversation"),
    ],
)
def test_what_needs_stored_state_is_refused_with_what_to_do_without(name: str, advice: str) -> None:
    with pytest.raises(InvalidRequest, match=f"is not kept here: {advice}$"):
        read_response_request(RESPONSE | {name: {"id": "x"}})


def test_a_text_between_two_calls_leaves_the_calls_beside_each_other() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": name, "name": "look", "arguments": "{}"}

    def output(name: str) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": name, "output": name}

    text = {"role": "assistant", "content": [{"type": "output_text", "text": "And the other."}]}
    items = [USER, call("a"), text, call("b"), output("a"), output("b")]
    request = read_response_request(RESPONSE | {"input": items})
    messages = chat_body(carried(request, "openai"), "m")["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert [each["id"] for each in messages[1]["tool_calls"]] == ["a", "b"]
    assert messages[1]["content"] == "And the other."


def test_one_call_at_a_time_of_tools_is_still_refused_where_it_cannot_be_had() -> None:
    request = read_chat_request(CHAT | {"tools": [FUNCTION], "parallel_tool_calls": False})
    with pytest.raises(InvalidRequest, match=r"^parallel_tool_calls cannot be carried"):
        carried(request, "gemini")
    dropped = generate_body(carried(replace(request, drop_params=True), "gemini"), "m")
    assert dropped["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


@pytest.mark.parametrize(
    ("address", "media_type"),
    [
        ("data:image/jpg;base64,/9j/", "image/jpeg"),
        ("data:image/jpeg;base64,/9j/", "image/jpeg"),
        ("DATA:Image/PNG;Base64,/9j/", "image/png"),
        ("data:image/webp;name=a.webp;base64,/9j/", "image/webp"),
    ],
)
def test_a_picture_has_the_type_that_each_provider_takes(address: str, media_type: str) -> None:
    part = {"type": "input_image", "image_url": address, "detail": "auto"}
    read = read_response_request(RESPONSE | {"input": [{"role": "user", "content": [part]}]})
    source = {"type": "base64", "media_type": media_type, "data": "/9j/"}
    (message,) = message_body(carried(read, "anthropic"), "m")["messages"]
    assert message["content"] == [{"type": "image", "source": source}]
    inline = {"mimeType": media_type, "data": "/9j/"}
    assert generate_body(carried(read, "gemini"), "m")["contents"][0]["parts"] == [{"inlineData": inline}]
    url = {"url": f"data:{media_type};base64,/9j/"}
    (sent,) = chat_body(carried(read, "openai"), "m")["messages"]
    assert sent["content"] == [{"type": "image_url", "image_url": url}]
