"""Failures of models, as OpenAI's API has errors (its reference, "Error codes")."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, Final

import orjson
from starlette.responses import Response

from vital_shared.llm.base import ModelError
from vital_shared.models.model_call import FailureKind

__all__ = ["PASSED_ON", "failure_status", "refuse_as_openai", "retry_headers"]

PASSED_ON: Final = frozenset({400, 404, 409, 413, 415, 422})
"""Statuses by which a provider says that the request itself is at fault: the client gets its very words."""

STATUSES: Final[Mapping[FailureKind, HTTPStatus]] = {
    "refused": HTTPStatus.BAD_REQUEST,
    "rate_limit": HTTPStatus.TOO_MANY_REQUESTS,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "overload": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Statuses of the other failures; 502 for what is not here: the provider's fault, or its key's."""

TYPES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "invalid_request_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def failure_status(error: ModelError) -> HTTPStatus:
    """Return the status for a client whose request is not at fault.

    A provider's refusal of the operator's key is no refusal of the client's: it gets a 502. A model that
    may be asked again after a known time is only away.
    """
    if error.kind == "server" and error.retry_after_seconds is not None:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return STATUSES.get(error.kind, HTTPStatus.BAD_GATEWAY)


def refuse_as_openai(error: ModelError) -> Response:
    """Answer with a model's failure."""
    status = failure_status(error)
    said = _said(error)
    if said is not None and error.answer is not None:
        return _respond(error.answer.status, said, error)
    code = "rate_limit_exceeded" if status is HTTPStatus.TOO_MANY_REQUESTS else error.kind
    kind = TYPES.get(status, "server_error")
    return _respond(status, {"message": error.message, "type": kind, "param": None, "code": code}, error)


def _said(error: ModelError) -> Any:
    """Return the error in the provider's own words, where the client may have them; None: it may not."""
    if error.answer is None or error.answer.status not in PASSED_ON:
        return None
    try:
        body = orjson.loads(error.answer.body)
    except orjson.JSONDecodeError:
        return None
    said = body.get("error") if isinstance(body, dict) else None
    return said if isinstance(said, dict) and isinstance(said.get("message"), str) else None


def _respond(status: int, said: Any, error: ModelError) -> Response:
    body = orjson.dumps({"error": said})
    return Response(body, status, retry_headers(error), media_type="application/json")


def retry_headers(error: ModelError) -> dict[str, str]:
    """Return the header that says when the model may be asked again, where that is known."""
    wait = error.retry_after_seconds
    return {} if wait is None else {"Retry-After": str(ceil(wait))}
