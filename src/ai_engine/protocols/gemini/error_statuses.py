"""Errors of the Gemini API (Google's AIP-193, and `google.rpc.Code` for its names)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

__all__ = ["error_body"]

NAMES: Final[Mapping[int, str]] = {
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(status: int, message: str) -> dict[str, Any]:
    """Write an error.

    :param status: the status of HTTP.
    """
    fault = "INTERNAL" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_ARGUMENT"
    return {"error": {"code": status, "message": message, "status": NAMES.get(status, fault)}}
