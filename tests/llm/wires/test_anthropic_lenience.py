"""What servers send that speak Anthropic's protocol without being Anthropic."""

import orjson
import pytest
from tests.llm.wires.conftest import counted, decoded, reasoning, stopped, text, turn
from tests.llm.wires.servers.anthropic import PING, block, named, text_block
from tests.llm.wires.servers.base import event

from vital_shared.llm.base import ModelTurn, ModelUnavailable, Stop, Usage
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.models.price_details import PriceDetails

SAID = "It takes 42 days."
TEXT = text_block(0, "It takes ", "42 days.")


def read(*parts):
    return decoded(AnthropicWire(), parts)[0]


def start(usage=None, **message):
    message = {"id": "msg_1", "role": "assistant", "content": [], **message}
    return named("message_start", message=message | ({"usage": usage} if usage is not None else {}))


def end(usage=None, reason="end_turn"):
    return named("message_delta", delta={"stop_reason": reason}, **({"usage": usage} if usage else {}))


STOP = named("message_stop")
READ = {"input_tokens": 100, "output_tokens": 1}
WRITTEN = {"output_tokens": 20}
BEGIN = start(READ)
END = [end(WRITTEN), STOP]


def delta(index, **piece):
    return named("content_block_delta", **({} if index is None else {"index": index}), delta=piece)


def tool(index, **given):
    content = {"type": "tool_use", "id": "t", "name": "weigh", **given}
    return named("content_block_start", **({} if index is None else {"index": index}), content_block=content)


@pytest.mark.parametrize(
    "first",
    [
        start(),
        named("message_start"),
        named("message_start", message=None),
        start(None, content=None),
        PING,
        PING * 500,
        named("message_start", message={"usage": None}),
    ],
)
def test_the_first_event_may_say_nothing(first):
    events = read(first, *TEXT, *END)
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))
    assert counted(events) == [Usage(output_tokens=20)]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (READ, {"input_tokens": 0, "output_tokens": 20}, Usage(input_tokens=100, output_tokens=20)),
        (READ, {"input_tokens": None, "output_tokens": 20.0}, Usage(input_tokens=100, output_tokens=20)),
        ({}, {"input_tokens": "100", "output_tokens": "20"}, Usage(input_tokens=100, output_tokens=20)),
        (
            {"input_tokens": 0, "output_tokens": 0},
            {**READ, **WRITTEN},
            Usage(input_tokens=100, output_tokens=20),
        ),
        ({**READ, **WRITTEN}, {"output_tokens": 0}, Usage(input_tokens=100, output_tokens=20)),
        ({**READ, **WRITTEN}, None, Usage(input_tokens=100, output_tokens=20)),
        (READ, None, Usage(input_tokens=100)),  # one token is too few for the text: left to an estimate
        (READ, {"output_tokens": None}, Usage(input_tokens=100)),
        (READ, {"output_tokens": -5}, Usage(input_tokens=100, corrected=True)),
        (READ, {"output_tokens": 10**15}, Usage(input_tokens=100, corrected=True)),
        (
            {"input_tokens": 10, "cache_read_input_tokens": "70", "cache_creation_input_tokens": 20.0},
            {**WRITTEN, "cache_read_input_tokens": 0},
            Usage(input_tokens=100, cached_input_tokens=70, cache_write_tokens=20, output_tokens=20),
        ),
        (
            {
                "input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 5},
            },
            WRITTEN,
            Usage(
                input_tokens=35,
                cache_write_tokens=25,
                output_tokens=20,
                details=PriceDetails(cache_write_1h=5),
            ),
        ),
        (
            {"input_tokens": 10, "cache_creation": None, "output_tokens_details": None},
            {**WRITTEN, "output_tokens_details": {"thinking_tokens": 30}},
            Usage(input_tokens=10, output_tokens=20, reasoning_tokens=20, corrected=True),
        ),
    ],
)
def test_a_count_stands_until_another_one_comes(first, last, expected):
    assert counted(read(start(first), *TEXT, end(last), STOP))[-1] == expected


@pytest.mark.parametrize("odd", [[], "many", 7, [1]])
def test_usage_of_another_type_is_no_count(odd):
    events = read(
        start(odd), *TEXT, named("message_delta", delta={"stop_reason": "end_turn"}, usage=odd), STOP
    )
    assert text(events) == SAID
    assert all(usage == Usage(corrected=True) for usage in counted(events))


