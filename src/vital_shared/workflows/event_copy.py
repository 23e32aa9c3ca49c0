"""A copy of another run's events in this run's log, with new numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import replace
from typing import Any, Final

from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import OUTCOMES, Event, RunStarted, Superseded, Token
from vital_shared.workflows.events import Continuation

__all__ = ["EventCopy"]

FIRST_SEQ_AFTER_START: Final = 2
"""The number of the event behind `RunStarted`, which stands whatever becomes of the run."""


class EventCopy:
    """A writer of another run's events into a log, each once, except for the run's end.

    :param log: the log; it may already contain the beginning of an answer, from a run that failed.
    :param streamed: the text of that beginning.
    """

    def __init__(self, log: MemoryLog, streamed: str) -> None:
        self.text = streamed
        """The text of the answer that the log has, and that stands."""
        self._log = log
        self._continues = bool(log.last_seq)
        self._rest = Continuation(streamed)
        self._run_text = ""
        """The text of the run that is copied."""
        self._numbers = array("q")
        """The numbers of its events."""
        self._own_numbers = array("q")
        """The number of the next event of the log when each of them came."""
        self._lengths = array("q")
        """The length of the run's text before each of them."""

    def write(self, event: Event) -> None:
        """Write an event, or what is new in it."""
        if event.type in OUTCOMES or (self._continues and isinstance(event, RunStarted)):
            return
        if isinstance(event, Superseded):
            self._void(event.from_seq)
            return
        self._numbers.append(event.seq)
        self._own_numbers.append(self._log.last_seq + 1)
        self._lengths.append(len(self._run_text))
        fields: dict[str, Any] = {}
        if isinstance(event, Token):
            self._run_text += event.text
            text = self._rest.new(event.text) if self._continues else event.text
            if not text:
                return
            self.text += text
            fields["text"] = text
        self._append(event, **fields)

    def _void(self, from_seq: int) -> None:
        """Void what the run has voided; where its text goes on from another run's, all of both."""
        at = bisect_left(self._numbers, from_seq)
        if at < len(self._numbers):
            own_from, self._run_text = self._own_numbers[at], self._run_text[: self._lengths[at]]
            for numbers in (self._numbers, self._own_numbers, self._lengths):
                del numbers[at:]
        else:
            own_from = self._log.last_seq + 1
        if self._continues:
            own_from = FIRST_SEQ_AFTER_START
        if own_from > self._log.last_seq:
            return
        seq = self._log.last_seq + 1
        self._append(Superseded(run_id=self._log.run_id, seq=seq, epoch=self._log.epoch, from_seq=own_from))
        if self._continues and self._run_text:
            self._log.append_text(self._run_text)
        self._continues, self.text = False, self._run_text

    def _append(self, event: Event, **fields: Any) -> None:
        log = self._log
        log.append(replace(event, run_id=log.run_id, epoch=log.epoch, seq=log.last_seq + 1, **fields))
