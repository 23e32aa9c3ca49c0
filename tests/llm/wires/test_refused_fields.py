"""Fields that a server refuses are left out, asked again at once, and remembered for a while."""

import pytest
from tests.llm.wires.conftest import CHAT, WITH_TOOLS, collect, text
from tests.llm.wires.servers.base import Reply, event, serve
from tests.llm.wires.servers.openai import SAID, TEXT, error, stream

from vital_shared.llm.base import ModelRejected, ModelUnavailable
from vital_shared.llm.wires import refused_fields
from vital_shared.llm.wires.refused_fields import SYSTEM_ROLE, RefusedFields

SCHEMA = {"type": "object", "properties": {}}
FULL = WITH_TOOLS.model_copy(update={"may_call": False, "response_schema": SCHEMA, "temperature": 0.0})
BODY = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How long?"}],
    "stream": True,
    "stream_options": {},
    "tools": [],
    "tool_choice": "none",
    "response_format": {},
    "max_tokens": 50,
    "temperature": 0.0,
    "seed": 7,
}


def rejection(words, kind=ModelRejected):
    return kind(f'The provider rejected the request to "p:m" ({words}).', model="p:m")


def refused(words):
    """Return what is left of the body after an error with these words, or None where nothing is refused."""
    fields = RefusedFields()
    return fields.left_out("m", BODY) if fields.learn("m", BODY, rejection(words)) else None


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("stream_options: Extra inputs are not permitted", "stream_options"),
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        (
            "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs",
            "stream_options",
        ),
        ("Unknown parameter: 'stream_options'.", "stream_options"),
        ("The parameter stream_options is not supported", "stream_options"),
        ("got an unexpected keyword argument 'stream_options'", "stream_options"),
        ("Additional properties are not allowed ('stream_options' was unexpected)", "stream_options"),
        ('json: unknown field "stream_options"', "stream_options"),
        ("registry.ollama.ai/library/gemma:2b does not support tools", "tools"),
        ("No endpoints found that support tool use.", "tools"),
        ("Function calling is not enabled for this model", "tools"),
        ("`tools` is not supported in this model.", "tools"),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
        ("tools param requires --jinja flag", "tools"),
        ("Unsupported parameter: 'tool_choice' is not supported with this model.", "tool_choice"),
        ("response_format: json_schema is not supported by this model", "response_format"),
        ("This model does not support structured outputs", "response_format"),
        (
            "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default",
            "temperature",
        ),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("temperature: cannot be set for reasoning models", "temperature"),
        ("Unknown field: seed", "seed"),
        ("Streaming is not supported for this model", "stream"),
    ],
)
def test_the_words_of_real_servers_name_the_field(words, field):
    left = refused(words)
    assert left is not None
    assert field not in left
    assert BODY["messages"] == left["messages"]


@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "Developer instruction is not enabled for models/gemma-3",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Only user and assistant roles are supported!",
        "messages: role 'system' is not allowed",
    ],
)
def test_a_refused_system_message_goes_to_the_user(words):
    assert refused(words)["messages"] == [{"role": "user", "content": "Be brief.\n\nHow long?"}]


def test_the_limit_of_the_output_goes_by_its_other_name_and_is_never_dropped():
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    left = refused(words)
    assert (left.get("max_tokens"), left["max_completion_tokens"]) == (None, 50)
    fields = RefusedFields()
    fields.learn("m", BODY, rejection(words))
    again = fields.left_out("m", BODY)
    assert not fields.learn("m", again, rejection("max_completion_tokens is not supported"))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "It is so.",
        "max_tokens is too large: 50000. This model supports at most 4096 completion tokens",
        "This model's maximum context length is 8192 tokens. Please reduce max_tokens.",
        "The model is not supported",
        "temperature must be between 0 and 2",
        "Unknown model",
        "messages: unexpected role",
    ],
)
def test_other_rejections_stay_what_they_are(words):
    assert refused(words) is None


def test_what_a_model_refuses_is_forgotten_after_a_while_and_for_few_models(monkeypatch):
    now = [0.0]
    fields = RefusedFields(lambda: now[0])
    fields.learn("m", BODY, rejection("seed is not supported"))
    assert "seed" not in fields.left_out("m", BODY)
    assert "seed" in fields.left_out("another", BODY)
    now[0] += refused_fields.REMEMBERED_SECONDS
    assert "seed" in fields.left_out("m", BODY)
    monkeypatch.setattr(refused_fields, "MAX_REMEMBERED_MODELS", 1)
    fields.learn("another", BODY, rejection("seed is not supported"))
    assert len(fields._expiries) == 1


def strict(*refuses):
    """Return a server that refuses fields one at a time, and then answers."""

    def reply(request):
        for field in refuses:
            sent = (
                any(m["role"] == "system" for m in request.body["messages"])
                if field == SYSTEM_ROLE
                else field in request.body
            )
            if sent:
                return error(400, f"{field} is not supported")
        return stream(TEXT)

    return reply


async def test_all_that_is_refused_is_left_out_once_and_remembered(connect, waits):
    refuses = ("stream_options", "tools", "response_format", "temperature", SYSTEM_ROLE, "max_tokens")
    async with serve(strict(*refuses)) as server:
        provider = connect(server, attempts=1)
        assert text(await collect(provider, FULL)) == SAID
        assert len(server.requests) == len(refuses) + 1
        assert text(await collect(provider, FULL)) == SAID
        assert len(server.requests) == len(refuses) + 2
    assert waits == []
    assert server.requests[-1].body.keys() == {"model", "messages", "stream", "max_completion_tokens"}


async def test_a_field_that_stays_refused_is_asked_about_once(connect):
    async with serve(error(400, "stream_options is not supported")) as server:
        with pytest.raises(ModelRejected, match="stream_options"):
            await collect(connect(server))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(
            [b'{"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}'],
            422,
            content_type="application/json",
        ),
        Reply(
            [b'{"error": {"message": "Unsupported parameter", "param": "stream_options"}}'],
            400,
            content_type="application/json",
        ),
        Reply([b"unknown field: stream_options"], 400, content_type="text/plain"),
        Reply([event({"error": {"code": 400, "message": "stream_options is not supported"}})]),
    ],
)
async def test_wherever_the_words_stand(connect, reply):
    async with serve(lambda request: reply if "stream_options" in request.body else stream(TEXT)) as server:
        assert text(await collect(connect(server, attempts=1))) == SAID


async def test_a_refusal_behind_text_is_not_asked_again(connect):
    failed = event({"error": {"code": 500, "message": "stream_options is not supported"}})
    async with serve(stream([*TEXT[:3], failed])) as server:
        with pytest.raises(ModelUnavailable):
            await collect(connect(server), CHAT)
    assert len(server.requests) == 1
