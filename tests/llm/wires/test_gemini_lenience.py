"""What servers send that speak Gemini's protocol: Vertex AI, gateways, and Gemini itself on odd days."""

import orjson
import pytest
from tests.llm.wires.conftest import counted, decoded, reasoning, stopped, text, turn
from tests.llm.wires.servers.base import event
from tests.llm.wires.servers.gemini import SO_FAR, USAGE, call, chunk, problem

from vital_shared.llm.base import ModelError, ModelHeldBack, ModelUnavailable, Stop, Usage
from vital_shared.llm.wires.gemini import GeminiWire

SAID = "It takes 42 days."
WORDS = [chunk({"text": "It takes "}, usage=None), chunk({"text": "42 days."}, usage=None)]
END = chunk(finish="STOP", usage=None)


def read(*parts):
    return decoded(GeminiWire(), parts)[0]


def candidate(**fields):
    return event({"candidates": [fields]})


NULLS = {"finishReason": None, "safetyRatings": None, "index": None, "finishMessage": None}


@pytest.mark.parametrize(
    "parts",
    [
        [*WORDS, END],
        [*WORDS, candidate(finishReason="STOP")],
        [*WORDS, candidate(finishReason="stop", content=None)],
        [*WORDS, candidate(finishReason="STOP", content={})],
        [*WORDS, candidate(finishReason="STOP", content={"parts": None, "role": None})],
        [event({"candidates": None}), event({}), event({"candidates": []}), *WORDS, END],
        [event({"candidates": [None]}), *WORDS, candidate(**NULLS), END],
        [candidate(content={"parts": [{"text": SAID, "functionCall": None, "thought": None}]}, **NULLS), END],
        [candidate(content={"parts": [None, {"text": None}, {}, {"text": SAID}]}), END],
        [candidate(content={"parts": {"text": SAID}}), END],
        [candidate(content={"parts": [SAID]}), END],
        [candidate(content=SAID), END],
        [candidate(content=[{"text": SAID}]), END],
        [event({"candidates": {"content": {"parts": [{"text": SAID}]}, "finishReason": "STOP"}})],
        [candidate(content={"parts": [{"text": SAID}]}, finishReason="FINISH_REASON_UNSPECIFIED"), END],
        [*WORDS, event(b"[DONE]")],
        [*WORDS, END, event(b" [DONE]"), event(b"oops"), event(b"[1]")],
        [
            event({"promptFeedback": None, "usageMetadata": None, "error": None, "responseId": None}),
            *WORDS,
            END,
        ],
        [event({"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}}), *WORDS, END],
        [event({"promptFeedback": {"blockReason": None, "safetyRatings": []}}), *WORDS, END],
        [event(b""), *WORDS, END],
    ],
    ids=range(21),
)
def test_nulls_and_shorter_forms_are_read(parts):
    events = read(*parts)
    assert (text(events), events[-1].reason) == (SAID, "end")


def test_a_wrapped_stream_is_read_as_code_assist_sends_it():
    wrapped = [event({"response": orjson.loads(part[6:]), "traceId": "t"}) for part in (*WORDS, END)]
    assert text(read(*wrapped)) == SAID


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_list_of_chunks_is_read_like_a_stream(size):
    chunks = [orjson.loads(part[6:]) for part in (*WORDS, chunk(finish="STOP", usage=USAGE))]
    events = read(event(chunks[:size]), *(event([each]) for each in chunks[size:]))
    assert (text(events), stopped(events)) == (SAID, Stop(reason="end", request_id="response-1"))
    assert counted(events)[-1].input_tokens == 120


def test_only_one_of_several_candidates_is_read():
    def both(first, second, **more):
        given = [
            {"index": 1, "content": {"parts": [{"text": second}]}},
            {"index": 0, "content": {"parts": [{"text": first}]}, **more},
        ]
        return event({"candidates": given})

    alone = event({"candidates": [{"index": 1, "content": {"parts": [{"text": "No."}]}}]})
    start = event({"candidates": [{"index": 0, "content": {"parts": [{"text": "It "}]}}]})
    assert (
        text(read(start, both("takes ", "Not "), alone, both("42 days.", "so.", finishReason="STOP"))) == SAID
    )


def test_thoughts_are_kept_apart():
    parts = chunk(
        {"text": "Hm.", "thought": True}, {"text": SAID, "thought": False}, {"thoughtSignature": "x"}
    )
    events = read(parts, END)
    assert (reasoning(events), text(events)) == ("Hm.", SAID)


def test_halves_of_surrogate_pairs_are_joined_or_replaced():
    halves = [rb"a\ud83d", rb"\ude00b", rb"\ud83dc"]
    parts = [
        b'data: {"candidates": [{"content": {"parts": [{"text": "%s"}]}}]}\n\n' % half for half in halves
    ]
    assert text(read(*parts, END)) == "a😀b�c"


def test_a_model_that_says_stop_in_each_chunk_is_whole_with_none():
    decoder = GeminiWire().decoder("gemini:test")
    chunks = [chunk({"text": "a"}, finish="STOP")[6:-2], chunk({"text": "b"}, finish="STOP")[6:-2]]
    assert [(decoder.feed(each), decoder.is_whole)[1] for each in chunks] == [True, False]
    decoder.feed(b"[DONE]")
    assert decoder.is_whole


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"args": None}, {}),
        ({}, {}),
        ({"args": {}}, {}),
        ({"args": ""}, {}),
        ({"args": '{"thing": "x"}'}, {"thing": "x"}),
        ({"args": {"thing": "x"}, "id": None}, {"thing": "x"}),
        ({"args": {"thing": "x"}, "id": 7}, {"thing": "x"}),
    ],
)
def test_arguments_may_be_null_or_a_text(args, expected):
    events = read(chunk(call("weigh", **args), {"text": None, "functionCall": None}), END)
    (made,) = turn(events).calls
    assert (made.name, made.arguments) == ("weigh", expected)
    assert turn(events).native[0]["functionCall"] == {"name": "weigh", "id": made.id, "args": expected}


