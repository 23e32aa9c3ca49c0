"""Whatever JSON comes, a decoder gives events that fit, or fails with a `ModelError`."""

import pytest
from hypothesis import HealthCheck, given, settings
from tests.llm.wires.odd_json import events_of, mutated, written
from tests.llm.wires.servers import anthropic, gemini

from vital_shared.llm.base import MAX_CALL_TOKENS, ModelError, ModelToolCall, ModelTurn, Stop, Usage
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire

BOUNDED = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MESSAGE = {
    "type": "message",
    "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "t", "name": "weigh", "input": {}}],
    "stop_reason": "tool_use",
    "usage": anthropic.READ,
}
ANTHROPIC = [
    *(events_of(parts) for parts in (anthropic.TEXT, anthropic.TOOLS, anthropic.THOUGHT)),
    [MESSAGE],
    [anthropic.problem("overloaded_error")],
    [*events_of(anthropic.TEXT[:5]), anthropic.problem("api_error", details={"error_code": "x"})],
]
GEMINI = [
    *(events_of(parts) for parts in (gemini.TEXT, gemini.TOOLS, gemini.BLOCKED)),
    [events_of(gemini.TEXT)],
    [*events_of(gemini.TEXT[:3]), gemini.problem(503, "UNAVAILABLE", "x", gemini.retry_info("3s"))],
    [[gemini.problem(429, "RESOURCE_EXHAUSTED", "x", gemini.quota())]],
]


def decode(wire, events):
    """Return what the events say, up to where they fail."""
    decoder, said, failure = wire.decoder("some:model"), [], None
    try:
        for data in written(events):
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


@given(mutated(ANTHROPIC))
@BOUNDED
def test_anthropic_with_odd_values(events):
    check(decode(AnthropicWire(), events))


@given(mutated(GEMINI))
@BOUNDED
def test_gemini_with_odd_values(events):
    check(decode(GeminiWire(), events))


@given(mutated([*ANTHROPIC, *GEMINI]))
@BOUNDED
@pytest.mark.parametrize("wire", [AnthropicWire(), GeminiWire()], ids=lambda wire: wire.name)
@pytest.mark.parametrize("status", [200, 429, 500])
def test_bodies_that_are_errors_with_odd_values(wire, status, events):
    (body, *_) = written(events or [None])
    check_failure(wire.error(status, {}, body, "some:model"))
