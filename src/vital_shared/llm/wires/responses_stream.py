"""OpenAI's Responses API: the decoder of its streams, and of whole responses.

Source: OpenAI's API reference, "The response object" and "Streaming events".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)
from vital_shared.llm.wires.containers import made_gigabytes
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.fields import label_in
from vital_shared.llm.wires.json_text import read_json
from vital_shared.llm.wires.openai_errors import read_error
from vital_shared.llm.wires.openai_usage import read_usage
from vital_shared.models.price_details import PriceDetails

__all__ = ["ResponsesDecoder"]

TEXTS: Final = frozenset({"response.output_text.delta", "response.refusal.delta"})
THOUGHTS: Final = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
"""Events with the next piece of a text, and of a thought."""

LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.done"})
FAILED_EVENTS: Final = frozenset({"response.failed", "response.cancelled", "error"})

FAILED_STATUSES: Final = frozenset({"failed", "cancelled"})

SEARCH: Final = "web_search_call"
FREE_ACTIONS: Final = frozenset({"open_page", "find_in_page"})
"""Actions of a search call that cost tokens alone (OpenAI's guide "Web search")."""
FILE_SEARCH: Final = "file_search_call"

REASONS: Final[Mapping[str, StopReason]] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
"""Reasons for which a response is not complete."""


class ResponsesDecoder:
    """The decoder of one answer, for its client's own reading: calls are read as far as they can be.

    :param model: the full name, ``provider:model``, for errors.
    """

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self.is_whole = False
        """Whether the answer has come to its end."""
        self._model = model
        self._reason: StopReason = "end"
        self._usage: Usage | None = None
        self._items: list[Mapping[str, Any]] = []
        """The items that have come; the last event repeats them all, or none."""
        self._id: str | None = None
        self._response_model: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the last event has come."""
        return self.is_whole

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read an event, or a whole response.

        :raises ModelError: when it reports an error, or is no JSON.
        """
        event = read_json(data)
        if not isinstance(event, dict):
            if self.is_whole or data.strip() == b"[DONE]":
                return ()
            raise ModelUnavailable(
                f'"{self._model}" sent something that is not a JSON object.',
                model=self._model,
                kind="bad_answer",
            )
        kind = event.get("type")
        if event.get("object") == "response" or (kind is None and "output" in event):
            return self._whole(event)
        if kind in FAILED_EVENTS or (event.get("error") and kind is None):
            response = event.get("response")
            said = response if isinstance(response, dict) else event
            raise read_error(None, said.get("error") or event, self._model)
        if kind in TEXTS or kind in THOUGHTS:
            return self._piece(event, is_thought=kind in THOUGHTS)
        if kind == "response.output_item.done":
            return self._item(event.get("item"))
        if isinstance(kind, str) and (kind.endswith(".delta") or "_call." in kind):
            self.pieces += 1  # a tool of the provider's at work; a thought that has begun shows nothing yet
        if kind in LAST_EVENTS:
            return self._end(event.get("response"))
        if isinstance(event.get("response"), dict):
            self._note(event["response"])
        return ()

    def end(self) -> Sequence[ModelEvent]:
        """Return the reason of the end.

        :raises ModelUnavailable: when the stream broke off before.
        """
        if not self.is_whole:
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        counts = () if self._usage is None else (self._usage,)
        stop = Stop(reason=self._reason, response_id=self._id, response_model=self._response_model)
        return (*counts, stop)

    def _piece(self, event: Mapping[str, Any], *, is_thought: bool) -> Sequence[ModelEvent]:
        text = event.get("delta")
        if not isinstance(text, str) or not text:
            return ()
        self.pieces += 1
        return (ReasoningDelta(text=text),) if is_thought else (TextDelta(text=text),)

    def _whole(self, response: Mapping[str, Any]) -> Sequence[ModelEvent]:
        """Read a response that is no stream."""
        if response.get("status") in FAILED_STATUSES or (
            response.get("error") and not response.get("output")
        ):
            raise read_error(None, response.get("error") or {"message": "it failed"}, self._model)
        items = _objects(response.get("output"))
        self.pieces += len(items)
        events = [event for item in items for event in (*_said(item), *self._call(item))]
        return [*events, *self._end(response)]

    def _item(self, item: Any) -> Sequence[ModelEvent]:
        self.pieces += 1
        if not isinstance(item, dict):
            return ()
        self._items.append(item)
        return self._call(item)

    def _call(self, item: Mapping[str, Any]) -> Sequence[ModelEvent]:
        if item.get("type") != "function_call":
            return ()
        name, written = item.get("name"), item.get("arguments")
        arguments = read_json(written.encode()) if isinstance(written, str) else None
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return ()  # the client's own to judge
        return (ModelToolCall(id=str(item.get("call_id") or ""), name=name, arguments=arguments),)

    def _end(self, response: Any) -> Sequence[ModelEvent]:
        self.is_whole = True
        if not isinstance(response, dict):
            return ()
        self._note(response)
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        if response.get("status") == "incomplete":
            self._reason = REASONS.get(str(reason), "length")
        if response.get("usage"):
            usage = read_usage(response["usage"], response.get("service_tier"))
            items = _objects(response.get("output"))
            billed = _billed_searches(response)
            searches = _most(_is_search, items, self._items) if billed is None else billed
            of_files = _most(_is_file_search, items, self._items)
            gigabytes = made_gigabytes(_objects(response.get("tools")), [*items, *self._items])
            self._usage = _with_hosted(usage, searches, of_files, gigabytes)
        return ()

    def _note(self, response: Mapping[str, Any]) -> None:
        self._id = self._id or label_in(response.get("id"))
        self._response_model = self._response_model or label_in(response.get("model"))


def _said(item: Mapping[str, Any]) -> Iterator[ModelEvent]:
    """Give the texts and thoughts of a whole item."""
    for part in _objects(item.get("summary")):
        if isinstance(text := part.get("text"), str) and text:
            yield ReasoningDelta(text=text)
    for part in _objects(item.get("content")):
        text = part.get("text") or part.get("refusal")
        if isinstance(text, str) and text:
            yield ReasoningDelta(text=text) if item.get("type") == "reasoning" else TextDelta(text=text)


def _most(is_one: Callable[[Any], bool], *lists: Sequence[Any]) -> int:
    """Return the count of the list that has the most of a kind."""
    return max(sum(map(is_one, each)) for each in lists)


def _is_search(item: Any) -> bool:
    """Return whether an item is a search of the provider's, which has a price of its own."""
    if not isinstance(item, dict) or item.get("type") != SEARCH or item.get("status") in FAILED_STATUSES:
        return False
    action = item.get("action")
    return not isinstance(action, dict) or action.get("type") not in FREE_ACTIONS


def _is_file_search(item: Any) -> bool:
    """Return whether an item is a search of files that the provider stores, which has a price, too."""
    if not isinstance(item, dict) or item.get("type") != FILE_SEARCH:
        return False
    return item.get("status") not in FAILED_STATUSES


def _billed_searches(response: Mapping[str, Any]) -> int | None:
    """Return the searches of the web that the provider bills; None: it does not say."""
    usage = response.get("tool_usage")
    return UsageReader(usage).count("web_search.num_requests") if isinstance(usage, dict) else None


def _with_hosted(usage: Usage, searches: int, of_files: int, gigabytes: int) -> Usage:
    """Add the use of the provider's own tools to the counts."""
    counts = {"web_searches": searches, "file_searches": of_files, "code_gigabytes": gigabytes}
    if not any(counts.values()):
        return usage
    details = (usage.details or PriceDetails()).model_copy(update=counts)
    return usage.model_copy(update={"details": details})


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
