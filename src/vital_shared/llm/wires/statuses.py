"""Meanings of a provider's responses that are no streams, the same for all wires."""

from __future__ import annotations

from typing import Any

from vital_shared.llm.base import ModelError, ModelRateLimited, ModelRejected, ModelTimeout, ModelUnavailable
from vital_shared.llm.wires.json_text import mended, read_json
from vital_shared.models.model_call import FailureKind

__all__ = ["error_for", "read_error_body", "words_in"]

MAX_MESSAGE_CHARACTERS = 300
"""Characters of a provider's own words that an error repeats."""

MAX_NAME_CHARACTERS = 60
"""Longest name of a failure that an error repeats."""

_WORDS_FIELDS = ("message", "Message", "detail", "error", "msg", "text")
"""Fields of an error in which providers say what is wrong, the best first."""

_MAX_WORDS_DEPTH = 4


def error_for(
    status: int,
    said: str,
    *,
    model: str,
    named: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ModelError:
    """Return the error for a status of HTTP, or for a provider's own code that means the same.

    :param said: the provider's own words.
    :param named: the provider's own name of the failure, for one without a status of HTTP, so that no
        message names a status that nobody sent; empty: it has none. None: the status was sent.
    :param retry_after: seconds.
    """
    words = " ".join(mended(said).split())
    said = f" ({words[:MAX_MESSAGE_CHARACTERS]})" if words else ""
    if status == 429:
        return ModelRateLimited(
            f'The model "{model}" is asked too often{said}.',
            model=model,
            request_id=request_id,
            retry_after_seconds=retry_after,
        )
    if status in (408, 504):
        return ModelTimeout(
            f'The provider of "{model}" ran out of time{said}.', model=model, request_id=request_id
        )
    if status == 409 or status >= 500:
        name = f"status {status}" if named is None else " ".join(named.split())[:MAX_NAME_CHARACTERS]
        away = ModelUnavailable(
            f'The provider of "{model}" is not available{f": {name}" if name else ""}{said}.',
            model=model,
            request_id=request_id,
            kind="overload" if status in (503, 529) else "server",
        )
        away.retry_after_seconds = retry_after
        return away
    what = {
        401: f'The provider refused the key for "{model}"',
        402: f'The account for "{model}" has no credit',
        403: f'The key may not use "{model}"',
        404: f'The provider does not know "{model}"',
        413: f'The request to "{model}" is too large',
    }.get(status, f'The provider rejected the request to "{model}"')
    kind: FailureKind = "auth" if status in (401, 402, 403) else "refused"
    return ModelRejected(f"{what}{said}.", model=model, request_id=request_id, kind=kind)


def read_error_body(body: bytes) -> Any:
    """Read an error's JSON, which may stand within a server-sent event, or its plain words.

    :return: None for a page of HTML, and where there is nothing.
    """
    found = read_json(body)
    if found is None:
        lines = (line.removeprefix(b"data:") for line in body.splitlines() if line.startswith(b"data:"))
        found = next((value for line in lines if (value := read_json(line.strip())) is not None), None)
    if found is not None:
        return found
    words = body.decode("utf-8", "replace").strip()
    return None if words.startswith("<") else words or None


def words_in(error: Any, depth: int = _MAX_WORDS_DEPTH) -> str:
    """Return what a provider says is wrong, from an error of any shape; empty where it says nothing."""
    if isinstance(error, str):
        return error
    if isinstance(error, list):
        inner = error[:1]
    else:
        inner = [error.get(field) for field in _WORDS_FIELDS] if isinstance(error, dict) else []
    return next((words for each in inner if depth and (words := words_in(each, depth - 1))), "")
