"""Responses of the engine, checked where they enter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from httpx_sse import ServerSentEvent

from vital_client.answer import StreamEvent
from vital_client.calls import Call
from vital_client.errors import ClientError, EngineUnreachable, error_for

__all__ = ["event_of", "failure_of", "problem_of", "read", "retry_after_seconds"]

T = TypeVar("T")


def problem_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return the fields of a problem, whose body has been read; none where a proxy has answered."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    fields = problem.items() if _is_object(problem) else ()
    return {name: value for name, value in fields if value is not None}


def read(call: Call[T], response: httpx.Response) -> T:
    """Return the result of a call that has succeeded.

    :raises ClientError: when the response is not what an engine sends.
    """
    if response.status_code == httpx.codes.NO_CONTENT:
        return call.read(None)
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if not _is_object(body):
        raise ClientError(f"{response.url} does not answer as an engine does: check the address.")
    return call.read(body)


def event_of(message: ServerSentEvent) -> StreamEvent:
    """Read one event.

    :raises ClientError: when it is none.
    """
    try:
        event = StreamEvent(json.loads(message.data))
        _ = event.run_id, event.seq, event.type
    except (ValueError, TypeError, KeyError) as error:
        raise ClientError("The engine sent an event that cannot be read.") from error
    return event


def failure_of(outcome: httpx.Response | httpx.TransportError, url: httpx.URL) -> ClientError:
    """Return the error for a response that is no success, or for a connection that failed."""
    if isinstance(outcome, httpx.Response):
        return error_for(outcome.status_code, problem_of(outcome), retry_after_seconds(outcome))
    return EngineUnreachable(f"{url} cannot be reached: {str(outcome) or type(outcome).__name__}.")


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return the seconds that the engine asks to wait; it sends a number, never a date."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _is_object(body: Any) -> bool:
    return isinstance(body, dict)
