"""Charges of providers for tools of their own, as published answers report them, to the exact nano-dollar."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.billing.test_usage_shapes import SEARCH, nanos

from vital_shared.billing.pricing import Price
from vital_shared.llm.base import Usage
from vital_shared.llm.wires.gemini_stream import GeminiDecoder
from vital_shared.llm.wires.responses_stream import ResponsesDecoder

FILE_SEARCH = 2_500_000
GROUNDED_PROMPT = 35_000_000
GEMINI_3_SEARCH = 14_000_000
MAPS_PROMPT = 25_000_000
CONTAINER = 7_500_000


def usage_of(decoder: GeminiDecoder | ResponsesDecoder, *answers: dict[str, Any]) -> list[Usage]:
    events = [event for each in answers for event in decoder.feed(orjson.dumps(each))]
    return [event for event in (*events, *decoder.end()) if isinstance(event, Usage)][-1:]


def grounded(queries: Any, **more: Any) -> dict[str, Any]:
    """An answer after the guide "Grounding with Google Search"."""
    return {
        "content": {"parts": [{"text": "Spain won Euro 2024."}], "role": "model"},
        "finishReason": "STOP",
        "groundingMetadata": {
            "webSearchQueries": queries,
            "searchEntryPoint": {"renderedContent": "<!-- HTML and CSS -->"},
            "groundingChunks": [{"web": {"uri": "https://vertexaisearch.cloud", "title": "uefa.com"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 0, "endIndex": 20}, "groundingChunkIndices": [0]}
            ],
        },
        **more,
    }


COUNTS = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
FLASH_2 = 10 * 300 + 20 * 2_500
FLASH_3 = 10 * 500 + 20 * 3_000
TWO = ["UEFA Euro 2024 winner", "who won euro 2024"]


@pytest.mark.parametrize(
    ("model", "queries", "expected"),
    [
        ("gemini-2.5-flash", TWO, FLASH_2 + GROUNDED_PROMPT),
        ("gemini-2.5-flash", TWO[:1], FLASH_2 + GROUNDED_PROMPT),
        ("gemini-2.5-flash", [], FLASH_2),
        ("gemini-2.5-flash", [""], FLASH_2),
        ("gemini-3-flash-preview", TWO, FLASH_3 + 2 * GEMINI_3_SEARCH),
        ("gemini-3-flash-preview", ["", TWO[0], "", TWO[1], TWO[0]], FLASH_3 + 2 * GEMINI_3_SEARCH),
        ("gemini-3-flash-preview", None, FLASH_3),
        ("gemini-3-flash-preview", "cats", FLASH_3),
        ("gemini-3-flash-preview", [1, {"query": "cats"}, None], FLASH_3),
    ],
)
async def test_searches_of_google_are_charged_by_prompt_or_by_query(
    model: str, queries: Any, expected: int
) -> None:
    decoder = GeminiDecoder(f"gemini:{model}")
    answer = {"candidates": [grounded(queries)], "usageMetadata": COUNTS}
    assert await nanos(f"gemini:{model}", usage_of(decoder, answer)) == expected


MAPPED = {
    "groundingChunks": [
        {"maps": {"uri": "https://maps.google.com/?cid=1", "title": "A Place", "placeId": "places/1"}}
    ]
}
"""What an answer rests on, after the guide "Grounding with Google Maps"."""


@pytest.mark.parametrize(
    ("model", "metadata", "expected"),
    [
        ("gemini-2.5-flash", MAPPED, FLASH_2 + MAPS_PROMPT),
        ("gemini-2.5-flash", {"groundingChunks": MAPPED["groundingChunks"] * 3}, FLASH_2 + MAPS_PROMPT),
        (
            "gemini-2.5-flash",
            MAPPED | {"webSearchQueries": TWO},
            FLASH_2 + MAPS_PROMPT + GROUNDED_PROMPT,
        ),
        ("gemini-2.5-flash", {"groundingChunks": [{"web": {}}, None, {"maps": {}}]}, FLASH_2),
        ("gemini-2.5-flash", {"groundingChunks": {"maps": {"uri": ""}}}, FLASH_2),
        ("gemini-3-flash-preview", MAPPED, FLASH_3),  # its price is for each query, which is not reported
    ],
)
async def test_a_map_of_googles_is_charged_once_for_a_request(
    model: str, metadata: dict[str, Any], expected: int
) -> None:
    decoder = GeminiDecoder(f"gemini:{model}")
    answer = {"candidates": [grounded([], groundingMetadata=metadata)], "usageMetadata": COUNTS}
    assert await nanos(f"gemini:{model}", usage_of(decoder, answer)) == expected


@pytest.mark.parametrize(
    ("model", "tokens", "search"),
    [
        ("gpt-4o-search-preview", 100 * 2_500 + 10 * 10_000, 25_000_000),
        ("gpt-4o-mini-search-preview-2025-03-11", 100 * 150 + 10 * 600, 25_000_000),
        ("gpt-5-search-api", 100 * 1_250 + 10 * 10_000, 10_000_000),
        ("gpt-4o", 100 * 2_500 + 10 * 10_000, 0),
    ],
)
async def test_a_model_that_searches_for_each_chat_costs_its_search(
    model: str, tokens: int, search: int
) -> None:
    counts = [Usage(input_tokens=100, output_tokens=10)]
    assert await nanos(f"openai:{model}", counts) == tokens + search


async def test_a_search_model_that_does_not_answer_costs_no_search() -> None:
    assert await nanos("openai:gpt-4o-search-preview", [Usage(input_tokens=0, output_tokens=0)]) == 0


async def test_searches_that_later_chunks_and_other_candidates_repeat_are_charged_once() -> None:
    decoder = GeminiDecoder("gemini:gemini-3-flash-preview", choices=2)
    chunks = [
        {
            "candidates": [{"content": {"parts": [{"text": "Spain "}]}}],
            "usageMetadata": {"promptTokenCount": 10},
        },
        {"candidates": [grounded(TWO[:1], finishReason=None)]},
        {"candidates": [grounded(TWO), grounded(TWO, index=1)], "usageMetadata": COUNTS},
    ]
    expected = FLASH_3 + 2 * GEMINI_3_SEARCH
    assert await nanos("gemini:gemini-3-flash-preview", usage_of(decoder, *chunks)) == expected


async def test_pages_that_gemini_reads_cost_their_tokens() -> None:
    """Source: the guide "URL context"."""
    answer = {
        "candidates": [
            {
                "content": {"parts": [{"text": "Both are roasted."}], "role": "model"},
                "finishReason": "STOP",
                "urlContextMetadata": {
                    "urlMetadata": [
                        {
                            "retrievedUrl": "https://www.foodnetwork.com/recipes/ina-garten/perfect-roast-chicken",
                            "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS",
                        }
                    ]
                },
            }
        ],
        "usageMetadata": {
            "candidatesTokenCount": 45,
            "promptTokenCount": 27,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 27}],
            "thoughtsTokenCount": 31,
            "toolUsePromptTokenCount": 10_309,
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 10_309}],
            "totalTokenCount": 10_412,
        },
    }
    found = usage_of(GeminiDecoder("gemini:gemini-2.5-flash"), answer)
    assert await nanos("gemini:gemini-2.5-flash", found) == 10_336 * 300 + 76 * 2_500


USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 110,
}
GPT_41 = 100 * 2_000 + 10 * 8_000
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Deep research is a new capability.", "annotations": []}],
}
OF_FILES = {
    "type": "file_search_call",
    "id": "fs_67c09ccea8c48191ade9367e3ba71515",
    "status": "completed",
    "queries": ["What is deep research?"],
    "results": None,
}
RAN_CODE = {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "code": "1 + 1"}
CODE_TOOL = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [], "memory_limit": "1g"}}
OF_WEB = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}


def response(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A response after OpenAI's reference and its guides "File search" and "Web search"."""
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "gpt-4.1",
        "output": [*output, SAID],
        "usage": USAGE,
        **more,
    }


