"""A call that must be awaited exactly once; using it as a value raises an error that says so."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vital_shared.graph.errors import GraphError

__all__ = ["CallSite", "PendingCall"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(slots=True)
class CallSite:
    """The place of a call in the code of its caller; it outlives the call."""

    name: str
    """The call as its caller writes it: ``self.llm``."""
    file: str
    line: int
    is_used: bool = False
    """Whether the call was awaited, made a task of, or refused as a value."""

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{Path(self.file).name}:{self.line}"

    @property
    def not_awaited(self) -> str:
        """The mistake, for messages."""
        return f"{self.name}(…) is not awaited ({self.place})"


class PendingCall(Coroutine[Any, Any, T_co]):
    """A coroutine that refuses to become text: formatted, it would read ``<coroutine object …>``.

    It can be awaited, gathered and turned into a task like any other.

    :param begin: a function that creates the coroutine at the first use.
    :param name: the call as its caller writes it: ``self.llm``.
    :param depth: frames between this constructor and the caller.
    """

    __slots__ = ("_begin", "_coroutine", "site")

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, T_co]], name: str, depth: int = 1) -> None:
        caller = sys._getframe(depth + 1)  # noqa: SLF001 - as warnings and logging find theirs
        self._begin = begin
        self._coroutine: Coroutine[Any, Any, T_co] | None = None
        self.site = CallSite(name, caller.f_code.co_filename, caller.f_lineno)

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Run it: what runs is the coroutine itself.

        :raises GraphError: when it was awaited before.
        """
        site = self.site
        if site.is_used:
            raise GraphError(
                f"{site.name}(…) is awaited twice ({site.place}): await it once, and keep what it returns in "
                "a variable"
            )
        return self._begun().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a task does."""
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error, as a task does."""
        return self._begun().throw(*error)

    def close(self) -> None:
        """End it."""
        self.site.is_used = True
        if self._coroutine is not None:
            self._coroutine.close()

    def _begun(self) -> Coroutine[Any, Any, T_co]:
        if self._coroutine is None:
            self.site.is_used = True
            self._coroutine = self._begin()
        return self._coroutine

    def __str__(self) -> str:
        """Refuse to be a text.

        :raises GraphError: always.
        """
        raise self._refused("has no text yet")

    def __format__(self, _: str) -> str:
        """Refuse to be a part of a text, as `__str__` does."""
        return str(self)

    def __bool__(self) -> bool:
        """Refuse to be a condition.

        :raises GraphError: always.
        """
        raise self._refused("is neither true nor false yet")

    def __repr__(self) -> str:
        """Return what debuggers show, and texts of lists."""
        return f"<{self.site.name}(…) of {self.site.place}>"

    def _refused(self, lacks: str) -> GraphError:
        self.close()
        return GraphError(f"{self.site.not_awaited}, and {lacks}: write await in front of it")

    def __del__(self) -> None:
        """Warn where nobody has awaited it."""
        site = self.site
        if not site.is_used:
            message = f"{site.name}(…) was never awaited, and did nothing: write await in front of it"
            warnings.warn_explicit(message, RuntimeWarning, site.file, site.line)
