"""Streams as the Gemini API's documentation shows them (`GenerateContentResponse`, "Thought signatures")."""

import orjson
from tests.llm.wires.servers.base import Reply, event

HEADERS = {"Server": "scaffolding on HTTPServer2"}

USAGE = {
    "promptTokenCount": 120,
    "cachedContentTokenCount": 70,
    "candidatesTokenCount": 25,
    "thoughtsTokenCount": 15,
    "totalTokenCount": 160,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 120}],
}
SO_FAR = {"promptTokenCount": 120, "cachedContentTokenCount": 70, "totalTokenCount": 120}


def chunk(*parts, finish=None, usage=SO_FAR, **candidate):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **candidate}
    if finish:
        candidate["finishReason"] = finish
    return event(
        {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": "gemini-test",
            "responseId": "response-1",
        }
    )


def call(name, signature=None, **function):
    part = {"functionCall": {"name": name, **function}}
    return part | ({"thoughtSignature": signature} if signature else {})


WORDS = ("It ", "takes ", "42 ", "days — ", "ünïcode.")
SAID = "".join(WORDS)
TEXT = [
    *(chunk({"text": word}) for word in WORDS),
    chunk({"text": "", "thoughtSignature": "ZW5k"}, finish="STOP", usage=USAGE),
]
TOOLS = [
    chunk({"text": "Hm. So.", "thought": True}),
    chunk({"text": "Let me "}),
    chunk({"text": "see."}),
    chunk(
        call("weigh", "c2lnbmVk", id="fc_1", args={"thing": "the moon"}),
        call("measure", id="fc_2", args={}),
    ),
    chunk({"text": ""}, finish="STOP", usage=USAGE),
]
BLOCKED = [
    event(
        {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": SO_FAR,
            "modelVersion": "gemini-test",
            "responseId": "response-1",
        }
    )
]


ARRAY = [
    b"["
    if not at
    else b"\n,\r\n"
    if at % 2 == 0
    else orjson.dumps(orjson.loads(TEXT[at // 2][6:]), option=orjson.OPT_INDENT_2)
    for at in range(2 * len(TEXT))
] + [b"\n]\n"]
"""The stream without ``alt=sse``, as Google writes it: one list of JSON, printed over many lines."""

NULLS = [
    event({"candidates": None, "usageMetadata": None, "promptFeedback": None}),
    *(
        event(
            {"candidates": [{"content": {"parts": [{"text": word, "thought": None}]}, "finishReason": None}]}
        )
        for word in WORDS
    ),
    event({"candidates": [{"content": None, "finishReason": "STOP"}], "usageMetadata": USAGE}),
    event({"candidates": [], "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": None}}),
]
"""The stream of a server that writes all fields."""


def stream(parts, **given):
    return Reply(parts, headers=HEADERS | given.pop("headers", {}), **given)


def problem(code, status, message="It is so.", *details):
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def error(code, status, message="It is so.", *details, headers=None):
    body = orjson.dumps(problem(code, status, message, *details))
    return Reply([body], code, HEADERS | (headers or {}), "application/json; charset=UTF-8")


def retry_info(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota():
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
    }


def invalid_key():
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
    }
