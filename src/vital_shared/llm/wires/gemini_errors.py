"""Google's Gemini API: how its errors are read.

Source: Google's AIP-193 on errors, and `google.rpc.Code` for what its names mean over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.fields import http_status_in, label_in
from vital_shared.llm.wires.statuses import error_for, words_in

__all__ = ["failure"]

_STATUS_OF_NAME: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Meanings of error names that come without a status of HTTP."""


def failure(
    body: Any, model: str, *, status: int | None = None, retry_after: float | None = None
) -> ModelError:
    """Translate the provider's error message.

    :param body: the JSON that came, an error or a list of one; anything, where something between answered.
    :param status: the status of HTTP; None: the response had none, so its code or its name decides.
    :param retry_after: seconds.
    """
    error = _error_in(body)
    details = _details(error)
    name = label_in(error.get("status")) or ""
    sent = status or http_status_in(error.get("code"))
    no_key = any(detail.get("reason") == "API_KEY_INVALID" for detail in details)  # comes as a 400
    delays = (_seconds(detail.get("retryDelay")) for detail in details)  # google.rpc.RetryInfo
    return error_for(
        401 if no_key else sent or _STATUS_OF_NAME.get(name, 502),
        words_in(error or body),
        model=model,
        named=name if sent is None else None,
        retry_after=next((delay for delay in delays if delay is not None), retry_after),
    )


def _error_in(body: Any) -> dict[str, Any]:
    """Find the error; an empty one where there is none that can be read."""
    found = body if isinstance(body, list) else [body]
    bodies = [each for each in found if isinstance(each, dict)]
    error = next((each["error"] for each in bodies if each.get("error")), None)
    return error if isinstance(error, dict) else {}


def _details(error: dict[str, Any]) -> Sequence[dict[str, Any]]:
    details = error.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _seconds(duration: object) -> float | None:
    """Read a duration such as ``34.07s``: protobuf's JSON mapping."""
    try:
        seconds = float(duration.removesuffix("s")) if isinstance(duration, str) else -1.0
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
