"""Whatever pydantic-ai's models give, the adapter gives events that fit, or fails with a `ModelError`."""

import asyncio

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import RequestUsage
from tests.llm.test_pydantic_ai import CALL, REST, SIGNED, THINKING, OddModel, scripted, through
from tests.llm.wires.conftest import WITH_TOOLS, collect
from tests.llm.wires.odd_streams import ODD_VALUES, chunks_of, odd_stream, written
from tests.llm.wires.servers import openai

from vital_shared.llm.base import MAX_CALL_TOKENS, ModelError, Stop, Usage

BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = ("finish_reason", "provider_details", "provider_response_id", "parts", "state")
ODD = st.sampled_from(ODD_VALUES)
COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "output_reasoning_tokens",
)
STREAMS = [chunks_of(parts) for parts in (openai.TEXT, openai.TOOLS)]


def check(model):
    """Ask, and check what comes."""
    provider = through(model)

    async def ask():
        try:
            return await collect(provider, WITH_TOOLS)
        except ModelError:
            return []

    events = asyncio.run(ask())
    assert provider.in_use == 0
    assert [event for event in events if isinstance(event, Stop)] == events[-1:]
    for usage in events:
        if isinstance(usage, Usage):
            assert (
                0
                <= usage.cached_input_tokens + usage.cache_write_tokens
                <= usage.input_tokens
                <= MAX_CALL_TOKENS
            )
            assert 0 <= usage.reasoning_tokens <= usage.output_tokens <= MAX_CALL_TOKENS


@given(st.dictionaries(st.sampled_from(FIELDS), ODD, min_size=1))
@BOUNDED
def test_responses_with_odd_fields(odd):
    check(OddModel(**odd))


@given(st.dictionaries(st.sampled_from(COUNTS), ODD, min_size=1))
@BOUNDED
def test_responses_with_odd_counts(odd):
    usage = RequestUsage()
    for name, value in odd.items():
        setattr(usage, name, value)
    check(OddModel(usage=usage))


@given(st.lists(st.one_of(ODD, st.sampled_from(["Half ", THINKING, SIGNED, CALL, REST])), max_size=5))
@BOUNDED
def test_streams_of_odd_pieces(pieces):
    check(scripted(*pieces))


@pytest.mark.filterwarnings("ignore")
@given(st.randoms(use_true_random=False))
@BOUNDED
def test_its_openai_model_with_odd_values(random):
    events = map(written, odd_stream(random.choice(STREAMS), random))
    body = b"".join(b"data: " + data + b"\n\n" for data in (*events, b"[DONE]"))
    answer = httpx.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    check(OpenAIChatModel("m", provider=OpenAIProvider(api_key="x", http_client=client)))
