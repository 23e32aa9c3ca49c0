"""Errors as OpenAI's API has them (its reference, "Error codes"): so its clients raise the right ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from ai_engine.asgi.lingering_response import LingeringResponse
from ai_engine.problem import Problem

__all__ = ["respond_as_openai"]

UNPROCESSABLE: Final = 422
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
TOO_LARGE: Final = 413
FAULTS: Final = 500

TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}
CODES: Final[Mapping[int, str]] = {
    401: "invalid_api_key",
    402: "insufficient_quota",
    429: "rate_limit_exceeded",
}


def respond_as_openai(problem: Problem, headers: Mapping[str, str] | None) -> Response:
    """Answer with a problem."""
    status = BAD_REQUEST if problem.status == UNPROCESSABLE else problem.status
    field = problem.errors[0].field or None if problem.errors else None
    kind = TYPES.get(status, "server_error" if status >= FAULTS else "invalid_request_error")
    code = "model_not_found" if field == "model" and status == NOT_FOUND else CODES.get(status)
    error = {"message": problem.detail, "type": kind, "param": field, "code": code}
    make = LingeringResponse if status == TOO_LARGE else Response
    return make(to_json({"error": error}), status, headers, media_type="application/json")
