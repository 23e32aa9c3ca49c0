"""Problems of requests as errors of the Gemini API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from ai_engine.asgi.lingering_response import LingeringResponse
from ai_engine.problem import Problem
from ai_engine.protocols.gemini.error_statuses import error_body

__all__ = ["METHODS", "UNSERVED_SEGMENTS", "is_gemini", "respond_as_gemini"]

TREE: Final = "/v1beta/"
MODELS: Final = "/v1/models/"
"""The version of the API that newer clients name; OpenAI's API has paths of the same beginning."""

METHODS: Final = (
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
)
UNSERVED_SEGMENTS: Final = frozenset(
    {"batches", "cachedContents", "corpora", "fileSearchStores", "files", "interactions", "tunedModels"}
)
"""Parts of the Gemini API that are not here; its clients get an error in its form."""

UNPROCESSABLE: Final = 422
BAD_REQUEST: Final = 400
TOO_LARGE: Final = 413


def is_gemini(path: str) -> bool:
    """Return whether a path is answered as the Gemini API does, errors too."""
    return path.startswith(TREE) or (path.startswith(MODELS) and path.rpartition(":")[2] in METHODS)


def respond_as_gemini(problem: Problem, headers: Mapping[str, str] | None) -> Response:
    """Answer with a problem."""
    status = BAD_REQUEST if problem.status == UNPROCESSABLE else problem.status
    make = LingeringResponse if status == TOO_LARGE else Response
    body = to_json(error_body(status, problem.detail))
    return make(body, status, headers, media_type="application/json")
