"""The parts of one answer in Gemini's protocol, as they come."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from vital_shared.llm.base import ModelEvent, ModelToolCall, ReasoningDelta, TextDelta
from vital_shared.llm.wires.call_arguments import read_arguments
from vital_shared.llm.wires.fields import UnreadableField, label_in, text_in
from vital_shared.llm.wires.json_text import SurrogateJoiner

__all__ = ["ContentParts", "UnreadableCall"]


class UnreadableCall(Exception):
    """A call of a tool that cannot be made.

    :param name: the name of the tool, as far as it is known.
    """

    def __init__(self, name: str | None) -> None:
        super().__init__(name)
        self.name = name


class ContentParts:
    """The answer as it came: with the signatures of its thoughts it goes back with the tools' results."""

    __slots__ = ("_all", "_text_joiner", "_thought_joiner")

    def __init__(self) -> None:
        self._all: list[dict[str, Any]] = []
        self._text_joiner = SurrogateJoiner()
        self._thought_joiner = SurrogateJoiner()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, part: Any) -> ModelEvent | None:
        """Take one part, and return what it says; parts that are not known yet are passed over.

        :raises UnreadableField: when it is neither an object nor a text.
        """
        if isinstance(part, str):
            part = {"text": part}
        if not isinstance(part, dict):
            raise UnreadableField("no part of an answer")
        part = {name: value for name, value in part.items() if value is not None}
        joiner = self._thought_joiner if part.get("thought") else self._text_joiner
        text = joiner.feed(text_in(part.get("text")))
        self._all.append(part | {"text": text} if "text" in part else part)
        if not text:
            return None
        return ReasoningDelta(text=text) if part.get("thought") else TextDelta(text=text)

    def calls(self) -> tuple[ModelToolCall, ...]:
        """Return the calls; two of one id, or one without, get ids of their own, which go back with them.

        :raises UnreadableCall: when one cannot be made.
        """
        calls: dict[str, ModelToolCall] = {}
        for part in self._all:
            if "functionCall" not in part:
                continue
            name, arguments = _asked(part["functionCall"])
            given = label_in(part["functionCall"].get("id"))
            call_id = f"call_{uuid4().hex}" if given is None or given in calls else given
            part["functionCall"] |= {"id": call_id, "args": arguments}
            calls[call_id] = ModelToolCall(id=call_id, name=name, arguments=arguments)
        return tuple(calls.values())

    def native(self) -> list[dict[str, Any]]:
        """Return the parts with pieces of plain text joined; one with a signature has to stay as it is."""
        joined: list[dict[str, Any]] = []
        for part in self._all:
            if joined and joined[-1].keys() == part.keys() == {"text"}:
                joined[-1] = {"text": joined[-1]["text"] + part["text"]}
            else:
                joined.append(part)
        return joined


def _asked(call: Any) -> tuple[str, dict[str, Any]]:
    """Return the tool's name, and its arguments, which some servers send as a text of JSON."""
    name = label_in(call.get("name")) if isinstance(call, dict) else None
    arguments = read_arguments(call.get("args")) if isinstance(call, dict) else None
    if name is None or arguments is None:
        raise UnreadableCall(name)
    return name, arguments
