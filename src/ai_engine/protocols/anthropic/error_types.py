"""Types of errors in Anthropic's API (its reference, "Errors")."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

__all__ = ["error_body", "error_type"]

TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_type(status: int) -> str:
    """Return the type for a status of HTTP."""
    fault = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return TYPES.get(status, fault)


def error_body(kind: str, message: str, request_id: str | None = None) -> dict[str, Any]:
    """Write an error."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
