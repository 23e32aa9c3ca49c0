"""Check the tools, models and sources of a caller, before anything is opened."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, Final

from vital_shared.errors import ConfigurationError
from vital_shared.tools.base import Tool

__all__ = ["check_parts", "wrong_search"]

_METHODS: Final = {
    "models": ("stream", "a model is an object with a name and a stream"),
    "sources": ("search", "a source is an object with a name and a search"),
}


def check_parts(tools: Sequence[object], models: Sequence[object], sources: Sequence[object]) -> None:
    """Check that each part is what it is given as.

    :raises ConfigurationError: when one is not, in one sentence that names it.
    """
    for tool in _listed("tools", tools):
        if not isinstance(tool, Tool):
            raise ConfigurationError(f"{_named(tool)} is not a tool: put @tool() above the function.")
    for kind, parts in (("models", models), ("sources", sources)):
        method, face = _METHODS[kind]
        for part in _listed(kind, parts):
            is_object = not isinstance(part, type)
            if not (is_object and isinstance(getattr(part, "name", None), str) and hasattr(part, method)):
                raise ConfigurationError(f"{_named(part)} cannot be one of the {kind}: {face}.")
            problem = wrong_search(part) if kind == "sources" else _wrong_stream(part)
            if problem is not None:
                raise ConfigurationError(f"{problem}.")


def wrong_search(source: Any) -> str | None:
    """Return why a source cannot be searched; None: nothing shows that it cannot."""
    title, wanted = f'The source "{source.name}"', "async def search(self, query, *, tenant_id, limit)"
    search = source.search
    if inspect.isasyncgenfunction(search) or inspect.isgeneratorfunction(search):
        return f"{title} yields its passages, and has to return them: write {wanted}"
    if inspect.ismethod(search) and not inspect.iscoroutinefunction(search) and not _is_awaitable(search):
        return f"{title} has a search that is not async: write {wanted}"
    return _wrong_arguments(title, search, wanted, "", tenant_id="", limit=1)


def _wrong_stream(model: Any) -> str | None:
    title, wanted = f'The model "{model.name}"', "async def stream(self, request), and yield in it"
    stream = model.stream
    if inspect.iscoroutinefunction(stream) or inspect.isgeneratorfunction(stream):
        return f"{title} has a stream that is no async generator: write {wanted}"
    return _wrong_arguments(title, stream, wanted, None)


def _is_awaitable(method: Any) -> bool:
    """Return whether a method that is not async says that it returns what another one does."""
    returned = str(inspect.signature(method).return_annotation)
    return any(kind in returned for kind in ("Awaitable", "Coroutine", "Future", "Task"))


def _wrong_arguments(title: str, method: Any, wanted: str, /, *arguments: Any, **named: Any) -> str | None:
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # no method at all, or one that does not show what it takes
        return None if callable(method) else f"{title} has no method of that name: write {wanted}"
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        return f"{title} takes other arguments than it is given ({error}): write {wanted}"
    return None


def _listed(kind: str, parts: object) -> Iterable[object]:
    if isinstance(parts, str) or not isinstance(parts, Iterable):
        raise ConfigurationError(f"{_named(parts)} is not a list of {kind}: write {kind}=[…].")
    return parts


def _named(part: object) -> str:
    if isinstance(part, type):
        return f"The class {part.__name__}"
    return f"The function {part.__name__}" if hasattr(part, "__name__") else repr(part)
