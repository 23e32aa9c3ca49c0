"""Failures of models, in the protocol of a client that may be another than the provider's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from ai_engine.gateway.openai_errors import PASSED_ON, failure_status, retry_headers
from ai_engine.protocols.anthropic.error_types import error_body, error_type
from ai_engine.protocols.canonical.answer import StreamFailure
from ai_engine.protocols.gemini.error_statuses import error_body as gemini_error_body
from ai_engine.protocols.openai.errors import CODES, TYPES
from vital_shared.llm.base import ModelError

__all__ = ["refuse_as_anthropic", "refuse_as_gemini", "refuse_translated_as_openai", "stream_failure"]


def status_of(error: ModelError) -> int:
    """Return the status for the client: the provider's own where the request is at fault."""
    if error.answer is not None and error.answer.status in PASSED_ON:
        return error.answer.status
    return int(failure_status(error))


def stream_failure(error: ModelError) -> StreamFailure:
    """Return a model's failure as the end of a stream."""
    return StreamFailure(error.message, status_of(error), error.kind)


def refuse_as_anthropic(error: ModelError) -> Response:
    """Answer with a model's failure as Anthropic's API does, in the provider's own words where it is one."""
    status = status_of(error)
    said = _said(error)
    body = (
        said
        if said.get("type") == "error"
        else error_body(error_type(status), error.message, error.request_id)
    )
    return Response(orjson.dumps(body), status, retry_headers(error), media_type="application/json")


def refuse_as_gemini(error: ModelError) -> Response:
    """Answer with a model's failure as the Gemini API does, in the provider's own words where it is one."""
    status, said = status_of(error), _said(error)
    details = said.get("error")
    is_gemini = isinstance(details, dict) and {"code", "message", "status"} <= details.keys()
    body = said if is_gemini else gemini_error_body(status, error.message)
    return Response(orjson.dumps(body), status, retry_headers(error), media_type="application/json")


def _said(error: ModelError) -> dict[str, Any]:
    """Return the provider's own answer, where the client may have it; empty: there is none."""
    if error.answer is None or error.answer.status not in PASSED_ON:
        return {}
    try:
        body = orjson.loads(error.answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def refuse_translated_as_openai(error: ModelError) -> Response:
    """Answer as OpenAI's API does with the failure of a model whose provider speaks another protocol."""
    status = status_of(error)
    fault = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    said = {
        "message": error.message,
        "type": TYPES.get(status, fault),
        "param": None,
        "code": CODES.get(status) or error.kind,
    }
    return Response(
        orjson.dumps({"error": said}), status, retry_headers(error), media_type="application/json"
    )
