"""What OpenAI-compatible providers send beside OpenAI's own shapes."""

import orjson
import pytest
from tests.llm.wires.conftest import (
    CHAT,
    WITH_TOOLS,
    collect,
    counted,
    decoded,
    reasoning,
    stopped,
    text,
    turn,
)
from tests.llm.wires.servers.base import Reply, event, serve
from tests.llm.wires.servers.openai import DONE, END, SAID, TEXT, USAGE, chunk

from vital_shared.llm.base import (
    ModelHeldBack,
    ModelRateLimited,
    ModelRejected,
    ModelToolCall,
    ModelUnavailable,
    Stop,
    TextDelta,
    TextWithdrawn,
)
from vital_shared.llm.wires.openai import OpenAIWire


def read(*parts, wire=None):
    return decoded(wire or OpenAIWire(), parts)[0]


def said(delta, finish="stop"):
    """Return the events of an answer with one delta."""
    return read(chunk(delta), chunk(finish=finish), *END)


def calls_of(*deltas):
    return turn(
        read(*[chunk({"tool_calls": pieces}) for pieces in deltas], chunk(finish="tool_calls"), DONE)
    ).calls


@pytest.mark.parametrize(
    ("content", "words", "thoughts"),
    [
        ([{"type": "text", "text": "x"}, {"type": "text", "text": "y"}], "xy", ""),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "x"},
            ],
            "x",
            "hm",
        ),
        ([{"type": "thinking", "thinking": "hm"}], "", "hm"),
        ([{"type": "reference", "reference_ids": [1]}, "x"], "x", ""),
        ({"type": "output_text", "text": "x"}, "x", ""),
        ({"text": {"value": "x"}}, "x", ""),
        (42, "42", ""),
        (True, "", ""),
        ([None, [], {}], "", ""),
    ],
)
def test_content_of_any_shape(content, words, thoughts):
    events = said({"content": content})
    assert (text(events), reasoning(events)) == (words, thoughts)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm."},
        {"reasoning": {"text": "Hm."}},
        {"reasoning": None, "reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning_content": "Hm.", "content": None},
        {"content": [{"type": "reasoning", "text": "Hm."}]},
    ],
)
def test_reasoning_wherever_it_stands_comes_once(delta):
    events = read(chunk(delta), *TEXT)
    assert (reasoning(events), text(events)) == ("Hm.", SAID)


def test_reasoning_beside_text_in_a_small_delta_is_not_lost():
    events = read(*TEXT[:2], chunk({"content": "x", "reasoning": "Hm."}), chunk(finish="stop"), DONE)
    assert reasoning(events) == "Hm."


def test_thoughts_in_tags_are_reasoning():
    events = read(
        chunk({"content": "<think>\nA plan."}),
        chunk({"content": "</thi"}),
        chunk({"content": "nk>\n\n"}),
        *TEXT,
    )
    assert (text(events), reasoning(events)) == (SAID, "\nA plan.")


def test_a_closing_tag_alone_withdraws_the_thoughts_and_is_remembered():
    wire, parts = OpenAIWire(), [chunk({"content": "A plan."}), chunk({"content": "\n</think>\n\n"}), *TEXT]
    first = read(*parts, wire=wire)
    assert TextWithdrawn() in first
    assert text(first[first.index(TextWithdrawn()) :]) == SAID
    second = read(*parts, wire=wire)
    assert (text(second), reasoning(second)) == (SAID, "A plan.\n")
    third = read(*TEXT, wire=wire)  # it has learnt to behave: nothing is lost
    assert text(third) == SAID
    assert reasoning(read(*TEXT, wire=wire)) == ""


def test_arguments_may_be_an_object():
    (call,) = calls_of([{"index": 0, "id": "a", "function": {"name": "weigh", "arguments": {"thing": "x"}}}])
    assert call == ModelToolCall(id="a", name="weigh", arguments={"thing": "x"})


@pytest.mark.parametrize(
    ("arguments", "read_as"),
    [
        ("", {}),
        (None, {}),
        ("null", {}),
        ('"{\\"thing\\": 1}"', {"thing": 1}),
        ('{"a": "\\ud83d"}', {"a": "�"}),
    ],
)
def test_arguments_in_odd_spellings(arguments, read_as):
    (call,) = calls_of([{"index": 0, "id": "a", "function": {"name": "weigh", "arguments": arguments}}])
    assert call.arguments == read_as


@pytest.mark.parametrize("arguments", ["[1]", "7", '{"a": ' + "[" * 400 + "]" * 400 + "}", [1]])
def test_arguments_that_are_no_object_fail_the_call(arguments):
    with pytest.raises(ModelUnavailable, match="arguments that are not an object"):
        calls_of([{"index": 0, "id": "a", "function": {"name": "weigh", "arguments": arguments}}])


def call_piece(index, call_id, name="", arguments=""):
    piece = {"id": call_id, "type": "function", "function": {"name": name or None, "arguments": arguments}}
    return piece if index is None else piece | {"index": index}


