"""Responses of the engine, validated on arrival."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from httpx_sse import ServerSentEvent

from vital_client.answer import StreamEvent
from vital_client.calls import Call
from vital_client.errors import ClientError, EngineUnreachable, error_for

__all__ = [
    "check_stream",
    "event_of",
    "failure_of",
    "problem_of",
    "read",
    "retry_after_seconds",
    "unreadable",
]

T = TypeVar("T")


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return the fields of a problem from a response whose body was read; empty if a proxy answered."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    fields = problem.items() if _is_object(problem) else ()
    return {name: value for name, value in fields if value is not None}


def read(call: Call[T], response: httpx.Response) -> T:
    """Return the result of a successful call.

    :raises ClientError: when the response is not what an engine sends.
    """
    if response.status_code == httpx.codes.NO_CONTENT:
        return call.read(None)
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if not _is_object(body):
        raise _no_engine(response.url)
    return call.read(body)


def check_stream(response: httpx.Response) -> None:
    """Check that a successful response is a stream of events.

    :raises ClientError: when it is something else, such as the page of a proxy.
    """
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/event-stream":
        raise _no_engine(response.url)


def event_of(message: ServerSentEvent) -> StreamEvent:
    """Read one event.

    :raises ClientError: when the message is not an event.
    """
    try:
        event = StreamEvent(json.loads(message.data))
        _ = event.run_id, event.seq, event.type
    except (ValueError, TypeError, KeyError) as error:
        raise ClientError("The engine sent an event that cannot be read.") from error
    return event


def failure_of(outcome: httpx.Response | httpx.TransportError, url: httpx.URL) -> ClientError:
    """Return the error for an unsuccessful response or a failed connection."""
    if isinstance(outcome, httpx.Response):
        problem = problem_of(outcome)
        if outcome.has_redirect_location and not problem:
            said = f"{_shown(url)} leads to {_shown(outcome.headers['Location'])}: use that as the address."
            problem = {"detail": said}
        return error_for(outcome.status_code, problem, retry_after_seconds(outcome))
    if isinstance(outcome, httpx.ReadTimeout | httpx.WriteTimeout):
        return EngineUnreachable(f"{_shown(url)} has not answered in time.")
    said = " ".join(str(outcome).split()).rstrip(".") or type(outcome).__name__
    return EngineUnreachable(f"{_shown(url)} cannot be reached: {said}.")


def unreadable(url: httpx.URL) -> ClientError:
    """Return the error for a response that cannot be decoded."""
    return _no_engine(url)


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return the seconds to wait as requested by the engine, which sends a number, never a date."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _no_engine(url: httpx.URL) -> ClientError:
    return ClientError(f"{_shown(url)} does not answer like an engine: check the address.")


def _shown(url: httpx.URL | str) -> str:
    """Return an address without the user name and password that it may contain."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "another address"
    return str(parsed.copy_with(userinfo=b"")) if parsed.userinfo else str(parsed)


def _is_object(body: Any) -> bool:
    return isinstance(body, dict)
