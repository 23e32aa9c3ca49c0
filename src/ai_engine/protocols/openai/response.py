"""Answers as OpenAI's chat completions have them, whole and in chunks (its API reference).

Citations are annotations, each over the first [n] of its number in the text.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic_core import to_json

from vital_shared.events.encoding import decode
from vital_shared.models.citation import Citation
from vital_shared.models.made_text import made_text
from vital_shared.models.quality import AnswerEnding
from vital_shared.models.workflow_io import Tokens, WorkflowOutput

__all__ = ["ChunkWriter", "completion", "waiting"]

DONE: Final = b"data: [DONE]\n\n"

MAX_SHOWN_CHARACTERS: Final = 500
"""Length of a value that a paused run shows; the whole is in its record."""

FINISH_REASONS: Final[dict[AnswerEnding, str]] = {
    "whole": "stop",
    "truncated": "length",
    "cut_off": "length",
    "content_filtered": "content_filter",
    "guardrail": "content_filter",
    "refused": "content_filter",
    "recitation_blocked": "content_filter",
}

Json = dict[str, Any]


def completion(output: WorkflowOutput, model: str, warnings: Sequence[str] = ()) -> bytes:
    """Write a whole answer."""
    message: Json = {"role": "assistant", "content": _text(output), "refusal": None}
    if output.citations:
        message["annotations"] = _annotations(output.response, output.citations)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": FINISH_REASONS[output.ending],
    }
    return to_json(
        {
            "id": output.run_id,
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [choice],
            "usage": _usage(output.tokens),
            **_noted(warnings),
        }
    )


def waiting(output: WorkflowOutput) -> str:
    """Name what the run waits for, since this protocol has no way to ask for it."""
    calls = ", ".join(f"{call.name} {to_json(call.arguments).decode()}" for call in output.suggested_tools)
    if output.required_input:
        asked = "; ".join(f"{each.name}, about {_shown(each.value)}" for each in output.required_input)
        answers = ", ".join(f'"{each.name}": …' for each in output.required_input)
        approval = f" And it waits for your approval of {calls}." if calls else ""
        approved = ', "approved": "all"' if calls else ""
        return (
            f"This waits for input: {asked}.{approval} POST /v1/runs/{output.run_id}/resume with "
            f'{{"answers": {{{answers}}}{approved}}} goes on.'
        )
    return (
        f"This waits for your approval of {calls}: POST /v1/runs/{output.run_id}/approval goes on, "
        "and a model of mode 2 or 4 does not ask."
    )


def _shown(value: object) -> str:
    """Write a value that a node has paused with, the beginning of a long one."""
    text = value if isinstance(value, str) else to_json(value).decode()
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"


def _noted(warnings: Sequence[str]) -> Json:
    """Return the field for what was left out of the request, which is none of OpenAI's."""
    return {"warnings": list(warnings)} if warnings else {}


def _text(output: WorkflowOutput) -> str:
    return waiting(output) if output.status == "awaiting_approval" else made_text(output)


def _annotations(text: str, citations: Iterable[Citation]) -> list[Json]:
    found = []
    for citation in citations:
        marker = f"[{citation.number}]"
        start = text.find(marker)
        if start >= 0:
            place = {
                "start_index": start,
                "end_index": start + len(marker),
                "title": citation.title,
                "url": citation.uri,
            }
            found.append({"type": "url_citation", "url_citation": place})
    return found


def _usage(tokens: Tokens) -> Json:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total,
        "prompt_tokens_details": {"cached_tokens": tokens.cached_input},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


class ChunkWriter:
    """The translation of a run's events, as they are sent to other clients, into chunks.

    Text that has come while the client was reading is sent as one chunk.

    :param model: the model's name.
    :param includes_usage: whether the last chunk reports the usage.
    :param warnings: the parts of the request that were left out.
    """

    def __init__(self, model: str, *, includes_usage: bool, warnings: Sequence[str] = ()) -> None:
        self._warnings = warnings
        self._model = model
        self._usage = includes_usage
        self._run_id = ""
        self._said_seq = 0
        """The number of the last event whose text the client has."""
        self.is_over = False
        """Whether the client has got the end."""
        self._created = int(time.time())

    def __call__(self, frames: bytes) -> bytes:
        """Translate server-sent events, whole ones; comments stay as they are."""
        if frames.startswith(b":"):
            return frames
        chunks: list[bytes] = []
        text: list[str] = []
        for name, data in decode(frames):
            if name == "token":
                text.append(data["text"])
                self._said_seq = data["seq"]
                continue
            self._flush(text, chunks)
            chunks += self._other(name, data)
            if self.is_over:
                break
        self._flush(text, chunks)
        return b"".join(chunks)

    def end(self) -> bytes:
        """Write the end of a stream that ends before its run."""
        message = f"The stream has ended before the run: GET /v1/runs/{self._run_id}/events goes on with it."
        return b"".join(self._failure(message, "interrupted"))

    def _flush(self, text: list[str], chunks: list[bytes]) -> None:
        if text:
            chunks.append(self._chunk({"content": "".join(text)}))
            text.clear()

    def _other(self, name: str, data: Json) -> Iterator[bytes]:
        match name:
            case "run_started":
                self._run_id = data["run_id"]
                yield self._chunk({"role": "assistant", "content": ""}, **_noted(self._warnings))
            case "superseded" if data["from_seq"] <= self._said_seq:  # what was sent cannot be taken back
                message = (
                    "Another worker has gone on with the run: what was streamed does not count. Ask again, "
                    f"or follow GET /v1/runs/{self._run_id}/events."
                )
                yield from self._failure(message, "superseded")
            case "reasoning":
                self._said_seq = data["seq"]
                yield self._chunk({"reasoning_content": data["text"]})
            case "run_finished" | "run_paused":
                yield from self._ended(WorkflowOutput.model_validate_json(to_json(data["output"])))
            case "run_failed":
                yield from self._failure(data["message"], data["error_type"])

    def _failure(self, message: str, code: str) -> Iterator[bytes]:
        self.is_over = True
        error = {"message": message, "type": "server_error", "param": None, "code": code}
        yield b"data: " + to_json({"error": error}) + b"\n\n"
        yield DONE

    def _ended(self, output: WorkflowOutput) -> Iterator[bytes]:
        self.is_over = True
        delta: Json = {}
        if output.status == "awaiting_approval":
            delta["content"] = waiting(output)
        elif output.citations:
            delta["annotations"] = _annotations(output.response, output.citations)
        elif not output.response and (made := made_text(output)):  # of which no token has come
            delta["content"] = made
        if delta:
            yield self._chunk(delta)
        yield self._chunk({}, FINISH_REASONS[output.ending])
        if self._usage:
            yield self._frame([], usage=_usage(output.tokens))
        yield DONE

    def _chunk(self, delta: Json, finish_reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._frame([choice], **({"usage": None} if self._usage else {}), **more)

    def _frame(self, choices: list[Json], **more: Any) -> bytes:
        chunk = {
            "id": self._run_id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
            **more,
        }
        return b"data: " + to_json(chunk) + b"\n\n"
