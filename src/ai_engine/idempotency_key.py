"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from starlette.requests import Request

from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.idempotency import IdempotencyKey

__all__ = ["HEADER", "key_for", "key_of"]

HEADER: Final = "Idempotency-Key"

_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
"""1 to 255 visible ASCII characters; blanks only within."""

_STRING: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
"""A string of RFC 8941, as the draft has it; many clients send the text without the quotes."""


def key_of(http_request: Request, request: WorkflowInput) -> IdempotencyKey | None:
    """Return the key that was sent with a request, or None; see `key_for`."""
    if HEADER not in http_request.headers:
        return None
    return key_for(http_request, request.tenant_id, request.model_dump_json())


def key_for(http_request: Request, tenant_id: str, body: str) -> IdempotencyKey | None:
    """Return the key that was sent with the request of a tenant, or None.

    :param body: the request as it was understood.
    :raises InvalidRequest: when it is sent twice, or is too long, empty, or not ASCII.
    """
    values = http_request.headers.getlist(HEADER)
    if not values:
        return None
    text = values[0].strip()
    if quoted := _STRING.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    if len(values) > 1 or not _KEY.fullmatch(text):
        raise InvalidRequest(f"{HEADER} has to be one text of 1 to 255 ASCII characters", field=HEADER)
    asked = f"{http_request.url.path}\n{body}"
    fingerprint = hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()
    return IdempotencyKey(tenant_id, text, fingerprint)
