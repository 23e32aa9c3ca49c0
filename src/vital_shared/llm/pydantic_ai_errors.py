"""What pydantic-ai's errors are in our hierarchy."""

from __future__ import annotations

from typing import Any, Final

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UserError,
)

from vital_shared.llm.base import ModelError, ModelRejected, ModelTimeout, ModelUnavailable
from vital_shared.llm.wires.statuses import error_for

__all__ = ["CAUGHT", "failure"]

CAUGHT: Final = (AgentRunError, UserError, OSError)
"""What asking a model may raise; anything else is a mistake in a program."""

_STATUSES: Final[tuple[tuple[type[ModelAPIError], int], ...]] = (
    (ModelRateLimitError, 429),
    (ModelAuthenticationError, 401),
    (ModelNotFoundError, 404),
    (ModelRequestRejectedError, 400),
    (ModelUnavailableError, 503),
    (ModelServerError, 500),
)
"""For errors of protocols that have no statuses of HTTP; the first that fits."""

_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-amzn-requestid")


def failure(error: BaseException, model: str) -> ModelError:
    """Return our error.

    :param error: one of `CAUGHT`.
    :param model: ``provider:model``.
    """
    if isinstance(error, ModelRequestTimeout):
        late = (
            "did not begin to answer within"
            if error.setting == "first_event_timeout"
            else "was not done within"
        )
        return ModelTimeout(f'The model "{model}" {late} {error.timeout:g} seconds.', model=model)
    if isinstance(error, ModelConnectionError):
        return _unreached(error, model)
    if isinstance(error, ModelAPIError):
        return _answered(error, model)
    if isinstance(error, ContentFilterError | UserError):
        return ModelRejected(f'"{model}" cannot answer this: {_line(error)}.', model=model)
    return ModelUnavailable(f'"{model}" did not answer: {_line(error)}.', model=model)


def _unreached(error: ModelConnectionError, model: str) -> ModelError:
    sent = error.phase not in ("pool", "connect")
    if isinstance(error, ModelTimeoutError):
        return ModelTimeout(f'The provider of "{model}" ran out of time.', model=model, sent=sent)
    what = f'The stream of "{model}" broke off' if sent else f'The provider of "{model}" cannot be reached'
    return ModelUnavailable(f"{what}: {_line(error)}.", model=model)


def _answered(error: ModelAPIError, model: str) -> ModelError:
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    if isinstance(error, ModelQuotaExceededError):  # may come as a 429, and is nothing to wait for
        status = 402
    if status is None:
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 502)
    headers = (error.headers if isinstance(error, ModelHTTPError) else None) or {}
    said = _said(error.body)
    return error_for(
        status,
        "" if status in (401, 403) else said,  # some repeat the key
        model=model,
        request_id=next((headers[name] for name in _REQUEST_IDS if name in headers), None),
        retry_after=error.retry_after,
    )


def _said(body: Any) -> str:
    """Find the provider's own words."""
    if isinstance(body, dict):
        error = body.get("error", body)
        error = error if isinstance(error, dict) else body
        return str(error.get("message") or error.get("Message") or error.get("detail") or "")
    return body if isinstance(body, str) else ""


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