def test_calls_of_one_id_get_ids_of_their_own():
    calls = turn(read(chunk(call("weigh", id="x"), call("weigh", id="x"), call("weigh", id="")), END)).calls
    assert len({each.id for each in calls}) == 3


@pytest.mark.parametrize("odd", [{"name": None}, {"args": {}}, {"name": "weigh", "args": [1]}, "weigh", []])
def test_a_call_that_cannot_be_made_is_an_error(odd):
    with pytest.raises(ModelUnavailable, match="not a JSON object"):
        read(chunk({"functionCall": odd}), END)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (
            [None, USAGE],
            Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
        ),
        (
            [SO_FAR, USAGE, {}],
            Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
        ),
        (
            [USAGE, None],
            Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
        ),
        (
            [USAGE, dict.fromkeys(USAGE, 0)],
            Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
        ),
        (
            [{"promptTokenCount": "120", "candidatesTokenCount": "20", "thoughtsTokenCount": None}],
            Usage(input_tokens=120, output_tokens=20),
        ),
        (
            [{"promptTokenCount": 120.0, "candidatesTokenCount": 2e1}],
            Usage(input_tokens=120, output_tokens=20),
        ),
        (
            [{"promptTokenCount": 10, "cachedContentTokenCount": 70, "candidatesTokenCount": 20}],
            Usage(input_tokens=10, cached_input_tokens=10, output_tokens=20, corrected=True),
        ),
        (
            [{"promptTokenCount": 100, "toolUsePromptTokenCount": 20, "candidatesTokenCount": 20}],
            Usage(input_tokens=120, output_tokens=20),
        ),
        ([{"promptTokenCount": 100, "totalTokenCount": 120}], Usage(input_tokens=100, output_tokens=20)),
        (
            [
                {
                    "promptTokenCount": 100,
                    "candidatesTokenCount": 20,
                    "thoughtsTokenCount": 15,
                    "totalTokenCount": 120,
                }
            ],
            Usage(input_tokens=100, output_tokens=20, reasoning_tokens=15),
        ),
        ([{"promptTokenCount": -1, "candidatesTokenCount": 20}], Usage(output_tokens=20, corrected=True)),
        ([{"promptTokenCount": 100, "candidatesTokenCount": 1e300}], Usage(input_tokens=100, corrected=True)),
        ([{"promptTokenCount": [1], "candidatesTokenCount": {}}], Usage(corrected=True)),
        (["many"], Usage(corrected=True)),
        (
            [[1], USAGE, 7],
            Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
        ),
    ],
    ids=range(15),
)
def test_a_count_stands_until_another_one_comes(chunks, expected):
    events = read(*(chunk({"text": "x"}, usage=usage) for usage in chunks), END)
    assert counted(events)[-1] == expected


