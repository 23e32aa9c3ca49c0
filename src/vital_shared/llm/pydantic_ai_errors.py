"""Translate pydantic-ai's errors into our hierarchy."""

from __future__ import annotations

from typing import Final

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

from vital_shared.llm.base import ModelError, ModelHeldBack, ModelRejected, ModelTimeout, ModelUnavailable
from vital_shared.llm.failing import as_model_error
from vital_shared.llm.wires.statuses import error_for, words_in

__all__ = ["failure"]

_FORESEEN: Final = (AgentRunError, UserError, OSError)
"""Errors that asking a model is meant to raise; their words are for users."""

_STATUSES: Final[tuple[tuple[type[ModelAPIError], int], ...]] = (
    (ModelQuotaExceededError, 402),
    (ModelRateLimitError, 429),
    (ModelAuthenticationError, 401),
    (ModelNotFoundError, 404),
    (ModelRequestRejectedError, 400),
    (ModelUnavailableError, 503),
    (ModelServerError, 500),
)
"""Errors of protocols that have no statuses of HTTP; the first that fits counts."""

_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-amzn-requestid")


def failure(error: Exception, model: str) -> ModelError:
    """Return our error; one that no client is meant to raise is logged.

    :param model: ``provider:model``.
    """
    if not isinstance(error, _FORESEEN) or isinstance(error, TimeoutError):
        return as_model_error(error, model)
    if isinstance(error, ModelAPIError):
        return _of_request(error, model)
    if isinstance(error, ContentFilterError):
        message = f'The filter of "{model}" held its answer back: {_line(error)}.'
        return ModelHeldBack(message, model=model, reason="content_filtered")
    if isinstance(error, UserError):
        return ModelRejected(f'"{model}" cannot answer this: {_line(error)}.', model=model)
    what = f'"{model}" did not answer'
    return ModelUnavailable(f"{what}.", model=model).detailed(f"{what}: {_line(error)}.")


def _of_request(error: ModelAPIError, model: str) -> ModelError:
    if isinstance(error, ModelRequestTimeout):
        late = (
            "did not begin to answer within"
            if error.setting == "first_event_timeout"
            else "was not done within"
        )
        return ModelTimeout(f'The model "{model}" {late} {error.timeout:g} seconds.', model=model)
    if isinstance(error, ModelConnectionError):
        return _unreached(error, model)
    return _answered(error, model)


def _unreached(error: ModelConnectionError, model: str) -> ModelError:
    sent = error.phase not in ("pool", "connect")
    if isinstance(error, ModelTimeoutError):
        return ModelTimeout(f'The provider of "{model}" ran out of time.', model=model, sent=sent)
    what = f'The stream of "{model}" broke off' if sent else f'The provider of "{model}" cannot be reached'
    return ModelUnavailable(f"{what}.", model=model).detailed(f"{what}: {_line(error)}.")


def _answered(error: ModelAPIError, model: str) -> ModelError:
    sent = error.status_code if isinstance(error, ModelHTTPError) else None
    meant = next((status for kind, status in _STATUSES if isinstance(error, kind)), 502)
    if isinstance(error, ModelQuotaExceededError):  # may come as a 429, and is nothing to wait for
        sent = None
    status = meant if sent is None else sent
    headers = (error.headers if isinstance(error, ModelHTTPError) else None) or {}
    return error_for(
        status,
        "" if status in (401, 403) else words_in(error.body),  # some repeat the key
        model=model,
        named="" if sent is None else None,
        request_id=next((headers[name] for name in _REQUEST_IDS if name in headers), None),
        retry_after=error.retry_after,
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
