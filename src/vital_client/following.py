"""The place in a run that is followed, over as many connections as it takes."""

from __future__ import annotations

from typing import Any, Final

import httpx
from httpx_sse import ServerSentEvent

from vital_client import calls
from vital_client.answer import StreamEvent
from vital_client.calls import Call
from vital_client.responses import event_of
from vital_client.retries import Outcome, Retrying

__all__ = ["ENDED_EARLY", "Following"]

ENDED_EARLY: Final = httpx.RemoteProtocolError("the stream ended before the run did")


class Following:
    """A run that is followed.

    :param call: the request of its first connection.
    :param retrying: the attempts to connect.
    """

    def __init__(self, call: Call[Any], retrying: Retrying) -> None:
        self.call = call
        """The request of the next connection."""
        self._retrying = retrying
        self.is_over = False

    def read(self, message: ServerSentEvent) -> StreamEvent:
        """Read an event, and go on behind it.

        :raises RunWithoutAnswer: when it says that the run has failed.
        :raises ClientError: when it cannot be read.
        """
        event = event_of(message)
        self._retrying.progressed()
        self.call = calls.events_after(event.run_id, event.seq)
        self.is_over = event.answer is not None
        return event

    def wait_seconds(self, outcome: Outcome) -> float:
        """Return the seconds until the next connection.

        :raises ClientError: when there is none.
        """
        return self._retrying.wait_seconds(self.call, outcome)
