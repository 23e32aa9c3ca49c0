"""Put the outputs of tools right behind their calls, where providers look for them.

OpenAI's Responses API takes items in any order, and agents use that: a picture that a tool has made, or what
the user has typed meanwhile, stands between a call and its output, or between two outputs. Chat completions
and Anthropic's messages refuse a conversation in which anything does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from ai_engine.protocols.canonical.messages import CallPart, CanonicalMessage, OutputPart

__all__ = ["with_outputs_behind_calls"]


def with_outputs_behind_calls(messages: Sequence[CanonicalMessage]) -> tuple[CanonicalMessage, ...]:
    """Return the messages, each one that calls tools followed by their outputs, as far as there are any."""
    ordered: list[CanonicalMessage] = []
    left = list(reversed(messages))
    while left:
        message = left.pop()
        ordered.append(message)
        missing = _calls(message)
        if missing and left:
            missing -= {output.call_id for output in _leading_outputs(left[-1])}
        if missing:
            _bring_forward(left, missing)
    return tuple(ordered)


def _bring_forward(left: list[CanonicalMessage], missing: set[str]) -> None:
    """Move outputs from later messages to the beginning of the next one, which is the last here."""
    found: list[OutputPart] = []
    for place in range(len(left) - 1, -1, -1):
        message = left[place]
        if _calls(message) & missing:
            break  # an id that is used again belongs to the later call
        outputs = [each for each in _outputs(message) if each.call_id in missing]
        if outputs:
            found += outputs
            left[place] = replace(message, parts=tuple(each for each in message.parts if each not in outputs))
            missing = missing - {each.call_id for each in outputs}
        if not missing:
            break
    if not found:
        return
    leading = list(_leading_outputs(left[-1]))
    if leading:
        following = left.pop()
        found, rest = leading + found, following.parts[len(leading) :]
        if rest:
            left.append(replace(following, parts=rest))
    left.append(CanonicalMessage("user", tuple(found)))


def _calls(message: CanonicalMessage) -> set[str]:
    return {part.id for part in message.parts if isinstance(part, CallPart)}


def _outputs(message: CanonicalMessage) -> Iterator[OutputPart]:
    return (part for part in message.parts if isinstance(part, OutputPart))


def _leading_outputs(message: CanonicalMessage) -> Iterator[OutputPart]:
    leading = takewhile(lambda part: isinstance(part, OutputPart), message.parts)
    return (part for part in leading if isinstance(part, OutputPart))