def test_counts_that_come_after_the_end_are_read():
    late = read(BEGIN, *TEXT, end(), named("message_stop", usage=WRITTEN))
    later = read(BEGIN, *TEXT, end(), STOP, end(WRITTEN), event(b"[DONE]"))
    within = read(
        BEGIN, *TEXT, named("message_delta", delta={"stop_reason": "end_turn", "usage": WRITTEN}), STOP
    )
    assert (
        counted(late)[-1]
        == counted(later)[-1]
        == counted(within)[-1]
        == Usage(input_tokens=100, output_tokens=20)
    )


@pytest.mark.parametrize(
    "blocks",
    [
        [delta(0, type="text_delta", text=SAID)],  # no beginning
        [delta(None, type="text_delta", text=SAID)],  # no number
        TEXT[:-1],  # no end
        [named("content_block_start", index=0, content_block={"type": "text", "text": None}), *TEXT[1:]],
        [named("content_block_start", index=0, content_block={"type": "text"}), *TEXT[1:]],
        [named("content_block_start", index=0, content_block=None), *TEXT[1:]],
        [named("content_block_start", index=0), *TEXT[1:]],
        [named("content_block_start", index=0, content_block={"text": ""}), *TEXT[1:]],
        [named("content_block_start", content_block={"type": "text", "text": ""}), *TEXT[1:]],
        [
            TEXT[0],
            delta(1, type="text_delta", text="It takes "),
            delta(7, type="text_delta", text="42 days."),
        ],
        [TEXT[0], delta("0", type="text_delta", text=SAID)],
        [TEXT[0], delta([0], type="text_delta", text=SAID)],
        [*TEXT[:2], *text_block(0, "42 days.")],  # one number twice
        [*TEXT[:2], TEXT[0], *TEXT[2:]],  # a beginning for each piece
        [named("content_block_start", index=0, delta={"type": "text", "text": ""}), *TEXT[1:]],
        [*TEXT[:2], delta(0, type="text_delta", text=None), delta(0, type="text_delta"), *TEXT[2:]],
        [*TEXT[:2], delta(0, type="text_delta", text=""), delta(0, text="42 days.")],
        [*TEXT[:2], delta(0, type="new_delta", new=1), named("content_block_delta", index=0), *TEXT[2:]],
        [
            *TEXT,
            *block(1, {"type": "web_search_tool_result", "content": [{"url": "x"}]}),
            tool(None, type="new"),
        ],
    ],
    ids=range(19),
)
def test_blocks_are_read_however_they_are_announced(blocks):
    events = read(BEGIN, *blocks, *END)
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))


def test_halves_of_surrogate_pairs_are_joined_or_replaced():
    def half(written, kind="text"):
        return (
            b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "%s_delta", "%s": "%s"}}\n\n'
            % (
                kind.encode(),
                {"text": b"text", "thinking": b"thinking", "input_json": b"partial_json"}[kind],
                written,
            )
        )

    events = read(BEGIN, TEXT[0], half(rb"a\ud83d"), half(rb"\ude00b"), half(rb"\ud83dc"), *END)
    assert text(events) == "a😀b�c"
    (call,) = called(tool(0), half(rb"{\"a\": \"\ud83d", "input_json"), half(rb"\ude00\"}", "input_json"))
    assert call.arguments == {"a": "😀"}


def test_content_that_json_proper_cannot_hold_does_not_go_back():
    odd = (
        b'data: {"type": "content_block_start", "content_block": {"type": "thinking", "data": "\\ud83d"}}\n\n'
    )
    assert turn(read(BEGIN, odd, tool(1), end(WRITTEN, "tool_use"), STOP)).native is None


def test_thinking_is_kept_apart_however_it_is_announced():
    beginning = named("content_block_start", index=0, content_block={"type": "thinking", "thinking": "Hm. "})
    mixed = [
        beginning,
        delta(0, type="thinking_delta", thinking="So."),
        delta(0, type="text_delta", text=SAID),
    ]
    bare = [delta(0, type="thinking_delta", thinking="Hm. So."), delta(1, type="text_delta", text=SAID)]
    wrong = [named("content_block_start", index=0, content_block={"type": "text", "text": ""}), *bare]
    for parts in (mixed, bare, wrong):
        events = read(BEGIN, *parts, *END)
        assert (reasoning(events), text(events)) == ("Hm. So.", SAID)
    held = block(0, {"type": "redacted_thinking", "data": None})
    assert text(read(BEGIN, *held, *TEXT, *END)) == SAID


