"""Errors in the words of OpenAI-compatible providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vital_shared.llm.base import ModelError, ModelHeldBack
from vital_shared.llm.wires.statuses import MAX_MESSAGE_CHARACTERS, error_for

__all__ = ["read_error"]

_STATUS_OF_CODE: Final = {
    "insufficient_quota": 402,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "server_error": 500,
    "overloaded_error": 503,
}
"""Status that a code or type stands for where none of HTTP says it: in a stream, or a body of status 200."""

_FILTER_CODES: Final = frozenset({"content_filter", "content_policy_violation", "data_inspection_failed"})
"""Codes of OpenAI, Azure and Alibaba for a prompt or an answer that their filter holds back."""

UNKNOWN_FAILURE: Final = 500
"""Treated as this status where neither a status nor a code says what has failed; no message names it."""

_WORD_FIELDS: Final = ("message", "msg", "detail", "error", "error_message", "errors", "title", "reason")
_PLACE_FIELDS: Final = ("param", "loc")
MAX_DEPTH: Final = 5


def read_error(
    status: int | None,
    body: Any,
    model: str,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ModelError:
    """Make an error of what a provider says.

    :param body: the JSON that came, or the error within it; anything.
    :param status: None: what came had no status of its own, so that its code has to do.
    """
    error = body.get("error") or body if isinstance(body, Mapping) else body
    codes = _codes(error)
    if _FILTER_CODES.intersection(codes):
        words = (
            f" ({said})" if (said := "; ".join(dict.fromkeys(_words(error)))[:MAX_MESSAGE_CHARACTERS]) else ""
        )
        message = f'The filter of "{model}" held its answer back{words}.'
        return ModelHeldBack(message, model=model, reason="content_filtered", request_id=request_id)
    known = next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), None)
    numeric = next((int(code) for code in codes if _is_status(code)), None)
    is_sent = status is not None and known != 402  # used-up credit comes as a 429, and is nothing to wait for
    meaning = status if status is not None and is_sent else known or numeric or UNKNOWN_FAILURE
    return error_for(
        meaning,
        "; ".join(dict.fromkeys(_words(error))),
        named=None if is_sent else "",
        model=model,
        request_id=request_id,
        retry_after=retry_after,
    )


def _codes(error: Any) -> tuple[str, ...]:
    if not isinstance(error, Mapping):
        return ()
    values = (error.get(field) for field in ("code", "status", "type"))
    return tuple(str(value) for value in values if isinstance(value, int | str) and len(str(value)) < 100)


def _is_status(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isdigit() and 400 <= int(code) < 600


def _words(error: Any, depth: int = 0) -> Iterator[str]:
    """Give a provider's words, with the name of the field that they are about."""
    if isinstance(error, str):
        if error.strip():
            yield error.strip()
    elif depth >= MAX_DEPTH:
        return
    elif isinstance(error, list):
        for each in error[:10]:
            yield from _words(each, depth + 1)
    elif isinstance(error, Mapping):
        said = "; ".join(word for field in _WORD_FIELDS for word in _words(error.get(field), depth + 1))
        place = next((_place(error[field]) for field in _PLACE_FIELDS if error.get(field)), "")
        if said:
            yield f"{place}: {said}" if place and place not in said else said


def _place(value: Any) -> str:
    """Write a field's name, or the path to one as FastAPI gives it."""
    if isinstance(value, list):
        value = ".".join(str(step) for step in value[1:5] if isinstance(step, str | int))
    return value if isinstance(value, str) and len(value) < 100 else ""
