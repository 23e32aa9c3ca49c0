"""The requests of the client and the readers of their responses, shared by both clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote

from vital_client.answer import RunAnswer
from vital_client.errors import ClientError
from vital_client.options import checked_header
from vital_client.results import CostSummary, FeedbackEntry, ListedRuns, RunDetails, WorkflowDetails

__all__ = [
    "Call",
    "ask",
    "cancel",
    "costs",
    "events_after",
    "feedback",
    "in_background",
    "resume",
    "run",
    "runs",
    "workflows",
]

T = TypeVar("T")

NAMES: Final = {"start": "from", "end": "to"}
"""Names of the API's filters that are keywords in Python."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the reader of its response."""

    method: str
    path: str
    read: Callable[[Any], T]
    """The reader that turns the response's JSON into the result."""
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """Return the arguments of httpx's ``request``.

        :raises ClientError: when a value can be sent neither in the body nor in a header.
        """
        headers = {name: checked_header(name, value) for name, value in self.headers.items()}
        if self.body is None:
            content = None
        else:
            headers["Content-Type"] = "application/json"
            content = _json(self.body)
        return {
            "method": self.method,
            "url": self.path,
            "params": self.params,
            "headers": headers,
            "content": content,
        }

    @property
    def is_repeatable(self) -> bool:
        """Whether the request is idempotent."""
        return self.method == "GET" or self.has_key

    @property
    def has_key(self) -> bool:
        """Whether the request has an idempotency key."""
        return IDEMPOTENCY_KEY in self.headers


def ask(fields: Mapping[str, Any], workflow: str | None, idempotency_key: str | None) -> Call[RunAnswer]:
    """Begin a run."""
    path = "/v1/runs" if workflow is None else f"/v1/workflows/{_segment(workflow)}/runs"
    return Call("POST", path, RunAnswer, fields, headers=_key(idempotency_key))


def in_background(begin: Call[RunAnswer], webhook_url: str | None) -> Call[str]:
    """Start a run in the background; the result is its id."""
    headers = {**begin.headers, "Prefer": "respond-async"}
    if webhook_url is not None:
        headers["Webhook-Url"] = webhook_url
    return Call(begin.method, begin.path, _run_id, begin.body, headers=headers)


def resume(
    run_id: str,
    approved: Sequence[str] | Literal["all"] | None,
    edited: Mapping[str, Mapping[str, Any]],
    denied: Mapping[str, str],
    answers: Mapping[str, Any],
    user_id: str | None,
    idempotency_key: str | None,
) -> Call[RunAnswer]:
    """Resume a run that waits."""
    body = {
        "approved": approved if approved is None or isinstance(approved, str) else list(approved),
        "edited": edited,
        "denied": denied,
        "answers": answers,
        "user_id": user_id,
    }
    path = f"/v1/runs/{_segment(run_id)}/resume"
    return Call("POST", path, RunAnswer, body, headers=_key(idempotency_key))


def run(run_id: str) -> Call[RunDetails]:
    """Read a run."""
    return Call("GET", f"/v1/runs/{_segment(run_id)}", RunDetails)


def runs(filters: Mapping[str, Any]) -> Call[ListedRuns]:
    """List runs."""
    return Call("GET", "/v1/runs", ListedRuns, params=_params(filters))


def costs(group_by: Sequence[str], filters: Mapping[str, Any]) -> Call[CostSummary]:
    """Read sums of costs."""
    params = _params({"group_by": ",".join(group_by) or None, "format": "json", **filters})
    return Call("GET", "/v1/costs", CostSummary, params=params)


def cancel(run_id: str) -> Call[None]:
    """Cancel a run."""
    return Call("DELETE", f"/v1/runs/{_segment(run_id)}", lambda _: None)


def feedback(
    run_id: str, value: bool | float | str, kind: str | None, fields: Mapping[str, Any]
) -> Call[FeedbackEntry]:
    """Give feedback on a run."""
    body = {"kind": kind or _kind(value), "value": value, **fields}
    return Call("POST", f"/v1/runs/{_segment(run_id)}/feedback", FeedbackEntry, body)


def workflows() -> Call[tuple[WorkflowDetails, ...]]:
    """List the workflows."""
    return Call("GET", "/v1/workflows", _workflows)


def events_after(run_id: str, seq: int) -> Call[None]:
    """Follow a run after a given event."""
    return Call(
        "GET",
        f"/v1/runs/{_segment(run_id)}/events",
        lambda _: None,
        headers={"Last-Event-ID": str(seq)},
    )


def _json(body: Mapping[str, Any]) -> bytes:
    """Write a body.

    :raises ClientError: when a value does not exist in JSON, such as a date or half of a surrogate pair.
    """
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except UnicodeEncodeError as error:
        raise ClientError(
            "The question contains half of a surrogate pair, which is not a character."
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ClientError(f"The question cannot be written as JSON: {error}.") from error


def _segment(text: str) -> str:
    """Return the text as one segment of a path."""
    return quote(text, safe="")


def _run_id(fields: Mapping[str, Any]) -> str:
    return str(fields["run_id"])


def _workflows(fields: Mapping[str, Any]) -> tuple[WorkflowDetails, ...]:
    return tuple(WorkflowDetails(each) for each in fields["workflows"])


def _params(filters: Mapping[str, Any]) -> dict[str, str]:
    return {NAMES.get(name, name): _param(value) for name, value in filters.items() if value is not None}


def _param(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _key(idempotency_key: str | None) -> Mapping[str, str]:
    return {} if idempotency_key is None else {IDEMPOTENCY_KEY: idempotency_key}
