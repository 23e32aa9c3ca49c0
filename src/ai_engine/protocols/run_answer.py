"""A run of a workflow as an answer of a model, in any protocol of clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import to_json

from ai_engine.protocols.canonical.answer import AnswerWriter, CanonicalAnswer, StreamFailure, collected
from ai_engine.protocols.openai.response import waiting
from vital_shared.events.encoding import decode
from vital_shared.llm.base import ModelEvent, ReasoningDelta, Stop, StopReason, TextDelta, Usage
from vital_shared.models.made_text import made_text
from vital_shared.models.quality import AnswerEnding
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["RunAnswerWriter", "answer_of_run"]

STOP_REASONS: Final[dict[AnswerEnding, StopReason]] = {
    "whole": "end",
    "truncated": "length",
    "cut_off": "length",
    "content_filtered": "content_filter",
    "refused": "refusal",
    "recitation_blocked": "recitation",
}
FAULT_STATUS: Final = 500


def answer_of_run(output: WorkflowOutput) -> CanonicalAnswer:
    """Return what a run has answered."""
    text = waiting(output) if output.status == "awaiting_approval" else made_text(output)
    return collected([TextDelta(text=text), *_last(output)] if text else _last(output))


def _last(output: WorkflowOutput) -> list[ModelEvent]:
    tokens = output.tokens
    usage = Usage(
        input_tokens=tokens.input,
        cached_input_tokens=tokens.cached_input,
        output_tokens=tokens.output,
        reasoning_tokens=tokens.reasoning,
    )
    return [usage, Stop(reason=STOP_REASONS[output.ending])]


class RunAnswerWriter:
    """The translation of a run's events, as they are sent to other clients, into those of an answer.

    :param writer: writes the client's protocol.
    """

    def __init__(self, writer: AnswerWriter) -> None:
        self.is_over = False
        """Whether the client has got the end."""
        self._writer = writer
        self._said_seq = 0
        """The number of the last event whose text the client has."""
        self._run_id = ""

    def __call__(self, frames: bytes) -> bytes:
        """Translate server-sent events, whole ones; comments stay as they are."""
        if frames.startswith(b":"):
            return frames
        written: list[bytes] = []
        text: list[str] = []
        for name, data in decode(frames):
            if name == "token":
                text.append(data["text"])
                self._said_seq = data["seq"]
                continue
            written += self._flushed(text)
            written += self._other(name, data)
            if self.is_over:
                break
        written += self._flushed(text)
        return b"".join(written)

    def end(self) -> bytes:
        """Write the end of a stream that ends before its run."""
        message = f"The stream has ended before the run: GET /v1/runs/{self._run_id}/events goes on with it."
        return self._failed(message, "interrupted")

    def _flushed(self, text: list[str]) -> Iterator[bytes]:
        if text:
            yield self._writer.write(TextDelta(text="".join(text)))
            text.clear()

    def _other(self, name: str, data: dict[str, Any]) -> Iterator[bytes]:
        match name:
            case "run_started":
                self._run_id = data["run_id"]
                yield self._writer.begin()
            case "superseded" if data["from_seq"] <= self._said_seq:  # what was sent cannot be taken back
                yield self._failed(
                    "Another worker has gone on with the run: what was streamed does not count. Ask again, "
                    f"or follow GET /v1/runs/{self._run_id}/events.",
                    "superseded",
                )
            case "reasoning":
                self._said_seq = data["seq"]
                yield self._writer.write(ReasoningDelta(text=data["text"]))
            case "run_finished" | "run_paused":
                yield from self._ended(WorkflowOutput.model_validate_json(to_json(data["output"])))
            case "run_failed":
                yield self._failed(data["message"], data["error_type"])

    def _ended(self, output: WorkflowOutput) -> Iterator[bytes]:
        self.is_over = True
        if output.status == "awaiting_approval":
            yield self._writer.write(TextDelta(text=waiting(output)))
        elif not output.response and (made := made_text(output)):  # of which no token has come
            yield self._writer.write(TextDelta(text=made))
        for event in _last(output):
            yield self._writer.write(event)
        yield self._writer.end()

    def _failed(self, message: str, code: str) -> bytes:
        self.is_over = True
        return self._writer.fail(StreamFailure(message, FAULT_STATUS, code))
