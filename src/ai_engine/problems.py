"""Errors as problem details (RFC 9457): whatever is raised, the answer has one form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ai_engine.asgi.lingering_response import LingeringResponse
from ai_engine.auth.caller import NotAllowed, NotAuthenticated, TooManyFalseKeys
from ai_engine.monitoring.monitor import MonitoringUnavailable
from ai_engine.problem import MEDIA_TYPE, Problem
from ai_engine.protocols.anthropic.errors import respond_as_anthropic
from ai_engine.protocols.dialect import NO_HEADERS, Dialect, dialect_of
from ai_engine.protocols.gemini.errors import respond_as_gemini
from ai_engine.protocols.near_paths import intended_path
from ai_engine.protocols.openai.errors import respond_as_openai
from ai_engine.runs.fair_slots import EngineBusy
from ai_engine.validation import FieldError, InvalidFields
from vital_shared.errors import (
    BudgetExceeded,
    Conflict,
    Forbidden,
    IngestError,
    InvalidRequest,
    NotFound,
    QueueFull,
    RateLimited,
    RunExpired,
    RunFailed,
    RunUnderWay,
    StoreError,
    UsageLimited,
    VitalError,
)
from vital_shared.logs import get_logger
from vital_shared.store.run_record import REPEATABLE_FAILURES

__all__ = ["respond", "respond_to", "unexpected"]

logger = get_logger(__name__)

KINDS: Final[tuple[tuple[type[VitalError], HTTPStatus, str], ...]] = (
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED, "not-authenticated"),
    (TooManyFalseKeys, HTTPStatus.TOO_MANY_REQUESTS, "too-many-false-keys"),
    (RunExpired, HTTPStatus.GONE, "run-expired"),
    (Conflict, HTTPStatus.CONFLICT, "conflict"),
    (Forbidden, HTTPStatus.FORBIDDEN, "forbidden"),
    (NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    (IngestError, HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable-document"),
    (BudgetExceeded, HTTPStatus.PAYMENT_REQUIRED, "budget-exceeded"),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS, "rate-limited"),
    (UsageLimited, HTTPStatus.TOO_MANY_REQUESTS, "limit-reached"),
    (QueueFull, HTTPStatus.TOO_MANY_REQUESTS, "queue-full"),
    (EngineBusy, HTTPStatus.SERVICE_UNAVAILABLE, "busy"),
    (MonitoringUnavailable, HTTPStatus.BAD_GATEWAY, "monitoring-unavailable"),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
)
"""The status and the type of each error; the first that fits counts."""

UNSERVED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""Statuses of paths that are not served, or not by this method."""

CLIENT_CLOSED_REQUEST: Final = 499
"""The status that nginx gives to a request whose client has gone."""

RUN_STATUSES: Final[Mapping[str, int]] = {
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "deadline": HTTPStatus.GATEWAY_TIMEOUT,
    "model": HTTPStatus.BAD_GATEWAY,
    **dict.fromkeys(REPEATABLE_FAILURES, HTTPStatus.SERVICE_UNAVAILABLE),
    "budget": HTTPStatus.PAYMENT_REQUIRED,
    "rate_limit": HTTPStatus.TOO_MANY_REQUESTS,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "cancelled": HTTPStatus.CONFLICT,
    "client_gone": CLIENT_CLOSED_REQUEST,
}
"""The status of a failed run, by its error type; 500 for the others."""

RESPONDERS: Final[Mapping[Dialect, Callable[[Problem, Mapping[str, str] | None], Response]]] = {
    "gemini": respond_as_gemini,
    "openai": respond_as_openai,
    "anthropic": respond_as_anthropic,
}
"""The forms of other APIs."""

UNSERVED_WORDS: Final[Mapping[Dialect, str]] = {
    "openai": (
        "of OpenAI's API there are POST /v1/chat/completions, POST /v1/completions, POST /v1/responses, "
        "POST /v1/embeddings and GET /v1/models."
    ),
    "gemini": (
        "of the Gemini API there are generateContent, streamGenerateContent, countTokens, embedContent, "
        "batchEmbedContents and GET /v1beta/models."
    ),
    "anthropic": (
        "of Anthropic's API there are POST /v1/messages, POST /v1/messages/count_tokens and GET /v1/models."
    ),
}
"""The parts of other APIs that are here, for those who ask for another."""

RETRY_AFTER: Final = {"Retry-After": "1"}
QUEUE_RETRY_AFTER: Final = {"Retry-After": "60"}


