"""Tool calls out of the pieces in which OpenAI-compatible providers send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import orjson

from vital_shared.llm.base import ModelToolCall, ModelUnavailable
from vital_shared.llm.wires.call_arguments import read_arguments
from vital_shared.llm.wires.json_text import mended, read_json

__all__ = ["ToolCallPieces"]

MAX_CALLS: Final = 128
"""Most calls that a model may ask for at once; OpenAI allows as many tools."""

MAX_WHOLE_ARGUMENTS: Final = 16_384
"""Characters of arguments that are looked through, piece by piece, for whether they are whole already."""


class ToolCallPieces:
    """The calls of one answer, gathered in the order in which they begin.

    :param model: for errors.
    :param must_read: whether each call has to be one that can be made; others are left out if not.
    """

    __slots__ = ("_by_index", "_calls", "_model", "_must_read")

    def __init__(self, model: str, *, must_read: bool = True) -> None:
        self._model = model
        self._must_read = must_read
        self._calls: list[_Call] = []
        self._by_index: dict[tuple[int, int], _Call] = {}
        """The latest call of each choice at each index: some providers send all calls at 0."""

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: object, choice: object = 0) -> int:
        """Take the pieces of one chunk, and return their number; what is no object is passed over.

        :param choice: the number of the answer that they belong to, of several to one request.
        :raises ModelUnavailable: when there are more calls than any model makes.
        """
        pieces = [pieces] if isinstance(pieces, Mapping) else pieces
        known = [piece for piece in pieces if isinstance(piece, Mapping)] if isinstance(pieces, list) else []
        for piece in known:
            self._add(piece, choice if isinstance(choice, int) else 0)
        return len(known)

    def whole(self) -> tuple[ModelToolCall, ...]:
        """Return the calls.

        :raises ModelUnavailable: when one that has to be read has no name, or arguments that are no object.
        """
        made: dict[str, ModelToolCall] = {}
        for number, call in enumerate(self._calls):
            arguments = read_arguments("".join(call.pieces))
            if not call.name or arguments is None:
                if self._must_read:
                    raise self._unreadable(call)
                continue
            given = mended(call.id) or f"call_{uuid4().hex}"
            call_id = f"{given}_{number}" if given in made else given
            made[call_id] = ModelToolCall(id=call_id, name=mended(call.name), arguments=arguments)
        return tuple(made.values())

    def _add(self, piece: Mapping[str, Any], choice: int) -> None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else piece
        index, call_id = _index(piece.get("index")), _text(piece.get("id"))
        name, arguments = _text(function.get("name")), function.get("arguments")
        arguments = function.get("input") if arguments is None else arguments
        call = self._find(choice, index, call_id, name)
        if call is None or call.is_followed_by(call_id, name, arguments):
            call = self._begin(choice, index)
        call.id = call.id or call_id
        call.name = call.name or name
        call.add_arguments(arguments)

    def _find(self, choice: int, index: int | None, call_id: str, name: str) -> _Call | None:
        if index is not None:
            return self._by_index.get((choice, index))
        if call_id:
            return next((call for call in self._calls if call.id == call_id), None)
        return self._calls[-1] if self._calls and not name else None

    def _begin(self, choice: int, index: int | None) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            message = f'"{self._model}" asks for more than {MAX_CALLS} tool calls at once.'
            raise ModelUnavailable(message, model=self._model)
        call = _Call()
        self._calls.append(call)
        if index is not None:
            self._by_index[choice, index] = call
        return call

    def _unreadable(self, call: _Call) -> ModelUnavailable:
        return ModelUnavailable(
            f'"{self._model}" asks for the tool "{mended(call.name)}" with arguments that are not an object.',
            model=self._model,
        )


class _Call:
    """One call as far as it has come."""

    __slots__ = ("_size", "id", "name", "pieces")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self._size = 0

    def is_followed_by(self, call_id: str, name: str, arguments: Any) -> bool:
        """Return whether a piece at the same place begins another call: with a name, and an id of its own."""
        if not self.name or not name:
            return False
        if self.id and call_id:
            return self.id != call_id
        if not arguments or self._size > MAX_WHOLE_ARGUMENTS:
            return False
        return isinstance(read_json(mended("".join(self.pieces)).encode()), dict)

    def add_arguments(self, arguments: Any) -> None:
        if isinstance(arguments, Mapping) and self.pieces:
            return  # some repeat the whole object
        if arguments is not None:
            self.pieces.append(arguments if isinstance(arguments, str) else _dumped(arguments))
            self._size += len(self.pieces[-1])


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # nested too deeply, or with halves of surrogates
        return "unreadable"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) else None