def test_a_beginning_for_each_piece_of_thinking_makes_one_block():
    begin = named("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
    signed = delta(0, type="signature_delta", signature="c2ln")
    first = [begin, delta(0, thinking="Hm. "), begin, delta(0, thinking="So."), signed]
    second = [begin, delta(0, thinking="Once more."), tool(1)]
    thoughts = turn(read(BEGIN, *first, *second, end(WRITTEN, "tool_use"), STOP)).native[:2]
    assert [thought["thinking"] for thought in thoughts] == ["Hm. So.", "Once more."]


def called(*parts, reason="tool_use"):
    return turn(read(BEGIN, *parts, end(WRITTEN, reason), STOP)).calls


def piece(written, index=0):
    return delta(index, type="input_json_delta", partial_json=written)


@pytest.mark.parametrize(
    "parts",
    [
        [tool(0, input={"thing": "x"})],
        [tool(0, input='{"thing": "x"}')],
        [tool(0), piece('"{\\"thing\\": \\"x\\"}"')],
        [tool(0, input={"thing": "x"}), piece("")],
        [tool(0, input={"thing": "x"}), piece(None)],
        [tool(0, input={}), piece({"thing": "x"})],
        [tool(0, input=None), piece('{"thing": '), piece('"x"}')],
        [tool(0), piece("{}"), piece('{"thing": "x"}')],
        [tool(None), piece('{"thing": "x"}', index=None)],
        [tool(0), piece('{"thing": "x"}', index=3)],
        [*TEXT, tool(0), piece('{"thing": "x"}')],
        [tool(0), delta(0, type="text_delta", text="So."), piece('{"thing": '), piece('"x"}')],
        [
            named(
                "content_block_start",
                index=0,
                content_block={"id": "t", "name": "weigh", "input": {"thing": "x"}},
            )
        ],
    ],
    ids=range(13),
)
@pytest.mark.parametrize("reason", ["tool_use", "end_turn", "tool_calls"])
def test_arguments_come_whole_or_in_pieces(parts, reason):
    (call,) = called(*parts, reason=reason)
    assert (call.id, call.name, call.arguments) == ("t", "weigh", {"thing": "x"})


@pytest.mark.parametrize("nothing", [{}, None, "", " ", "null"])
def test_no_arguments_are_an_empty_object(nothing):
    (call,) = called(tool(0, input=nothing))
    assert call.arguments == {}


@pytest.mark.parametrize("ids", [("", ""), (None, None), ("t", "t"), (7, None), ([], {})])
def test_calls_have_ids_of_their_own(ids):
    calls = called(
        *(part for at, given in enumerate(ids) for part in (tool(0, id=given), piece(f'{{"n": {at}}}')))
    )
    assert [call.arguments for call in calls] == [{"n": 0}, {"n": 1}]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize(
    "parts",
    [
        [tool(0, name=None)],
        [tool(0, name={})],
        [tool(0, input=[1])],
        [tool(0, input="weigh it")],
        [piece('{"thing": "x"}')],
        [tool(0), piece("not JSON")],
    ],
)
def test_a_call_that_cannot_be_made_is_an_error(parts):
    with pytest.raises(ModelUnavailable, match="not a JSON object"):
        called(*parts)


@pytest.mark.parametrize(
    "last",
    [
        [event(b"[DONE]")],
        [event(b" [DONE] ")],
        [end()],
        [end(), event(b"[DONE]")],
        [STOP],
        [end(WRITTEN), STOP, event(b"[DONE]"), event(b"oops"), event(b"[1]"), named("error", error="late")],
        [named("message_delta", stop_reason="end_turn")],
        [event({"delta": {"stop_reason": "end_turn"}})],
        [named("message_delta", delta=None), STOP],
    ],
    ids=range(9),
)
def test_there_are_many_ways_to_end(last):
    events = read(BEGIN, *TEXT, *last)
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))


@pytest.mark.parametrize("reason", [None, "", [], {}])
def test_without_an_end_it_broke_off(reason):
    with pytest.raises(ModelUnavailable, match="broke off"):
        read(BEGIN, *TEXT, end(reason=reason))