def respond(
    problem: Problem, headers: Mapping[str, str] | None = None, *, asked: Mapping[str, str] = NO_HEADERS
) -> Response:
    """Answer with a problem, in the form that the client knows.

    :param asked: the headers of the request, by which its client is known where its path does not say it.
    """
    respond_in_its_form = RESPONDERS.get(dialect_of(problem.instance, asked))
    if respond_in_its_form is not None:
        return respond_in_its_form(problem, headers)
    body = problem.model_dump_json(exclude_none=True)
    make = LingeringResponse if problem.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else Response
    return make(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def unexpected(request: Request) -> Response:
    """Answer when the fault is ours; what it was is in the log."""
    return respond(
        Problem(
            type="about:blank",
            title="Internal Server Error",
            status=500,
            detail="Something went wrong in the engine; its log has the details.",
            instance=request.scope["path"],
        ),
        asked=request.headers,
    )


def respond_to(request: Request, error: VitalError | HTTPException) -> Response:
    """Answer with the problem that an error is; one that no client is meant to see is raised again."""
    if isinstance(error, HTTPException):
        return _http_error(request, error)
    if isinstance(error, RunFailed):
        return _run_failed(request, error)
    found = next((kind for kind in KINDS if isinstance(error, kind[0])), None)
    if found is None:
        raise error
    _, status, slug = found
    if isinstance(error, StoreError):
        logger.error("store_unavailable", exc_info=error)
    problem = Problem(
        type=f"urn:vital:{slug}",
        title=slug.replace("-", " ").capitalize(),
        status=status,
        detail=_safe(str(error)),
        instance=request.url.path,
        errors=_fields(error),
        left_dollars=error.left_dollars if isinstance(error, BudgetExceeded) else None,
        resets_at=error.resets_at if isinstance(error, BudgetExceeded | UsageLimited) else None,
        limit_of=error.holder if isinstance(error, BudgetExceeded | UsageLimited) else None,
    )
    return respond(problem, _headers(error, status), asked=request.headers)


def _headers(error: Exception, status: HTTPStatus) -> Mapping[str, str] | None:
    if isinstance(error, NotAuthenticated | NotAllowed):
        return {"WWW-Authenticate": error.challenge}
    if isinstance(error, RunUnderWay):
        return RETRY_AFTER
    if isinstance(error, QueueFull):
        return QUEUE_RETRY_AFTER
    if isinstance(error, RateLimited):
        seconds = str(ceil(error.retry_after_seconds))
        return {
            "Retry-After": seconds,
            "X-RateLimit-Limit": str(error.requests_per_minute),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": seconds,
        }
    if isinstance(error, TooManyFalseKeys | EngineBusy | UsageLimited):
        return {"Retry-After": str(ceil(error.retry_after_seconds))}
    return RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else None


def _fields(error: Exception) -> tuple[FieldError, ...] | None:
    if isinstance(error, InvalidFields):
        return error.errors
    if isinstance(error, InvalidRequest) and error.field is not None:
        return (FieldError(field=error.field, message=_safe(error.message)),)
    return None


def _run_failed(request: Request, error: RunFailed) -> Response:
    status = RUN_STATUSES.get(error.error_type, HTTPStatus.INTERNAL_SERVER_ERROR)
    problem = Problem(
        type="urn:vital:run-failed",
        title="Run failed",
        status=status,
        detail=_safe(error.message),
        instance=request.url.path,
        run_id=error.run_id,
        node=error.node,
    )
    headers = RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return respond(problem, headers, asked=request.headers)


def _http_error(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if detail == status.phrase:
        detail = _words(request, status)
    problem = Problem(
        type="about:blank", title=status.phrase, status=status, detail=detail, instance=request.url.path
    )
    return respond(problem, error.headers, asked=request.headers)


def _words(request: Request, status: HTTPStatus) -> str:
    path = request.scope["path"]
    if status in UNSERVED and (intended := intended_path(path)) is not None:
        return f"{path} is not served here, but {intended} may be: check the base URL of your client."
    served = UNSERVED_WORDS.get(dialect_of(path, request.headers))
    if status == HTTPStatus.NOT_FOUND and served is not None:
        return f"{request.method} {path} is not served here: {served}"
    if status == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {path}: /docs lists all routes."
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} is not for {path}: see /docs for what is."
    return status.description or status.phrase


def _safe(text: str) -> str:
    """Make a text that can be sent: what a caller gave may be quoted in it."""
    return text.encode("utf-8", "replace").decode("utf-8")
