"""Reasoning that a model writes into its answer, between ``<think>`` and ``</think>``, or in a raw channel.

Ollama, vLLM without a reasoning parser and many gateways send it so; templates that open the tag in the
prompt let the answer begin within it, so that only the closing tag comes. Magistral writes ``[THINK]``,
Seed-OSS ``<seed:think>``, Kimi a tag in triangles, and gpt-oss OpenAI's harmony format, whose analysis and
final answer are channels: ``<|channel|>analysis<|message|>…<|end|>``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.llm.base import ModelEvent, ReasoningDelta, TextDelta, TextWithdrawn

__all__ = ["ThoughtSplitter", "find_lead"]

_BRACKETS: Final = (
    *(("<", name, ">") for name in ("think", "thinking", "thought", "seed:think")),
    ("[", "think", "]"),
    ("\N{WHITE LEFT-POINTING TRIANGLE}", "think", "\N{WHITE RIGHT-POINTING TRIANGLE}"),
)
_OPENING: Final = frozenset(f"{left}{name}{right}" for left, name, right in _BRACKETS)
_CLOSING: Final = frozenset(f"{left}/{name}{right}" for left, name, right in _BRACKETS)
_CHANNEL: Final = "<|channel|>"
_START: Final = "<|start|>"
_ENDS: Final = ("<|end|>", "<|return|>", "<|call|>")
_TAGS: Final = (*_OPENING, *_CLOSING, _START, _CHANNEL, *_ENDS, "<|message|>")
_LEADS: Final = tuple(sorted({tag[0] for tag in _TAGS}))

MAX_HEADER_CHARACTERS: Final = 160
"""Longest header of a message: its author, channel, recipient and format."""

_HEADER: Final = rf"(?:(?!<\|message\|>).){{0,{MAX_HEADER_CHARACTERS}}}"
_TAG: Final = re.compile(
    rf"(?:<\|(?:start|channel)\|>{_HEADER})?<\|message\|>|"
    + "|".join(map(re.escape, (*_OPENING, *_CLOSING, *_ENDS))),
    re.IGNORECASE | re.DOTALL,
)
_MAX_TAG_CHARACTERS: Final = max(map(len, _TAGS))

find_lead: Final = re.compile("|".join(map(re.escape, _LEADS))).search
"""The pattern of the first character of a possible tag."""


class ThoughtSplitter:
    """A splitter of streamed text into text and reasoning; holds back no more than a tag.

    A tag right behind a backtick is quoted, and stays in the text.

    :param begins_thinking: whether the model is known to leave out the opening tag.
    """

    __slots__ = (
        "_assumed",
        "_at_start",
        "_closed",
        "_depth",
        "_held",
        "_since",
        "_withdrawn",
        "lone",
        "written",
    )

    def __init__(self, *, begins_thinking: bool = False) -> None:
        self.written: list[str] = []
        """The pieces of text so far, thoughts left out."""
        self.lone = False
        """Whether a closing tag came without its opening tag."""
        self._held = ""
        """Text that may become a tag, or blanks before the first word."""
        self._at_start = True
        """Whether no word of text has come since the beginning or the last closing tag."""
        self._assumed = begins_thinking
        """Whether the thoughts began without a tag."""
        self._depth = int(begins_thinking)
        self._since: list[str] = []
        """Text since the last tag within thoughts, should it turn out to be the answer."""
        self._closed = False
        """Whether a closing tag has come."""
        self._withdrawn: list[str] = []

    @property
    def is_idle(self) -> bool:
        """Whether a piece without the first character of a tag is text; the caller may add it itself."""
        return not (self._held or self._depth or self._at_start)

    def read(self, event: ModelEvent) -> Sequence[ModelEvent]:
        """Return what an event says: that of text is fed, any other one stays as it is."""
        if not isinstance(event, TextDelta):
            return (event,)
        if find_lead(event.text) or not self.is_idle:
            return self.feed(event.text)
        self.written.append(event.text)
        return (event,)

    def forget_assumption(self) -> None:
        """Take what comes for text: the model's reasoning comes in a field of its own."""
        if self._assumed:
            self._assumed, self._depth = False, 0

    def feed(self, text: str) -> list[ModelEvent]:
        """Return what a piece says."""
        events: list[ModelEvent] = []
        text, self._held = self._held + text, ""
        place = 0
        for tag in _TAG.finditer(text):
            before = text[place : tag.start()]
            if (before or self._last_piece)[-1:] == "`":
                continue
            self._say(before, events)
            self._turn(tag[0], events)
            place = tag.end()
        cut = len(text) - _possible_tag(text[place:])
        self._held = text[cut:]
        self._say(text[place:cut], events)
        return events

    def end(self, *, is_cut_off: bool) -> list[ModelEvent]:
        """Return the rest; thoughts that were never closed are the answer where they followed one.

        :param is_cut_off: whether the answer was not written to its end.
        """
        events: list[ModelEvent] = []
        held, self._held = self._held, ""
        if not held.isspace():
            self._say(held, events)
        has_text = any(not text.isspace() for text in self.written)
        restored = ""
        if not is_cut_off and self._depth and (self._assumed or self._closed or has_text):
            restored = "".join(self._since)
        elif not is_cut_off and not has_text:
            restored = "".join(self._withdrawn)
        if restored:
            self.written.append(restored)
            events.append(TextDelta(text=restored))
        return events

    @property
    def _last_piece(self) -> str:
        pieces = self._since if self._depth else self.written
        return pieces[-1] if pieces else ""

    def _say(self, text: str, events: list[ModelEvent]) -> None:
        if not text:
            return
        if self._depth:
            self._since.append(text)
            events.append(ReasoningDelta(text=text))
        elif self._at_start and text.isspace():
            self._held = text + self._held
        else:
            text = text.lstrip() if self._at_start and self._closed else text
            self._at_start = False
            self.written.append(text)
            events.append(TextDelta(text=text))

    def _turn(self, tag: str, events: list[ModelEvent]) -> None:
        """Go on as a tag says; of marks that only delimit messages nothing stays."""
        kind = tag.lower()
        if kind in _OPENING:
            self._open(tag)
        elif kind in _CLOSING:
            self._close(events)
        elif kind in _ENDS:
            if self._depth:
                self._close(events)
        elif (channel := kind.partition(_CHANNEL)[2].strip()) and not channel.startswith("final"):
            if not self._depth:
                self._open(tag)
        elif self._depth:
            self._close(events)

    def _open(self, tag: str) -> None:
        if self._assumed:
            self._assumed = False
        else:
            self._depth += 1
        if self._depth == 1:
            self._since.clear()
        self._since.append(tag)

    def _close(self, events: list[ModelEvent]) -> None:
        if self._depth:
            self.lone = self.lone or self._assumed
            self._depth -= 1
        else:
            self.lone = True
            if self.written:
                self._withdrawn += self.written
                self.written.clear()
                events.append(TextWithdrawn())
        self._assumed, self._closed, self._at_start, self._since = False, True, True, []


def _possible_tag(text: str) -> int:
    """Return how many characters at the end may be the beginning of a tag."""
    recent = max(0, len(text) - MAX_HEADER_CHARACTERS)
    headers = [at for at in (text.lower().find(mark, recent) for mark in (_START, _CHANNEL)) if at >= 0]
    if headers:
        return len(text) - min(headers)
    start = max(text.rfind(lead, max(0, len(text) - _MAX_TAG_CHARACTERS)) for lead in _LEADS)
    if start < 0:
        return 0
    tail = text[start:].lower()
    return len(tail) if any(tag.startswith(tail) for tag in _TAGS) else 0
