"""Loggers of the library: structured, quiet until the application says where logs go, and discreet.

What an exception says may hold anything: a question, a document, a key. So where one is logged, the line has
its type and where it came from, and what it says is a line of its own at debug level.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import structlog

from vital_shared.errors import ConfigurationError, SourceError, StoreError, WriteRefused

__all__ = ["as_error", "get_logger", "without_messages"]

MAX_TRACEBACK_FRAMES: Final = 50
"""The innermost frames of a traceback that a line has."""

_PLACED: Final = (ConfigurationError, SourceError, StoreError)
"""Errors whose details are logged: places, and no values but in the words of a refused write."""

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
}


def get_logger(name: str) -> Any:
    """Return a structlog logger that writes through the standard library's logger of that name.

    structlog alone prints to stdout, which belongs to the application; this way nothing is written but
    warnings, to stderr, unless the application configures `logging` (and structlog's processors) itself.
    """
    return _Logger(logging.getLogger(name), (), {})


class _Logger(structlog.stdlib.BoundLogger):
    """A logger that keeps what exceptions say out of all lines above debug level.

    It has the processors that structlog is configured with at the time of a line: structlog's own proxy for
    that makes a logger for each line.
    """

    def _process_event(
        self, method_name: str, event: str | None, event_kw: dict[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        self._processors = structlog.get_config()["processors"]
        return super()._process_event(method_name, event, event_kw)

    def _proxy_to_logger(
        self, method_name: str, event: str | None = None, *event_args: str, **event_kw: Any
    ) -> Any:
        if not self._logger.isEnabledFor(_LEVELS.get(method_name, logging.CRITICAL)):
            return None  # before it is put into words: in a library nobody may want to read it
        error = as_error(event_kw.get("exc_info"))
        if error is None or method_name == "debug":
            return super()._proxy_to_logger(method_name, event, *event_args, **event_kw)
        del event_kw["exc_info"]
        if isinstance(error, _PLACED) and not isinstance(error, WriteRefused) and error.details is not None:
            event_kw.setdefault("reason", error.details)
        if self._logger.isEnabledFor(logging.DEBUG):
            super()._proxy_to_logger("debug", event, *event_args, **event_kw, exc_info=error)
        level = "error" if method_name == "exception" else method_name
        return super()._proxy_to_logger(
            level, event, *event_args, **event_kw, exception=without_messages(error)
        )


def as_error(exc_info: object) -> BaseException | None:
    """Return the exception that is meant by what `logging` takes for ``exc_info``."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exception() if exc_info else None


def without_messages(error: BaseException) -> str:
    """Write an exception's traceback, and those of its causes, with types and places alone."""
    return "".join(_written(error, set())).rstrip("\n")


def _written(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for earlier in (cause, *within):
        if earlier is not None and id(earlier) not in seen:
            yield from _written(earlier, seen)
            yield "which led to\n"
    frames = traceback.walk_tb(error.__traceback__)
    for frame in traceback.StackSummary.extract(frames, limit=-MAX_TRACEBACK_FRAMES, lookup_lines=False):
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
    yield f"{_name(type(error))}\n"


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
