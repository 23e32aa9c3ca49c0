"""A run's events as those of AG-UI (its specification 1.0, "Events")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ag_ui.core import (
    BaseEvent,
    CustomEvent,
    Interrupt,
    ReasoningEndEvent,
    ReasoningMessageContentEvent,
    ReasoningMessageEndEvent,
    ReasoningMessageStartEvent,
    ReasoningStartEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunFinishedOutcome,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    TokenUsage,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)
from pydantic_core import to_json

from vital_shared.events.encoding import decode
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.event import OUTCOMES
from vital_shared.models.tool import ToolCall

__all__ = ["INPUT", "EventWriter", "encode_event"]

VERSION: Final = "1.0"

PLACE: Final = ("type", "run_id", "seq", "epoch")
"""The fields that an event of ours has for its place in the log."""

APPROVAL_ANSWER: Final = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean"},
        "arguments": {"type": "object", "description": "Other arguments for the call."},
        "reason": {"type": "string", "description": "The reason of a denial; the model reads it."},
    },
    "required": ["approved"],
}
"""The JSON schema of the answer to a tool call's interrupt."""

INPUT: Final = "input:"
"""The beginning of the name of an interrupt for input, which no id of a call has."""

Json = dict[str, Any]


def encode_event(event: BaseEvent) -> bytes:
    """Write an event as it is sent."""
    return b"data: " + event.model_dump_json(by_alias=True).encode() + b"\n\n"


