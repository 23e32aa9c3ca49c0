"""Anthropic's Messages API: how its errors are read.

Source: Anthropic's reference of errors.
"""

from __future__ import annotations

from typing import Any, Final

from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.fields import http_status_in, label_in
from vital_shared.llm.wires.statuses import error_for, words_in

__all__ = ["failure"]

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Meanings of error types within a stream, where the status has been 200."""


def failure(
    body: Any,
    model: str,
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ModelError:
    """Translate the provider's error message.

    :param body: the JSON that came; anything, where something between us and the provider answered.
    :param status: the status of HTTP; None: the response had none of its own, so that its type decides.
    :param retry_after: seconds.
    """
    fields = body if isinstance(body, dict) else {}
    error = fields.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    code = details.get("error_code") if isinstance(details, dict) else None
    spent = isinstance(code, str) and code.endswith("spend_limit_reached")  # a 429, and nothing to wait for
    codes = (fields.get("status"), error.get("code") if isinstance(error, dict) else None)
    sent = status or next((sent for code in codes if (sent := http_status_in(code))), None)
    kind = (label_in(error.get("type")) if isinstance(error, dict) else None) or ""
    return error_for(
        402 if spent else sent or _STATUS_OF_TYPE.get(kind, 502),
        words_in(body),
        model=model,
        named=kind if sent is None else None,
        request_id=request_id or label_in(fields.get("request_id")),
        retry_after=retry_after,
    )
