"""Google's Gemini API: how its streams are read.

Source: the reference of the Gemini API, `GenerateContentResponse`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vital_shared.llm.base import (
    ModelEvent,
    ModelHeldBack,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
)
from vital_shared.llm.wires.counts import counts_in
from vital_shared.llm.wires.fields import (
    UnreadableField,
    is_end_marker,
    is_keep_alive,
    label_in,
    object_in,
    objects_in,
    sendable,
)
from vital_shared.llm.wires.gemini_errors import failure
from vital_shared.llm.wires.gemini_parts import ContentParts, UnreadableCall
from vital_shared.llm.wires.gemini_usage import GeminiUsage, in_camel_case
from vital_shared.llm.wires.json_text import read_json
from vital_shared.llm.wires.thoughts import ThoughtSplitter

__all__ = ["WIRE", "GeminiDecoder"]

WIRE: Final = "gemini"

_STOPS: Final[dict[str, StopReason]] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "RECITATION": "recitation",
    "IMAGE_RECITATION": "recitation",
}
"""Any other reason, such as MALFORMED_FUNCTION_CALL or OTHER, is an answer gone wrong."""

_NO_REASONS: Final = frozenset({"FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED"})
"""Values for the absence of a reason, in chunks of servers that write all fields."""


class GeminiDecoder:
    """The decoder of one answer's stream.

    :param model: for errors.
    :param must_be_usable: whether the answer is for us; else its client reads it, and what is of no use, such
        as a call without arguments, is its own concern.
    :param choices: the candidates that the request asks for; the text of all of them is counted.
    """

    __slots__ = (
        "_candidate",
        "_choices",
        "_ended",
        "_finish",
        "_finish_words",
        "_goes_on",
        "_has_unfinished",
        "_id",
        "_is_settled",
        "_model",
        "_must_be_usable",
        "_parts",
        "_response_model",
        "_thoughts",
        "_usage",
        "pieces",
    )

    def __init__(self, model: str, *, must_be_usable: bool = True, choices: int = 1) -> None:
        self.pieces = 0
        self._choices = choices
        self._model = model
        self._must_be_usable = must_be_usable
        self._parts = ContentParts()
        self._thoughts = ThoughtSplitter()
        self._usage = GeminiUsage()
        self._candidate: Any = None
        """Number of the candidate that is read: the first one that came."""
        self._finish: str | None = None
        self._finish_words = ""
        self._goes_on = False
        """Whether more of the answer came behind a reason of its end."""
        self._has_unfinished = False
        """Whether a part came without a reason of its end, so that such a reason means something."""
        self._is_settled = False
        """Whether the reason of its end came, and counts with it or behind it."""
        self._ended = False
        """Whether an end marker came, which only gateways send."""
        self._id: str | None = None
        self._response_model: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its end; some models say so in each chunk, which means nothing."""
        return (self._finish is not None and not self._goes_on) or (self._ended and bool(self._parts))

    @property
    def is_over(self) -> bool:
        """Whether an end marker came, or all that Google sends before it ends the connection."""
        return self._ended or (self._is_settled and not self._goes_on)

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one chunk, or a list of them, which is what comes without ``alt=sse``."""
        if is_end_marker(data):
            self._ended = True
            return ()
        chunk = read_json(data)
        try:
            if isinstance(chunk, dict):
                return self._read(chunk)
            if isinstance(chunk, list):
                return [event for each in objects_in(chunk) for event in self._read(each)]
        except UnreadableField as error:
            if self._ended:
                return ()
            raise self._unreadable() from error
        if self._ended or is_keep_alive(data):
            return ()
        raise self._unreadable()

    def end(self) -> Sequence[ModelEvent]:
        """Return the usage, the tool calls and the reason of the end."""
        if self._finish is None and not (self._ended and self._parts):
            message = f'The stream of "{self._model}" broke off.'
            raise ModelUnavailable(message, model=self._model, request_id=self._id, kind="cut")
        reason = _STOPS.get(self._finish or "STOP", None if self._must_be_usable else "end")
        if reason is None:
            said = self._finish_words or self._finish
            raise self._gone_wrong(f'The answer of "{self._model}" went wrong: {said}')
        calls = self._calls() if reason == "end" else ()  # a call that the limit cut off is none
        last = (*self._thoughts.end(is_cut_off=reason != "end"), *self._usage.read())
        if not calls:
            return (*last, self._stop(reason))
        native = sendable(self._parts.native())
        turn = ModelTurn(text="".join(self._thoughts.written), calls=calls, wire=WIRE, native=native)
        return (*last, *calls, turn, self._stop("tool_calls"))  # Gemini itself just says STOP

    def _stop(self, reason: StopReason) -> Stop:
        return Stop(
            reason=reason, request_id=self._id, response_id=self._id, response_model=self._response_model
        )

    def _read(self, chunk: dict[str, Any]) -> Sequence[ModelEvent]:
        if "candidates" not in chunk and isinstance(chunk.get("response"), dict):  # as Code Assist wraps it
            chunk = chunk["response"]
        if chunk.get("error"):
            raise failure(chunk, self._model)
        self._id = self._id or label_in(chunk.get("responseId"))
        self._response_model = self._response_model or label_in(chunk.get("modelVersion"))
        candidates = objects_in(chunk.get("candidates"))
        counts = _counts_of(chunk, candidates)
        first_counts = self._usage.update(counts)
        for each in candidates:
            self._usage.ground(each)
        if not candidates:
            self._note_refusal(chunk)
        candidate = next((each for each in candidates if self._is_read(each)), None)
        events = [] if candidate is None else self._content(candidate)
        self._has_unfinished = self._has_unfinished or (self._finish is None and bool(self._parts))
        if counts and self._finish is not None and self._has_unfinished and self._choices == 1:
            self._is_settled = True
        if self._choices > 1:
            events += [
                ReasoningDelta(text=text)  # no part of the answer, and paid for like one
                for other in candidates
                if other is not candidate
                for text in _texts_of(other)
            ]
        # Each chunk counts; the first has the input tokens, should the stream break off.
        return (*events, *self._usage.read()) if first_counts else events

    def _is_read(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether it is the one candidate that is read: others would be mixed into its text."""
        number = candidate.get("index") or 0
        if self._candidate is None:
            self._candidate = number
        return bool(number == self._candidate)

    def _content(self, candidate: Mapping[str, Any]) -> list[ModelEvent]:
        had_finished = self._finish is not None
        finish = label_in(candidate.get("finishReason"))
        if finish is not None and finish.upper() not in _NO_REASONS:
            self._finish = finish.upper()
            self._finish_words = label_in(candidate.get("finishMessage")) or ""
        content = candidate.get("content")
        parts: Any = content if isinstance(content, str | list) else object_in(content).get("parts")
        parts = parts if isinstance(parts, list) else [parts]
        said = [self._parts.add(each) for each in parts if each is not None]
        self._goes_on = self._goes_on or (had_finished and len(self._parts) > self.pieces)
        self.pieces = len(self._parts)
        return [each for event in said if event is not None for each in self._thoughts.read(event)]

    def _note_refusal(self, chunk: Mapping[str, Any]) -> None:
        """Raise that the prompt was refused, or note that the answer was, where some of it has come."""
        feedback = object_in(chunk.get("promptFeedback"))
        reason = label_in(feedback.get("blockReason"))
        if reason is None or reason.upper() in _NO_REASONS:
            return
        if self._parts or not self._must_be_usable:
            self._finish = reason.upper() if reason.upper() in _STOPS else "SAFETY"
            return
        message = f'The filter of "{self._model}" refused the prompt ({reason}).'
        raise ModelHeldBack(message, model=self._model, reason="content_filtered", request_id=self._id)

    def _calls(self) -> tuple[ModelToolCall, ...]:
        try:
            return self._parts.calls()
        except UnreadableCall as error:
            if not self._must_be_usable:
                return ()
            said = (
                f'"{self._model}" asks for the tool "{error.name}" with arguments that are not a JSON object'
            )
            raise self._gone_wrong(said) from error

    def _gone_wrong(self, said: str) -> ModelUnavailable:
        message = f"{said.removesuffix('.')}."
        return ModelUnavailable(message, model=self._model, request_id=self._id, kind="bad_answer")

    def _unreadable(self) -> ModelUnavailable:
        message = f'"{self._model}" sent a chunk that cannot be read.'
        return ModelUnavailable(message, model=self._model, request_id=self._id, kind="bad_answer")


def _counts_of(chunk: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> Any:
    """Return the counts of a chunk, where Google has them or gateways put them, by their names in JSON."""
    for place in (chunk, object_in(chunk.get("metadata")), *candidates):
        if counts := place.get("usageMetadata"):
            return counts_in(counts)
        if counts := counts_in(place.get("usage_metadata")):  # as protobuf writes it where it keeps its names
            return in_camel_case(counts)
    return None


def _texts_of(candidate: Mapping[str, Any]) -> list[str]:
    """Return the texts of a candidate that is not read otherwise."""
    parts = object_in(candidate.get("content")).get("parts")
    found = [each.get("text") for each in parts if isinstance(each, dict)] if isinstance(parts, list) else []
    return [text for text in found if isinstance(text, str) and text]