def streamed(whole: dict[str, Any], *, repeats_items: bool = True) -> list[dict[str, Any]]:
    done = [
        {"type": "response.output_item.done", "output_index": place, "item": item}
        for place, item in enumerate(whole["output"])
    ]
    last = whole if repeats_items else whole | {"output": []}
    return [*done, {"type": "response.completed", "response": last}]


IMAGES = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("whole", "extra"),
    [
        (response(OF_FILES), FILE_SEARCH),
        (response(OF_FILES, OF_FILES | {"id": "fs_2", "queries": ["a", "b"]}), 2 * FILE_SEARCH),
        (response(OF_FILES | {"status": "failed"}), 0),
        (response(OF_FILES, OF_WEB), FILE_SEARCH + SEARCH),
        (response(OF_WEB, tool_usage={"image_gen": IMAGES, "web_search": {"num_requests": 0}}), 0),
        (response(OF_WEB, tool_usage={"image_gen": IMAGES, "web_search": {"num_requests": 3}}), 3 * SEARCH),
        (response(OF_WEB, tool_usage={"web_search": {"num_requests": -1}}), SEARCH),
        (response(OF_WEB, tool_usage={"web_search": {}}), SEARCH),
        (response(OF_WEB, tool_usage={"web_search": [3]}), SEARCH),
        (response(OF_WEB, tool_usage=None), SEARCH),
        (response(RAN_CODE), CONTAINER),
        (response(RAN_CODE, RAN_CODE | {"id": "ci_2"}, tools=[CODE_TOOL]), CONTAINER),
        (response(RAN_CODE, RAN_CODE | {"container_id": "cntr_2"}, tools=[CODE_TOOL]), 2 * CONTAINER),
        (response(RAN_CODE, tools=[CODE_TOOL | {"container": {"memory_limit": "16g"}}]), 16 * CONTAINER),
        (response(RAN_CODE, tools=[CODE_TOOL | {"container": "cntr_1"}]), 0),
        (response(tools=[CODE_TOOL]), 0),
    ],
)
@pytest.mark.parametrize("form", ["whole", "streamed", "streamed without the items at its end"])
async def test_searches_of_openai_are_charged_in_responses(
    whole: dict[str, Any], extra: int, form: str
) -> None:
    events = [whole] if form == "whole" else streamed(whole, repeats_items=form == "streamed")
    found = usage_of(ResponsesDecoder("openai:gpt-4.1"), *events)
    assert await nanos("openai:gpt-4.1", found) == GPT_41 + extra


async def test_a_configured_price_may_be_for_grounded_prompts_and_files() -> None:
    own = Price.model_validate(
        {"input": "1", "output": "1", "grounded_prompts": "7000", "file_searches": "2000"}
    )
    answer = {"candidates": [grounded(TWO)], "usageMetadata": COUNTS}
    found = usage_of(GeminiDecoder("mine:g"), answer)
    assert await nanos("mine:g", found, own) == 30 * 1_000 + 7_000_000
    found = usage_of(ResponsesDecoder("mine:r"), response(OF_FILES))
    assert await nanos("mine:r", found, own) == 110 * 1_000 + 2_000_000


async def test_searches_cost_the_same_at_other_terms() -> None:
    found = usage_of(ResponsesDecoder("openai:o3"), response(OF_FILES, OF_WEB, service_tier="flex"))
    assert await nanos("openai:o3", found) == 100 * 1_000 + 10 * 4_000 + FILE_SEARCH + SEARCH