class EventWriter:
    """The translation of a run's events, as they are sent to other clients, into those of AG-UI.

    Text that has come while the client was reading is sent as one piece.

    :param thread_id: the conversation, and ``run_id`` the run, as the client names them.
    :param proposed: the calls that were proposed before the client approved of them: they are not sent again,
        but for other arguments.
    :param warnings: the parts of the request that were left out.
    """

    def __init__(
        self, thread_id: str, run_id: str, proposed: Sequence[ToolCall] = (), warnings: Sequence[str] = ()
    ) -> None:
        self._warnings = warnings
        self._thread_id = thread_id
        self._run_id = run_id
        self._known_arguments = {call.id: call.arguments for call in proposed}
        """The arguments of the calls that the client has, by id."""
        self._steps: dict[str, int] = {}
        """The steps that have begun and not ended, and how often."""
        self._ours = ""
        """The run's id here."""
        self._speaking = self._reasoning = False
        self._messages = 0
        self._text_seq = 0
        """The number of the last event with text."""
        self._message_seqs: dict[str, int] = {}
        """The number of the last event of each message."""
        self.is_over = False
        """Whether the client has got the end."""

    def __call__(self, frames: bytes) -> bytes:
        """Translate server-sent events, whole ones; comments stay as they are."""
        if frames.startswith(b":"):
            return frames
        return b"".join(map(encode_event, self._events(frames)))

    def _events(self, frames: bytes) -> Iterator[BaseEvent]:
        said: list[str] = []
        thought: list[str] = []
        for name, data in decode(frames):
            if name == "token":
                yield from self._think(thought)
                said.append(data["text"])
                self._text_seq = data["seq"]
            elif name == "reasoning":
                yield from self._say(said)
                thought.append(data["text"])
                self._text_seq = data["seq"]
            else:
                yield from self._think(thought)
                yield from self._say(said)
                yield from self._other(name, data)
        yield from self._think(thought)
        yield from self._say(said)

    def _say(self, said: list[str]) -> Iterator[BaseEvent]:
        if text := "".join(said):
            yield from self._stop_thinking()
            if not self._speaking:
                self._speaking = True
                yield TextMessageStartEvent(message_id=self._next_message(), role="assistant")
            self._message_seqs[self._message] = self._text_seq
            yield TextMessageContentEvent(message_id=self._message, delta=text)
        said.clear()

    def _think(self, thought: list[str]) -> Iterator[BaseEvent]:
        if text := "".join(thought):
            yield from self._stop_speaking()
            if not self._reasoning:
                self._reasoning = True
                yield ReasoningStartEvent(message_id=self._next_message())
                yield ReasoningMessageStartEvent(message_id=self._message, role="reasoning")
            self._message_seqs[self._message] = self._text_seq
            yield ReasoningMessageContentEvent(message_id=self._message, delta=text)
        thought.clear()

    def _stop_speaking(self) -> Iterator[BaseEvent]:
        if self._speaking:
            self._speaking = False
            yield TextMessageEndEvent(message_id=self._message)

    def _stop_thinking(self) -> Iterator[BaseEvent]:
        if self._reasoning:
            self._reasoning = False
            yield ReasoningMessageEndEvent(message_id=self._message)
            yield ReasoningEndEvent(message_id=self._message)

    def _next_message(self) -> str:
        self._messages += 1
        return self._message

    @property
    def _message(self) -> str:
        """The id of the message that is being written; the client's runs over one of ours do not share it."""
        return f"{self._run_id}/{self._messages}"

    def _other(self, name: str, data: Json) -> Iterator[BaseEvent]:
        match name:
            case "run_started":
                self._ours = data["run_id"]
                yield self._started()
                for message in self._warnings:
                    yield CustomEvent(name="warning", value={"type": "other", "message": message})
            case "node_started":
                yield from self._step_began(data["node"])
            case "node_finished":
                yield from self._step_ended(data["node"])
            case "tool_started":
                yield from self._call(data["tool"])
            case "tool_finished":
                yield from self._result(data["result"])
            case "superseded":
                yield from self._superseded(data["from_seq"])
            case "citation" | "warning" | "retrieval" | "node_yielded":  # AG-UI has no word for these
                details = {key: value for key, value in data.items() if key not in PLACE}
                yield CustomEvent(name=name, value=details.get(name, details))
            case _:
                yield from self._ended(name, data)

    def _superseded(self, from_seq: int) -> Iterator[BaseEvent]:
        """Name the messages that do not count any more, for which AG-UI has no word.

        What follows has ids of its own. A tool call stays: made again, it has its own id, too.
        """
        yield from self._stop_thinking()
        yield from self._stop_speaking()
        messages = [name for name, seq in self._message_seqs.items() if seq >= from_seq]
        for name in messages:
            del self._message_seqs[name]
        if messages:
            yield CustomEvent(name="superseded", value={"message_ids": messages})

    def end(self) -> bytes:
        """Write the end of a stream that ends before its run."""
        message = f"The stream has ended before the run: GET /v1/runs/{self._ours}/events goes on with it."
        return encode_event(RunErrorEvent(message=message, code="interrupted"))

    def _ended(self, name: str, data: Json) -> Iterator[BaseEvent]:
        self.is_over = name in OUTCOMES
        match name:
            case "run_paused":
                yield from self._paused(data["output"])
            case "run_finished":
                yield from self._finished(data["output"])
            case "run_failed":
                yield from self._failed(data)

    def _started(self) -> BaseEvent:
        return RunStartedEvent(
            thread_id=self._thread_id,
            run_id=self._run_id,
            protocol_version=VERSION,
            metadata={"vital": {"run_id": self._ours}},
        )

    def _step_began(self, node: str) -> Iterator[BaseEvent]:
        self._steps[node] = self._steps.get(node, 0) + 1
        if self._steps[node] == 1:
            yield StepStartedEvent(step_name=node)

    def _step_ended(self, node: str) -> Iterator[BaseEvent]:
        if node in self._steps:
            self._steps[node] -= 1
            if not self._steps[node]:
                del self._steps[node]
                yield StepFinishedEvent(step_name=node)

    def _call(self, call: Json) -> Iterator[BaseEvent]:
        """Send the call, unless the client knows it."""
        name, known = self._call_id(call), self._known_arguments.get(call["id"])
        if known == call["arguments"]:
            return
        self._known_arguments[call["id"]] = call["arguments"]
        yield from self._stop_thinking()
        yield from self._stop_speaking()
        if known is not None:  # AG-UI has no word for a call that was edited
            edited = {"tool_call_id": name, "name": call["name"], "arguments": call["arguments"]}
            yield CustomEvent(name="tool_call_edited", value=edited)
            return
        yield ToolCallStartEvent(tool_call_id=name, tool_call_name=call["name"])
        yield ToolCallArgsEvent(tool_call_id=name, delta=to_json(call["arguments"]).decode())
        yield ToolCallEndEvent(tool_call_id=name)

    def _result(self, result: Json) -> Iterator[BaseEvent]:
        yield from self._call(result)
        said = result["content"] or result["error"] or result["status"]
        yield ToolCallResultEvent(
            message_id=f"{self._call_id(result)}/result",
            tool_call_id=self._call_id(result),
            content=said,
            role="tool",
        )

    def _call_id(self, call: Json) -> str:
        """Name a call, and what is asked about it: unique in all of the conversation."""
        return f"{self._ours}/{call['id']}"

    def _close(self) -> Iterator[BaseEvent]:
        """End all that has not ended."""
        yield from self._stop_thinking()
        yield from self._stop_speaking()
        for node in self._steps:
            yield StepFinishedEvent(step_name=node)
        self._steps.clear()

    def _paused(self, output: Json) -> Iterator[BaseEvent]:
        calls = output["suggested_tools"]
        for call in calls:
            yield from self._call(call)
        yield from self._close()
        interrupts = [
            Interrupt(
                id=self._call_id(call),
                reason="tool_call",
                message=call["reason"] or f"May {call['name']} be called?",
                tool_call_id=self._call_id(call),
                response_schema=APPROVAL_ANSWER,
                metadata={"vital": {"cost_dollars": call["cost_dollars"]}},
            )
            for call in calls
        ]
        interrupts += map(self._input_interrupt, output["required_input"])
        yield self._end(outcome=RunFinishedInterruptOutcome(interrupts=interrupts))

    def _input_interrupt(self, asked: Json) -> Interrupt:
        value, node = asked["value"], asked["node"]
        return Interrupt(
            id=f"{self._ours}/{INPUT}{asked['name']}",
            reason="input_required",
            message=value if isinstance(value, str) else f'The step "{node}" needs input.',
            response_schema=asked["answer_schema"],
            metadata={"vital": {"node": node, "name": asked["name"], "value": value}},
        )

    def _finished(self, output: Json) -> Iterator[BaseEvent]:
        yield from self._close()
        tokens = output["tokens"]
        usage = TokenUsage(
            model=output["model"],
            input_tokens=tokens["input"],
            output_tokens=tokens["output"],
            cached_input_tokens=tokens["cached_input"],
            reasoning_tokens=tokens["reasoning"],
        )
        yield self._end(outcome=RunFinishedSuccessOutcome(), result=output, usage=[usage])

    def _failed(self, data: Json) -> Iterator[BaseEvent]:
        if data["error_type"] in CANCELLED:
            yield from self._close()
            yield self._end(outcome=RunFinishedCancelledOutcome())
        else:
            yield RunErrorEvent(message=data["message"], code=data["error_type"])

    def _end(
        self, outcome: RunFinishedOutcome, result: Json | None = None, usage: list[TokenUsage] | None = None
    ) -> BaseEvent:
        return RunFinishedEvent(
            thread_id=self._thread_id, run_id=self._run_id, outcome=outcome, result=result, usage=usage
        )
