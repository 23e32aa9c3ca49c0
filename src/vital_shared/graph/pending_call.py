"""A call that has to be awaited, and that says so where it is used as a value."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any, TypeVar

from vital_shared.graph.errors import GraphError

__all__ = ["PendingCall"]

T_co = TypeVar("T_co", covariant=True)


class PendingCall(Coroutine[Any, Any, T_co]):
    """A coroutine that is no text: written into one, it would be the text ``<coroutine object …>``.

    It is awaited, gathered and made a task of like any other.

    :param name: the call as its caller writes it: ``self.llm``.
    :param depth: frames between this constructor and the caller.
    """

    __slots__ = ("_coroutine", "_file", "_is_used", "_line", "name")

    def __init__(self, coroutine: Coroutine[Any, Any, T_co], name: str, depth: int = 1) -> None:
        caller = sys._getframe(depth + 1)  # noqa: SLF001 - as warnings and logging find theirs
        self._coroutine = coroutine
        self.name = name
        self._is_used = False
        self._file, self._line = caller.f_code.co_filename, caller.f_lineno

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Run it: what runs is the coroutine itself."""
        self._is_used = True
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a task does."""
        self._is_used = True
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error, as a task does."""
        self._is_used = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End it."""
        self._is_used = True
        self._coroutine.close()

    def __str__(self) -> str:
        """Refuse to be a text.

        :raises GraphError: always.
        """
        self.close()
        place = f"{Path(self._file).name}:{self._line}"
        raise GraphError(
            f"{self.name}(…) is not awaited ({place}), and has no text yet: write await in front of it"
        )

    def __format__(self, _: str) -> str:
        """Refuse to be a part of a text, as `__str__` does."""
        return str(self)

    def __del__(self) -> None:
        """Warn where nobody has awaited it."""
        if not self._is_used:
            self.close()
            message = f"{self.name}(…) was never awaited, and did nothing: write await in front of it"
            warnings.warn_explicit(message, RuntimeWarning, self._file, self._line)
