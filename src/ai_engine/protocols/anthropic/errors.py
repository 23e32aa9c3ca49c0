"""Problems of requests as errors of Anthropic's API (its reference, "Errors")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic_core import to_json
from starlette.responses import Response
from structlog.contextvars import get_contextvars

from ai_engine.asgi.lingering_response import LingeringResponse
from ai_engine.problem import Problem
from ai_engine.protocols.anthropic.error_types import error_body, error_type

__all__ = ["UNSERVED_SEGMENTS", "is_anthropic", "respond_as_anthropic"]

PATH: Final = "/v1/messages"
UNSERVED_SEGMENTS: Final = frozenset({"complete", "organizations", "skills"})
"""Parts of Anthropic's API that are not here, and no other's; its clients get an error in its form."""

UNPROCESSABLE: Final = 422
BAD_REQUEST: Final = 400
TOO_LARGE: Final = 413

DETAILS: Final[Mapping[str, Mapping[str, str]]] = {
    "thread.previous_message_id": {"error_code": "thread_not_found"},
}
"""Details of the refusal of a field; with this one clients send the whole conversation again."""


def is_anthropic(path: str) -> bool:
    """Return whether a path is answered as Anthropic's API does, errors too."""
    version, _, rest = path.removeprefix("/").partition("/")
    is_unserved = version == "v1" and rest.partition("/")[0] in UNSERVED_SEGMENTS
    return is_unserved or path == PATH or path.startswith(f"{PATH}/")


def respond_as_anthropic(problem: Problem, headers: Mapping[str, str] | None) -> Response:
    """Answer with a problem."""
    status = BAD_REQUEST if problem.status == UNPROCESSABLE else problem.status
    body = error_body(error_type(status), problem.detail, get_contextvars().get("request_id"))
    for each in problem.errors or ():
        if each.field in DETAILS:
            body["error"]["details"] = DETAILS[each.field]
    make = LingeringResponse if status == TOO_LARGE else Response
    return make(to_json(body), status, headers, media_type="application/json")
