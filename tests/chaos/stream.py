"""A stream of events, as a client reads it over several connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

__all__ = ["Chat", "Stream", "read_chat", "read_events"]

ENDS: Final = frozenset({"run_finished", "run_paused", "run_failed"})


@dataclass
class Stream:
    """The events of one run, in the order in which they came, and the faults in that order."""

    last: int = 0
    """The number of the last event."""
    end: dict[str, Any] | None = None
    """The last event, where it ends the run or its part before a pause."""
    faults: list[str] = field(default_factory=list)
    superseded: int = 0
    """Times that another worker voided what had been streamed."""
    _tokens: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The answer's text, without what was voided."""
        return "".join(text for _, text in self._tokens)

    def take_text(self, text: str) -> None:
        """Take an answer that came without numbers."""
        self._tokens = [(0, text)]

    def take(self, event: dict[str, Any], run_id: str, *, repeats: bool = False) -> None:
        """Take the next event.

        :param repeats: the connection began from the start again, so what is known already is passed over.
        """
        number = event["seq"]
        if repeats and number <= self.last:
            return
        if number != self.last + 1:
            self.faults.append(f"{event['type']} is number {number} after {self.last}")
        if event["run_id"] != run_id:
            self.faults.append(f"an event of run {event['run_id']} within {run_id}")
        self.last = max(self.last, number)
        self.end = event if event["type"] in ENDS else None
        if event["type"] == "token":
            self._tokens.append((number, event["text"]))
        elif event["type"] == "superseded":
            self.superseded += 1
            self._tokens = [each for each in self._tokens if each[0] < event["from_seq"]]


@dataclass
class Chat:
    """An answer in OpenAI's dialect, as it comes in chunks over one connection."""

    run_id: str = ""
    text: str = ""
    finish_reason: str = ""
    error: str = ""

    def take(self, chunk: dict[str, Any]) -> None:
        """Take the next chunk."""
        if error := chunk.get("error"):
            self.error = f"{error['code']}: {error['message']}"
            return
        self.run_id = chunk["id"]
        for choice in chunk["choices"]:
            self.text += choice["delta"].get("content") or ""
            self.finish_reason = choice["finish_reason"] or self.finish_reason


async def read_chat(response: aiohttp.ClientResponse, chat: Chat) -> None:
    """Read the chunks until they end."""
    async for raw in response.content:
        line = raw.decode().strip()
        if line == "data: [DONE]":
            return
        if line.startswith("data:"):
            chat.take(json.loads(line[5:]))


async def read_events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Read server-sent events; see that each has its own number as its id."""
    data, number = "", ""
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data = line[5:].strip()
        elif line.startswith("id:"):
            number = line[3:].strip()
        elif not line and data:
            event = json.loads(data)
            assert number == str(event["seq"]), (number, data)
            yield event
            data, number = "", ""
