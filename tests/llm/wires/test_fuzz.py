"""Whatever JSON comes, a decoder gives events that fit, or fails with a `ModelError`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.llm.wires.odd_streams import as_events, chunks_of, cut, damaged, odd, odd_stream, written
from tests.llm.wires.servers import anthropic, gemini

from vital_shared.llm.base import MAX_CALL_TOKENS, ModelError, ModelToolCall, ModelTurn, Stop, Usage
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.sse import EventReader

BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MESSAGE = {
    "type": "message",
    "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "t", "name": "weigh", "input": {}}],
    "stop_reason": "tool_use",
    "usage": anthropic.READ,
}
ANTHROPIC = [
    *(chunks_of(parts) for parts in (anthropic.TEXT, anthropic.TOOLS, anthropic.THOUGHT)),
    [MESSAGE],
    [anthropic.problem("overloaded_error")],
    [*chunks_of(anthropic.TEXT[:5]), anthropic.problem("api_error", details={"error_code": "x"})],
]
GEMINI = [
    *(chunks_of(parts) for parts in (gemini.TEXT, gemini.TOOLS, gemini.BLOCKED)),
    [chunks_of(gemini.TEXT)],
    [*chunks_of(gemini.TEXT[:3]), gemini.problem(503, "UNAVAILABLE", "x", gemini.retry_info("3s"))],
    [[gemini.problem(429, "RESOURCE_EXHAUSTED", "x", gemini.quota())]],
]


def decode(wire, events):
    """Return what the data of events say, up to where they fail."""
    decoder, said, failure = wire.decoder("some:model"), [], None
    try:
        for data in events:
            said += decoder.feed(data)
        said += decoder.end()
    except ModelError as error:
        failure = error
    if failure is not None:
        check_failure(failure)
    return said


def check_failure(error):
    assert error.model == "some:model"
    assert error.message.endswith(".")
    assert len(error.message) < 1_000
    assert error.request_id is None or isinstance(error.request_id, str)


def check(said):
    stops = [event for event in said if isinstance(event, Stop)]
    assert stops in ([], said[-1:])
    calls = [event for event in said if isinstance(event, ModelToolCall)]
    assert len({call.id for call in calls}) == len(calls)
    assert [turn.calls for turn in said if isinstance(turn, ModelTurn)] in ([], [tuple(calls)])
    for usage in said:
        if isinstance(usage, Usage):
            assert (
                0
                <= usage.cached_input_tokens + usage.cache_write_tokens
                <= usage.input_tokens
                <= MAX_CALL_TOKENS
            )
            assert 0 <= usage.reasoning_tokens <= usage.output_tokens <= MAX_CALL_TOKENS


RANDOM = st.randoms(use_true_random=False)
CHANCES = st.sampled_from([0.02, 0.05, 0.2])
WIRES = pytest.mark.parametrize(
    ("wire", "shapes"), [(AnthropicWire(), ANTHROPIC), (GeminiWire(), GEMINI)], ids=["anthropic", "gemini"]
)


@WIRES
@given(RANDOM, CHANCES)
@BOUNDED
def test_streams_with_odd_values(wire, shapes, random, chance):
    check(decode(wire, map(written, odd_stream(random.choice(shapes), random, chance))))


@WIRES
@given(RANDOM)
@BOUNDED
def test_streams_of_damaged_bytes(wire, shapes, random):
    data = damaged(as_events(random.choice(shapes), random), random)
    reader = EventReader()
    events = [event for packet in cut(data, random) for event in reader.feed(packet)]
    check(decode(wire, [*events, *reader.end()]))


@pytest.mark.parametrize("status", [200, 429, 500])
@WIRES
@given(RANDOM, CHANCES)
@settings(BOUNDED, max_examples=50)
def test_bodies_of_errors_with_odd_values(wire, shapes, status, random, chance):
    shape = random.choice([*shapes, *ANTHROPIC, *GEMINI])
    body = damaged(written(odd(random.choice(shape), random, chance)), random)
    check_failure(wire.error(status, {}, body, "some:model"))