def test_no_counts_are_none():
    assert counted(read(*WORDS, END)) == []


ERROR = problem(503, "UNAVAILABLE", "Overloaded")


@pytest.mark.parametrize(
    "odd",
    [
        ERROR,
        [ERROR],
        [None, ERROR],
        {**ERROR, "candidates": [{"content": {"parts": [{"text": "x"}]}}]},
        {"error": {"code": "503", "message": "Overloaded", "details": None}},
        {"error": {"code": None, "message": "Overloaded", "details": {"reason": 1}}},
        {"error": {"code": 14, "message": "Overloaded", "status": "UNAVAILABLE"}},
        {"error": {"code": 10**15, "message": "Overloaded"}},
        {"error": "Overloaded"},
        {"error": ["Overloaded"]},
        {"response": ERROR},
    ],
    ids=range(11),
)
@pytest.mark.parametrize("before", [0, 2])
def test_an_error_within_a_stream_is_one_whatever_its_shape(odd, before):
    with pytest.raises(ModelUnavailable, match="Overloaded"):
        read(*WORDS[:before], event(odd), END)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"code": 503, "message": "Busy"}, "not available: status 503 (Busy)."),
        ({"status": "UNAVAILABLE", "message": "Busy"}, "not available: UNAVAILABLE (Busy)."),
        ({"code": 14, "message": "Busy"}, "not available (Busy)."),
        ({"code": 14, "status": "RESOURCE_EXHAUSTED", "message": "Busy"}, "asked too often (Busy)."),
    ],
)
def test_an_error_within_a_stream_names_no_status_that_nobody_sent(error, named):
    with pytest.raises(ModelError) as caught:
        read(*WORDS, event({"error": error}))
    assert caught.value.message.endswith(named)


@pytest.mark.parametrize(
    "reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "new"]
)
def test_a_refusal_before_the_answer_rejects_it_and_one_midway_ends_it(reason):
    refused = event({"promptFeedback": {"blockReason": reason}, "candidates": None})
    with pytest.raises(ModelHeldBack, match=reason) as caught:
        read(refused)
    assert caught.value.reason == "content_filtered"
    events = read(*WORDS, refused)
    assert (text(events), events[-1].reason) == (SAID, "content_filter")


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "NO_IMAGE", "IMAGE_OTHER", "error"])
@pytest.mark.parametrize("said", [None, {"why": 1}, "It is so."])
def test_an_answer_gone_wrong_is_none_whatever_is_said(reason, said):
    with pytest.raises(ModelUnavailable, match="went wrong"):
        read(*WORDS, candidate(finishReason=reason, finishMessage=said))


@pytest.mark.parametrize("reason", [None, "", [], {}, "FINISH_REASON_UNSPECIFIED"])
def test_without_an_end_it_broke_off(reason):
    with pytest.raises(ModelUnavailable, match="broke off"):
        read(*WORDS, candidate(finishReason=reason))


@pytest.mark.parametrize("given", [7, {"id": 1}, ["x"], "", "x" * 10_000])
def test_an_id_of_the_answer_is_a_short_text_or_none(given):
    events = read(event({"responseId": given, "candidates": [{"content": {"parts": [{"text": "x"}]}}]}), END)
    assert events[-1].request_id is None or len(events[-1].request_id) <= 200


@pytest.mark.parametrize(
    "words",
    [["<think>Hm.</think>It takes 42 days."], ["<th", "ink>H", "m.</thi", "nk>\n\nIt takes ", "42 days."]],
)
def test_thoughts_within_tags_are_no_text(words):
    events = read(*(chunk({"text": word}, usage=None) for word in words), END)
    assert (reasoning(events), text(events)) == ("Hm.", SAID)


@pytest.mark.parametrize("words", [["a <", " b"], ["A <b>tag</b>"], ["1 < 2"], ["<"], ["ends with <thi"]])
def test_what_only_looks_like_a_tag_is_text(words):
    assert text(read(*(chunk({"text": word}, usage=None) for word in words), END)) == "".join(words)


def test_null_keeps_the_connection_open():
    assert text(read(event(b"null"), *WORDS, END)) == SAID
