"""The refusals there are at the HTTP protocol."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from ai_engine.asgi.refusal import ProtocolRefusal

__all__ = [
    "FRAMING",
    "FULL",
    "MALFORMED",
    "NO_WEBSOCKETS",
    "PIPELINED",
    "SLOW_BODY",
    "SLOW_HEAD",
    "body_too_large",
    "head_too_large",
]

MALFORMED: Final = ProtocolRefusal(
    HTTPStatus.BAD_REQUEST, "This is not a request of HTTP/1.1 that can be read: see RFC 9112."
)
NO_WEBSOCKETS: Final = ProtocolRefusal(
    HTTPStatus.BAD_REQUEST, "There are no WebSockets here: streams are server-sent events."
)
PIPELINED: Final = ProtocolRefusal(
    HTTPStatus.BAD_REQUEST, "Too many requests were sent before the first was answered: wait for answers."
)
FRAMING: Final = ProtocolRefusal(
    HTTPStatus.BAD_REQUEST,
    "The chunks of the body are too small, or its trailers too large.",
)
SLOW_HEAD: Final = ProtocolRefusal(
    HTTPStatus.REQUEST_TIMEOUT, "The request line and the headers did not come in time: send it again."
)
SLOW_BODY: Final = ProtocolRefusal(
    HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time: send it again."
)
FULL: Final = ProtocolRefusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "The engine has as many connections as it takes: come again later."
)


def head_too_large(limit: int) -> ProtocolRefusal:
    """Make the refusal of a head that is larger than the limit."""
    return ProtocolRefusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"The request line and the headers are larger than the {limit:,} bytes that are allowed.",
    )


def body_too_large(limit: int) -> ProtocolRefusal:
    """Make the refusal of a body that is larger than the limit."""
    return ProtocolRefusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than the {limit:,} bytes that are allowed."
    )