@pytest.mark.parametrize("one_chunk", [True, False])
@pytest.mark.parametrize(
    "pieces",
    [
        [call_piece(0, "a", "weigh", '{"n": 1}'), call_piece(0, "b", "weigh", '{"n": 2}')],
        [call_piece(None, "a", "weigh", '{"n": 1}'), call_piece(None, "b", "weigh", '{"n": 2}')],
        [
            call_piece(None, "a", "weigh", '{"n":'),
            call_piece(None, "a", "", " 1}"),
            call_piece(None, "b", "weigh", '{"n": 2}'),
        ],
        [
            call_piece(0, "a", "weigh"),
            call_piece(0, None, "", '{"n": 1}'),
            call_piece(0, "b", "weigh"),
            call_piece(0, None, "", '{"n": 2}'),
        ],
        [
            call_piece(0, "a", "weigh"),
            call_piece(1, "b", "weigh"),
            call_piece(0, None, "", '{"n": 1}'),
            call_piece(1, None, "", '{"n": 2}'),
        ],
        [call_piece("0", "a", "weigh", '{"n": 1}'), call_piece("1", "b", "weigh", '{"n": 2}')],
        [
            call_piece(0, "a", "weigh", '{"n": '),
            call_piece(0, "other", "", "1}"),
            call_piece(1, "b", "weigh", '{"n": 2}'),
        ],
    ],
)
def test_parallel_calls_however_they_are_numbered(pieces, one_chunk):
    calls = calls_of(pieces) if one_chunk else calls_of(*[[piece] for piece in pieces])
    assert [(call.id, call.arguments) for call in calls] == [("a", {"n": 1}), ("b", {"n": 2})]


def test_calls_without_ids_at_one_index_are_several():
    calls = calls_of([call_piece(0, None, "weigh", '{"n": 1}')], [call_piece(0, None, "weigh", '{"n": 2}')])
    assert [call.arguments for call in calls] == [{"n": 1}, {"n": 2}]
    assert len({call.id for call in calls if call.id.startswith("call_")}) == 2


def test_calls_without_ids_have_others_than_those_of_earlier_answers():
    """A conversation keeps them all: Anthropic refuses one in which an id is used twice."""
    answers = [calls_of([call_piece(0, None, "weigh", "{}")]) for _ in range(3)]
    assert len({call.id for calls in answers for call in calls}) == 3


def test_calls_with_one_id_get_their_own():
    calls = calls_of([call_piece(0, "x", "weigh", "{}"), call_piece(1, "x", "measure", "{}")])
    assert len({call.id for call in calls}) == 2


def test_the_older_function_call_is_a_call():
    events = read(
        chunk({"function_call": {"name": "weigh", "arguments": "{}"}}), chunk(finish="function_call"), DONE
    )
    assert [call.name for call in turn(events).calls] == ["weigh"]


def test_a_call_that_the_limit_cut_off_is_none():
    events = read(
        chunk({"content": "x"}),
        chunk({"tool_calls": [call_piece(0, "a", "weigh", '{"n')]}),
        chunk(finish="length"),
    )
    assert stopped(events) == Stop(reason="length")


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": USAGE}},
        {"choices": [], "usage": USAGE},
    ],
)
def test_usage_wherever_it_stands(last):
    events = read(
        chunk({"content": "x"}), event(last), *([] if last["choices"] else [chunk(finish="stop")]), DONE
    )
    assert (counted(events)[-1].input_tokens, counted(events)[-1].cached_input_tokens) == (120, 100)


@pytest.mark.parametrize(
    "last", [{"prompt_tokens": 0, "completion_tokens": 0}, {"total_tokens": None}, "none", [0]]
)
def test_counts_of_zero_behind_real_ones_are_passed_over(last):
    events = read(
        chunk({"content": "x"}), chunk(finish="stop", usage=USAGE), chunk(choices=[], usage=last), DONE
    )
    assert counted(events)[-1].input_tokens == 120


def test_usage_on_every_chunk_counts_once_at_the_beginning_and_once_at_the_end():
    growing = [chunk({"content": "x"}, usage=USAGE | {"completion_tokens": 21 + n}) for n in range(9)]
    events = read(*growing, chunk(finish="stop"), DONE)
    assert [usage.output_tokens for usage in counted(events)] == [21, 29]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ({"type": "stop"}, "end"),
        ({"reason": "length"}, "length"),
        (["length"], "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        (True, "end"),
        (7, "end"),
        ("SAFETY", "content_filter"),
        ("recitation", "recitation"),
        ("refusal", "refusal"),
    ],
)
def test_reasons_of_the_end_in_odd_spellings(finish, reason):
    assert said({"content": "x"}, finish)[-1].reason == reason


@pytest.mark.parametrize(
    "delta", [{"refusal": "I will not."}, {"content": [{"type": "refusal", "refusal": "I will not."}]}]
)
def test_a_refusal_is_text_and_a_reason(delta):
    events = said(delta)
    assert (text(events), events[-1].reason) == ("I will not.", "refusal")


FAILURE = {"code": 502, "message": "Provider disconnected"}