@pytest.mark.parametrize("reason", ["error", "network_error"])
def test_an_answer_that_its_server_calls_failed_is_no_answer(reason):
    with pytest.raises(ModelUnavailable, match=f"went wrong: {reason}"):
        read(BEGIN, *TEXT, end(reason=reason), STOP)


def bare(kept):
    """Return an event as servers send it that leave out its name, or its type."""
    name, data = kept.removesuffix(b"\n\n").split(b"\n", 1)
    fields = orjson.loads(data.removeprefix(b"data: "))
    del fields["type"]
    return [data + b"\n\n", name + b"\n" + event(fields)]


@pytest.mark.parametrize("way", [0, 1])
def test_events_may_lack_their_name_or_their_type(way):
    parts = [bare(part)[way] for part in (BEGIN, *TEXT[:3], end(WRITTEN))]
    events = read(*parts, event(b"[DONE]"))
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))
    assert counted(events)[-1] == Usage(input_tokens=100, output_tokens=20)


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": SAID},
        {"type": "tool_use", "id": "t", "name": "weigh", "input": {"thing": "x"}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 100, "output_tokens": 20},
}


@pytest.mark.parametrize("sent", [event(MESSAGE), event([MESSAGE]), event(orjson.dumps(MESSAGE))])
def test_a_whole_message_is_an_answer(sent):
    events = read(sent)
    assert (reasoning(events), text(events)) == ("Hm.", SAID)
    said = turn(events)
    assert said == ModelTurn(text=SAID, calls=said.calls, wire="anthropic", native=MESSAGE["content"])
    assert said.calls[0].arguments == {"thing": "x"}
    assert counted(events) == [Usage(input_tokens=100, output_tokens=20)]


@pytest.mark.parametrize("content", [SAID, {"type": "text", "text": SAID}, [None, {"text": SAID}]])
def test_a_whole_message_may_be_written_in_short(content):
    events = read(event({**MESSAGE, "content": content, "stop_reason": None}))
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end"))
    assert stopped(read(event({**MESSAGE, "content": None, "stop_reason": "refusal"}))) == Stop(
        reason="refusal"
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": "Overloaded"},
        {"type": "error", "message": "Overloaded"},
        {"type": "error", "error": ["Overloaded"]},
        {"error": {"message": {"text": "Overloaded"}, "code": "500"}},
        {"error": {"message": "Overloaded"}, "request_id": {"id": 7}},
        [{"error": {"message": "Overloaded"}}],
        {"error": "Overloaded", "status": 503, "details": "x", "timestamp": "x"},
    ],
    ids=range(8),
)
def test_an_error_within_a_stream_is_one_whatever_its_shape(odd):
    with pytest.raises(ModelUnavailable, match="Overloaded") as caught:
        read(BEGIN, *TEXT, event(odd))
    assert caught.value.request_id is None or isinstance(caught.value.request_id, str)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"type": "overloaded_error", "message": "Busy"}, "not available: overloaded_error (Busy)."),
        ({"message": "Busy"}, "not available (Busy)."),
        ({"type": "api_error", "message": "Busy", "code": "503"}, "not available: status 503 (Busy)."),
        ({"type": 7, "code": "overloaded"}, "not available: 7."),
    ],
)
def test_an_error_within_a_stream_names_no_status_that_nobody_sent(error, named):
    with pytest.raises(ModelUnavailable) as caught:
        read(BEGIN, *TEXT, event({"type": "error", "error": error}))
    assert caught.value.message.endswith(named)


@pytest.mark.parametrize(
    "words",
    [["<think>Hm.</think>It takes 42 days."], ["<th", "ink>H", "m.</thi", "nk>\n\nIt takes ", "42 days."]],
)
def test_thoughts_within_tags_are_no_text(words):
    events = read(BEGIN, *text_block(0, *words), *END)
    assert (reasoning(events), text(events)) == ("Hm.", SAID)


@pytest.mark.parametrize("words", [["a <", " b"], ["A <b>tag</b>"], ["1 < 2"], ["<"], ["ends with <thi"]])
def test_what_only_looks_like_a_tag_is_text(words):
    assert text(read(BEGIN, *text_block(0, *words), *END)) == "".join(words)


def test_null_keeps_the_connection_open():
    assert text(read(BEGIN, event(b"null"), *TEXT, *END)) == SAID
