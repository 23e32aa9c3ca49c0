"""Published shapes of usage, each to the exact nano-dollar by what prices the calls of runs.

The shapes are written after the providers' documentation; each amount is computed by hand, from tokens and
nano-dollars per token ($1 per million tokens is 1,000 nano-dollars each), as published for the model.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from vital_shared.billing.pricing import Price, Prices
from vital_shared.breaker import ModelBreakers
from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.chain import Chain
from vital_shared.llm.wires.anthropic_usage import AnthropicUsage
from vital_shared.llm.wires.gemini_usage import GeminiUsage
from vital_shared.llm.wires.openai_usage import read_usage
from vital_shared.models.money import to_nanos

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)

SEARCH = 10_000_000
"""Nano-dollars of a web search at $10 for a thousand."""


def openai(usage: dict[str, Any], tier: str | None = None) -> Sequence[Usage]:
    return (read_usage(usage, tier),)


def anthropic(first: dict[str, Any], *later: dict[str, Any]) -> Sequence[Usage]:
    counts = AnthropicUsage()
    read = [counts.begin(first), *(counts.update(each) for each in later)]
    return [usage for usage in read if usage is not None]


def gemini(*chunks: dict[str, Any]) -> Sequence[Usage]:
    counts = GeminiUsage()
    for chunk in chunks:
        counts.update(chunk)
    return counts.read()


class Counted:
    """A model whose provider counts as it is given."""

    calls_tools = False

    def __init__(self, name: str, counts: Sequence[Usage]) -> None:
        self.name = name
        self._counts = counts

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        yield CallStarted(prompt="answer@1")
        yield TextDelta(text="Yes.")
        for usage in self._counts:
            yield usage
        yield Stop(reason="end")


async def nanos(model: str, counts: Sequence[Usage], own: Price | None = None) -> int | None:
    """Ask the model, and return what the call is charged."""
    prices = Prices({model: own} if own else {}, now=lambda: NOON)
    pricing = CallPricing(prices.rates, len, has_own_price=prices.has_own)
    chain = Chain([Counted(model, counts)], ModelBreakers().of_tenant("acme"), pricing)
    async with aclosing(chain.stream(ModelRequest(question="?"))) as events:
        _ = [event async for event in events]
    (call,) = chain.calls
    return None if call.cost_dollars is None else to_nanos(call.cost_dollars)


OPENAI_CHAT = [
    (
        "chat",
        "openai:gpt-4o",
        openai({"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}),
        19 * 2_500 + 10 * 10_000,
    ),
    (
        "chat with a cached prompt",
        "openai:gpt-4o",
        openai(
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            }
        ),
        86 * 2_500 + 1920 * 1_250 + 300 * 10_000,
    ),
    (
        "reasoning is a part of the completion",
        "openai:gpt-5",
        openai(
            {
                "prompt_tokens": 1_117,
                "completion_tokens": 1_046,
                "total_tokens": 2_163,
                "prompt_tokens_details": {"cached_tokens": 1_024},
                "completion_tokens_details": {"reasoning_tokens": 832},
            }
        ),
        93 * 1_250 + 1_024 * 125 + 1_046 * 10_000,
    ),
    (
        "rejected prediction tokens are completion tokens",
        "openai:gpt-4o",
        openai(
            {
                "prompt_tokens": 295,
                "completion_tokens": 112,
                "total_tokens": 407,
                "completion_tokens_details": {
                    "accepted_prediction_tokens": 70,
                    "rejected_prediction_tokens": 31,
                },
            }
        ),
        295 * 2_500 + 112 * 10_000,
    ),
    (
        "audio in and out",
        "openai:gpt-audio",
        openai(
            {
                "prompt_tokens": 220,
                "completion_tokens": 260,
                "total_tokens": 480,
                "prompt_tokens_details": {"text_tokens": 20, "audio_tokens": 200, "cached_tokens": 0},
                "completion_tokens_details": {"text_tokens": 50, "audio_tokens": 210, "reasoning_tokens": 0},
            }
        ),
        20 * 2_500 + 200 * 32_000 + 50 * 10_000 + 210 * 64_000,
    ),
    (
        "audio of a model whose audio the table does not price",
        "openai:gpt-4o-audio-preview",
        openai(
            {
                "prompt_tokens": 120,
                "completion_tokens": 75,
                "total_tokens": 195,
                "prompt_tokens_details": {"audio_tokens": 100},
                "completion_tokens_details": {"audio_tokens": 55},
            }
        ),
        20 * 2_500 + 100 * 40_000 + 20 * 10_000 + 55 * 80_000,
    ),
    (
        "flex processing is half the price",
        "openai:o3",
        openai({"prompt_tokens": 1_001, "completion_tokens": 501, "total_tokens": 1_502}, "flex"),
        1_001 * 1_000 + 501 * 4_000,
    ),
    (
        "the default tier is the usual price",
        "openai:o3",
        openai({"prompt_tokens": 1_001, "completion_tokens": 501, "total_tokens": 1_502}, "default"),
        1_001 * 2_000 + 501 * 8_000,
    ),
    (
        "a long prompt is dearer for all of its tokens",
        "openai:gpt-5.4",
        openai(
            {
                "prompt_tokens": 300_000,
                "completion_tokens": 1_000,
                "total_tokens": 301_000,
                "prompt_tokens_details": {"cached_tokens": 100_000},
            }
        ),
        200_000 * 5_000 + 100_000 * 500 + 1_000 * 22_500,
    ),
    (
        "a prompt at the threshold is not long",
        "openai:gpt-5.4",
        openai({"prompt_tokens": 272_000, "completion_tokens": 1_000, "total_tokens": 273_000}),
        272_000 * 2_500 + 1_000 * 15_000,
    ),
    ("embeddings", "openai:text-embedding-3-small", openai({"prompt_tokens": 9, "total_tokens": 9}), 9 * 20),
]

OPENAI_OTHER = [
    (
        "responses",
        "openai:gpt-4.1",
        openai(
            {
                "input_tokens": 36,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 87,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 123,
            }
        ),
        36 * 2_000 + 87 * 8_000,
    ),
    (
        "responses with reasoning and a cached prompt",
        "openai:o3",
        openai(
            {
                "input_tokens": 3_081,
                "input_tokens_details": {"cached_tokens": 2_944},
                "output_tokens": 1_035,
                "output_tokens_details": {"reasoning_tokens": 832},
                "total_tokens": 4_116,
            }
        ),
        137 * 2_000 + 2_944 * 500 + 1_035 * 8_000,
    ),
    (
        "realtime with audio, text and images, some of each from the cache",
        "openai:gpt-realtime",
        openai(
            {
                "total_tokens": 1_440,
                "input_tokens": 1_240,
                "output_tokens": 200,
                "input_token_details": {
                    "text_tokens": 240,
                    "audio_tokens": 800,
                    "image_tokens": 200,
                    "cached_tokens": 640,
                    "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 448, "image_tokens": 64},
                },
                "output_token_details": {"text_tokens": 40, "audio_tokens": 160},
            }
        ),
        112 * 4_000
        + 352 * 32_000
        + 136 * 5_000
        + 128 * 400
        + 448 * 400
        + 64 * 500
        + 40 * 16_000
        + 160 * 64_000,
    ),
    (
        "an image from text and images",
        "openai:gpt-image-1.5",
        openai(
            {
                "total_tokens": 1_850,
                "input_tokens": 250,
                "output_tokens": 1_600,
                "input_tokens_details": {"text_tokens": 50, "image_tokens": 200},
                "output_tokens_details": {"text_tokens": 15, "image_tokens": 1_585},
            }
        ),
        50 * 5_000 + 200 * 8_000 + 15 * 10_000 + 1_585 * 32_000,
    ),
    (
        "azure",
        "azure:gpt-4o",
        openai(
            {
                "prompt_tokens": 1_566,
                "completion_tokens": 20,
                "total_tokens": 1_586,
                "prompt_tokens_details": {"cached_tokens": 1_408},
            }
        ),
        158 * 2_500 + 1_408 * 1_250 + 20 * 10_000,
    ),
]

ANTHROPIC = [
    (
        "a message",
        "anthropic:claude-sonnet-4-5",
        anthropic({"input_tokens": 25, "output_tokens": 1}, {"output_tokens": 15}),
        25 * 3_000 + 15 * 15_000,
    ),
    (
        "a cache of five minutes is written",
        "anthropic:claude-sonnet-4-5",
        anthropic(
            {
                "input_tokens": 50,
                "cache_creation_input_tokens": 1_800,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 1_800, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 1,
                "service_tier": "standard",
            },
            {"output_tokens": 393},
        ),
        50 * 3_000 + 1_800 * 3_750 + 393 * 15_000,
    ),
    (
        "a cache is read",
        "anthropic:claude-haiku-4-5",
        anthropic(
            {"input_tokens": 21, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 188_086},
            {"output_tokens": 393},
        ),
        21 * 1_000 + 188_086 * 100 + 393 * 5_000,
    ),
    (
        "caches of five minutes and of an hour are written and read",
        "anthropic:claude-opus-4-6",
        anthropic(
            {
                "input_tokens": 2_048,
                "cache_read_input_tokens": 1_800,
                "cache_creation_input_tokens": 248,
                "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            },
            {"output_tokens": 503},
        ),
        2_048 * 5_000 + 1_800 * 500 + 148 * 6_250 + 100 * 10_000 + 503 * 25_000,
    ),
    (
        "the lifetimes alone are counted",
        "anthropic:claude-haiku-4-5",
        anthropic(
            {
                "input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 5},
            },
            {"output_tokens": 2},
        ),
        10 * 1_000 + 20 * 1_250 + 5 * 2_000 + 2 * 5_000,
    ),
    (
        "searches of the web",
        "anthropic:claude-sonnet-4-5",
        anthropic(
            {"input_tokens": 105, "cache_read_input_tokens": 7_123, "cache_creation_input_tokens": 7_345},
            {"output_tokens": 6_039, "server_tool_use": {"web_search_requests": 3}},
        ),
        105 * 3_000 + 7_123 * 300 + 7_345 * 3_750 + 6_039 * 15_000 + 3 * SEARCH,
    ),
    (
        "a batch is half the price, searches are not",
        "anthropic:claude-sonnet-4-5",
        anthropic(
            {
                "input_tokens": 1_001,
                "cache_creation_input_tokens": 100,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 100},
                "output_tokens": 1,
                "service_tier": "batch",
                "server_tool_use": {"web_search_requests": 1},
            },
            {"output_tokens": 400},
        ),
        1_001 * 1_500 + 100 * 3_000 + 400 * 7_500 + SEARCH,
    ),
    (
        "inference in the United States alone",
        "anthropic:claude-opus-4-6",
        anthropic({"input_tokens": 25, "inference_geo": "us"}, {"output_tokens": 150}),
        25 * 5_500 + 150 * 27_500,
    ),
    (
        "fast inference",
        "anthropic:claude-opus-4-6",
        anthropic({"input_tokens": 523, "speed": "fast"}, {"output_tokens": 1_842}),
        523 * 30_000 + 1_842 * 150_000,
    ),
    (
        "more than 200,000 tokens, cached ones among them",
        "anthropic:claude-sonnet-4-5",
        anthropic(
            {"input_tokens": 150_000, "cache_read_input_tokens": 50_001, "cache_creation_input_tokens": 0},
            {"output_tokens": 1_000},
        ),
        150_000 * 6_000 + 50_001 * 600 + 1_000 * 22_500,
    ),
]

GEMINI = [
    (
        "a prompt and its candidates",
        "gemini:gemini-2.5-flash",
        gemini({"promptTokenCount": 4, "candidatesTokenCount": 715, "totalTokenCount": 719}),
        4 * 300 + 715 * 2_500,
    ),
    (
        "thoughts are beside the candidates",
        "gemini:gemini-2.5-pro",
        gemini(
            {
                "promptTokenCount": 10,
                "candidatesTokenCount": 1_127,
                "thoughtsTokenCount": 1_400,
                "totalTokenCount": 2_537,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
            }
        ),
        10 * 1_250 + 2_527 * 10_000,
    ),
    (
        "a cached document",
        "gemini:gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 696_219,
                "cachedContentTokenCount": 696_190,
                "candidatesTokenCount": 214,
                "totalTokenCount": 696_433,
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 696_190}],
            }
        ),
        29 * 300 + 696_190 * 30 + 214 * 2_500,
    ),
    (
        "audio, some of it from the cache",
        "gemini:gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 2_010,
                "cachedContentTokenCount": 1_500,
                "candidatesTokenCount": 30,
                "totalTokenCount": 2_040,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 10},
                    {"modality": "AUDIO", "tokenCount": 2_000},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 1_500}],
            }
        ),
        10 * 300 + 500 * 1_000 + 1_500 * 100 + 30 * 2_500,
    ),
    (
        "images in cost as text",
        "gemini:gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 264,
                "candidatesTokenCount": 80,
                "totalTokenCount": 344,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 6},
                    {"modality": "IMAGE", "tokenCount": 258},
                ],
            }
        ),
        264 * 300 + 80 * 2_500,
    ),
    (
        "results of its own tools are read as a prompt",
        "gemini:gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 33,
                "toolUsePromptTokenCount": 129,
                "candidatesTokenCount": 212,
                "thoughtsTokenCount": 331,
                "totalTokenCount": 705,
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 129}],
            }
        ),
        162 * 300 + 543 * 2_500,
    ),
    (
        "more than 200,000 tokens",
        "gemini:gemini-2.5-pro",
        gemini(
            {"promptTokenCount": 200_001, "cachedContentTokenCount": 100_000},
            {"promptTokenCount": 200_001, "candidatesTokenCount": 500, "totalTokenCount": 200_501},
        ),
        100_001 * 2_500 + 100_000 * 250 + 500 * 15_000,
    ),
    (
        "200,000 tokens are not more",
        "gemini:gemini-2.5-pro",
        gemini({"promptTokenCount": 200_000, "candidatesTokenCount": 500, "totalTokenCount": 200_500}),
        200_000 * 1_250 + 500 * 10_000,
    ),
    (
        "an image out",
        "gemini:gemini-2.5-flash-image",
        gemini(
            {
                "promptTokenCount": 12,
                "candidatesTokenCount": 1_304,
                "totalTokenCount": 1_316,
                "candidatesTokensDetails": [
                    {"modality": "IMAGE", "tokenCount": 1_290},
                    {"modality": "TEXT", "tokenCount": 14},
                ],
            }
        ),
        12 * 300 + 14 * 2_500 + 1_290 * 30_000,
    ),
    (
        "flexible traffic is half the price",
        "gemini:gemini-2.5-flash",
        gemini(
            {
                "promptTokenCount": 1_001,
                "candidatesTokenCount": 100,
                "totalTokenCount": 1_101,
                "trafficType": "ON_DEMAND_FLEX",
            }
        ),
        1_001 * 150 + 100 * 1_250,
    ),
]

OTHERS = [
    (
        "OpenRouter states its cost",
        "openrouter:anthropic/claude-sonnet-4.5",
        openai(
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "total_tokens": 196,
                "cost": 0.000612345,
                "is_byok": False,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cost_details": {"upstream_inference_cost": 0.0006},
            }
        ),
        612_345,
    ),
    (
        "OpenRouter with a provider's key of one's own: its fee, and what the provider takes",
        "openrouter:openai/gpt-4o",
        openai(
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "total_tokens": 196,
                "cost": 0.00002525,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.000505},
            }
        ),
        25_250 + 505_000,
    ),
    (
        "OpenRouter states the cost of a model that nobody else prices",
        "openrouter:somebody/new-model",
        openai({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10, "cost": 1.5e-05}),
        15_000,
    ),
    (
        "DeepSeek counts hits and misses",
        "deepseek:deepseek-chat",
        openai(
            {
                "prompt_tokens": 1_500,
                "completion_tokens": 100,
                "total_tokens": 1_600,
                "prompt_cache_hit_tokens": 1_024,
                "prompt_cache_miss_tokens": 476,
                "prompt_tokens_details": {"cached_tokens": 1_024},
            }
        ),
        476 * 270 + 1_024 * 70 + 100 * 1_100,
    ),
    (
        "Mistral",
        "mistral:mistral-large-2512",
        openai(
            {
                "prompt_tokens": 1_016,
                "completion_tokens": 34,
                "total_tokens": 1_050,
                "prompt_audio_seconds": None,
                "prompt_tokens_details": {"cached_tokens": 1_000},
            }
        ),
        16 * 500 + 1_000 * 50 + 34 * 1_500,
    ),
    (
        "Groq",
        "groq:openai/gpt-oss-120b",
        openai(
            {
                "queue_time": 0.037493756,
                "prompt_tokens": 4_641,
                "prompt_time": 0.06,
                "completion_tokens": 1_817,
                "completion_time": 5.6,
                "total_tokens": 6_458,
                "total_time": 5.7,
                "prompt_tokens_details": {"cached_tokens": 4_608},
                "completion_tokens_details": {"reasoning_tokens": 1_000},
            },
            "on_demand",
        ),
        33 * 150 + 4_608 * 75 + 1_817 * 600,
    ),
    (
        "xAI's reasoning is beside the completion",
        "xai:grok-4",
        openai(
            {
                "prompt_tokens": 37,
                "completion_tokens": 530,
                "total_tokens": 800,
                "prompt_tokens_details": {
                    "text_tokens": 37,
                    "audio_tokens": 0,
                    "image_tokens": 0,
                    "cached_tokens": 8,
                },
                "completion_tokens_details": {
                    "reasoning_tokens": 233,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
                "num_sources_used": 0,
            }
        ),
        29 * 3_000 + 8 * 750 + 763 * 15_000,
    ),
    (
        "xAI states its cost in ten-billionths of a dollar",
        "xai:grok-4",
        openai(
            {
                "prompt_tokens": 198,
                "completion_tokens": 90,
                "total_tokens": 288,
                "cost_in_usd_ticks": 2_709_000,
            }
        ),
        270_900,
    ),
    (
        "Perplexity states its cost with its parts",
        "perplexity:sonar-deep-research",
        openai(
            {
                "prompt_tokens": 33,
                "completion_tokens": 7_163,
                "total_tokens": 7_196,
                "citation_tokens": 20_016,
                "num_search_queries": 18,
                "reasoning_tokens": 73_997,
                "cost": {
                    "input_tokens_cost": 0.0,
                    "output_tokens_cost": 0.057,
                    "citation_tokens_cost": 0.04,
                    "reasoning_tokens_cost": 0.222,
                    "search_queries_cost": 0.09,
                    "total_cost": 0.409,
                },
            }
        ),
        409_000_000,
    ),
    (
        "Perplexity's price of a request, where it states no cost",
        "perplexity:sonar-pro",
        openai({"prompt_tokens": 8, "completion_tokens": 439, "total_tokens": 447}),
        8 * 3_000 + 439 * 15_000 + 14_000_000,
    ),
    (
        "Moonshot's cached tokens",
        "moonshotai:kimi-k2-thinking",
        openai(
            {"prompt_tokens": 8_000, "completion_tokens": 10, "total_tokens": 8_010, "cached_tokens": 7_936}
        ),
        64 * 600 + 7_936 * 150 + 10 * 2_500,
    ),
    (
        "Z.ai",
        "zai:glm-4.6",
        openai(
            {
                "prompt_tokens": 1_000,
                "completion_tokens": 200,
                "total_tokens": 1_200,
                "prompt_tokens_details": {"cached_tokens": 900},
                "completion_tokens_details": {"reasoning_tokens": 150},
            }
        ),
        100 * 600 + 900 * 110 + 200 * 2_200,
    ),
    (
        "Cerebras",
        "cerebras:gpt-oss-120b",
        openai({"prompt_tokens": 103, "completion_tokens": 57, "total_tokens": 160}),
        103 * 350 + 57 * 750,
    ),
    (
        "Cohere's compatibility API",
        "cohere:command-a-03-2025",
        openai({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}),
        11 * 2_500 + 7 * 10_000,
    ),
    ("Voyage counts a total alone", "voyageai:voyage-3.5", openai({"total_tokens": 1_234}), 1_234 * 60),
    (
        "a model on a machine of one's own",
        "ollama:qwen3",
        openai({"prompt_tokens": 9, "completion_tokens": 9}),
        0,
    ),
]

SHAPES = [*OPENAI_CHAT, *OPENAI_OTHER, *ANTHROPIC, *GEMINI, *OTHERS]


@pytest.mark.parametrize(
    ("model", "counts", "expected"), [pytest.param(*shape[1:], id=shape[0]) for shape in SHAPES]
)
async def test_a_published_shape_costs_what_its_provider_charges(
    model: str, counts: Sequence[Usage], expected: int
) -> None:
    assert await nanos(model, counts) == expected


OWN = Price.model_validate(
    {
        "input": "2",
        "output": "8",
        "cached_input": "0.5",
        "audio_input": "20",
        "audio_output": "40",
        "web_searches": "5000",
        "terms": {"priority": "1.75"},
    }
)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (openai({"prompt_tokens": 10, "completion_tokens": 4, "cost": 9.0}), 10 * 2_000 + 4 * 8_000),
        (openai({"prompt_tokens": 10, "completion_tokens": 4}, "priority"), 10 * 3_500 + 4 * 14_000),
        (openai({"prompt_tokens": 10, "completion_tokens": 4}, "flex"), 10 * 1_000 + 4 * 4_000),
        (
            openai(
                {
                    "prompt_tokens": 10,
                    "completion_tokens": 4,
                    "prompt_tokens_details": {"audio_tokens": 6},
                    "completion_tokens_details": {"audio_tokens": 4},
                }
            ),
            4 * 2_000 + 6 * 20_000 + 4 * 40_000,
        ),
        (
            anthropic(
                {"input_tokens": 10, "output_tokens": 4, "server_tool_use": {"web_search_requests": 2}}
            ),
            10 * 2_000 + 2 * 5_000_000 + 4 * 8_000,
        ),
    ],
    ids=["goes before a stated cost", "priority", "flex", "audio", "searches"],
)
async def test_a_configured_price_holds_for_all_that_it_names(counts: Sequence[Usage], expected: int) -> None:
    counts = [usage.model_copy(update={"output_tokens": 4}) for usage in counts]
    assert await nanos("openai:gpt-4.1", counts, OWN) == expected


async def test_a_stated_cost_that_cannot_be_is_not_charged() -> None:
    absurd = openai({"prompt_tokens": 10, "completion_tokens": 4, "cost": 900})
    assert await nanos("openrouter:openai/gpt-4o", absurd) == 10 * 2_500 + 4 * 10_000


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"audio_tokens": 99}},
        {"prompt_tokens": 10, "completion_tokens": 4, "completion_tokens_details": {"audio_tokens": 99}},
    ],
)
async def test_details_above_their_whole_are_clamped_to_it(usage: dict[str, Any]) -> None:
    (read,) = openai(usage)
    assert read.corrected
    assert read.details is not None
    assert (read.details.audio_input, read.details.audio_output) in ((10, 0), (0, 4))