@pytest.mark.parametrize(
    "failed",
    [
        {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}], "error": FAILURE},
        {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": FAILURE}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": None}], "error": FAILURE},
        {"choices": [], "error": FAILURE},
        {"error": "Provider disconnected"},
        {"error": {"error": FAILURE}},
        {"object": "error", **FAILURE},
        {"detail": "Provider disconnected"},
        {"detail": [{"loc": ["body"], "msg": "Provider disconnected"}]},
        {"errors": [FAILURE]},
    ],
)
@pytest.mark.parametrize("before", [[], [chunk({"content": "A 510(k)"})]])
def test_an_error_within_a_chunk_fails_the_call_with_the_providers_words(failed, before):
    with pytest.raises(ModelUnavailable, match="Provider disconnected") as caught:
        read(*before, event(failed), DONE)
    assert "status" not in caught.value.message  # nobody sent one


def test_text_beside_an_error_is_not_lost():
    wire = OpenAIWire()
    decoder = wire.decoder("openai:m")
    failed = {"choices": [{"delta": {"content": "A 510(k)"}, "finish_reason": "error"}], "error": FAILURE}
    assert decoder.feed(orjson.dumps(failed)) == [TextDelta(text="A 510(k)")]
    with pytest.raises(ModelUnavailable, match="Provider disconnected"):
        decoder.end()


@pytest.mark.parametrize("finish", ["error", "network_error", "insufficient_system_resource", "abort"])
def test_a_reason_that_is_a_failure_is_one(finish):
    with pytest.raises(ModelUnavailable, match=finish):
        said({"content": "x"}, finish)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "rate_limit_exceeded", "message": "m"}, ModelRateLimited),
        ({"code": "429", "message": "m"}, ModelRateLimited),
        ({"status": 401, "message": "m"}, ModelRejected),
        ({"code": "content_filter", "message": "m"}, ModelHeldBack),
        ({"type": "content_policy_violation", "status": 400, "message": {"odd": 1}}, ModelHeldBack),
        ({"code": {"odd": 1}, "type": ["odd"], "message": {"odd": "m"}}, ModelUnavailable),
    ],
)
def test_codes_within_a_stream_say_what_kind_of_failure_it_is(error, kind):
    with pytest.raises(kind):
        read(event({"error": error}))


RUBBISH = [
    b"data: {oops\n\n",
    b"data: <html>\n\n",
    event({"error": FAILURE}),
    b"\xff\xfe\x00",
    event([1, None]),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_a_whole_answer_followed_by_rubbish_is_a_whole_answer(rubbish):
    for ending in ([*TEXT, rubbish], [*TEXT[:-1], rubbish], [*TEXT[:-2], rubbish]):
        events = read(*ending)
        assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))


WHOLE = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
    "usage": USAGE,
}


@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps(WHOLE),
        orjson.dumps(WHOLE, option=orjson.OPT_INDENT_2),
        orjson.dumps([WHOLE]),
        b"\xef\xbb\xbf\n" + orjson.dumps(WHOLE),
        event(WHOLE),
        b"\n".join(part[6:].strip() for part in TEXT),
        b"".join(TEXT).replace(b"\n\n", b"\n"),
        b"".join(TEXT).replace(b"\n", b"\r"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/event-stream", "odd"])
async def test_a_whole_completion_or_an_odd_stream_is_an_answer(connect, body, content_type):
    async with serve(Reply([body], content_type=content_type)) as server:
        events = await collect(connect(server))
    assert (text(events), events[-1].reason, counted(events)[-1].input_tokens) == (SAID, "end", 120)


async def test_a_whole_completion_may_ask_for_tools(connect):
    message = {"role": "assistant", "content": None, "tool_calls": [call_piece(None, "a", "weigh", "{}")]}
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    async with serve(Reply([orjson.dumps(body)], content_type="application/json")) as server:
        events = await collect(connect(server), WITH_TOOLS)
    assert [call.id for call in turn(events).calls] == ["a"]


def test_halves_of_a_pair_in_two_chunks_are_joined_and_a_lone_one_is_replaced():
    halves = [
        b'data: {"choices":[{"index":0,"delta":{"content":"' + half + b'"}}]}\n\n'
        for half in (b"\\ud83d", b"\\ude00")
    ]
    assert text(read(chunk({"content": "Fine "}), *halves, chunk(finish="stop"), DONE)) == "Fine 😀"
    assert text(read(halves[0], chunk({"content": " x"}), chunk(finish="stop"), DONE)) == "� x"
    assert text(read(halves[0], chunk(finish="stop"), DONE)) == "�"
    assert text(read(halves[1], chunk(finish="stop"), DONE)) == "�"


def test_a_server_that_sends_each_delta_and_the_whole_message_is_read_once():
    both = [
        event(
            {"choices": [{"delta": {"content": word}, "message": {"content": SAID}, "finish_reason": None}]}
        )
        for word in ("a", "b")
    ]
    assert text(read(*both, chunk(finish="stop"), DONE)) == "ab"


async def test_the_chat_is_sent_once(connect):
    async with serve(Reply([orjson.dumps(WHOLE)], content_type="application/json")) as server:
        await collect(connect(server), CHAT)
    assert len(server.requests) == 1
