"""Checks of a request's line and headers (RFC 9112), after the parser has accepted their characters."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from ai_engine.asgi.refusal import ProtocolRefusal, RequestRefused

__all__ = ["check_head", "head_size", "is_websocket"]

LINE_OVERHEAD_BYTES: Final = 4
"""The colon, the blank and the line's end of a header."""

Headers = Sequence[tuple[bytes, bytes]]


def check_head(headers: Headers, http_version: str, *, max_headers: int) -> None:
    """Check what holds for every request.

    :raises RequestRefused: 431 for too many headers, 400 without exactly one Host (RFC 9112, 3.2), 417 for
        an unknown expectation (RFC 9110, 10.1.1).
    """
    if len(headers) > max_headers:
        raise RequestRefused(
            ProtocolRefusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The request has more than the {max_headers} headers that are allowed.",
            )
        )
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or (not hosts and http_version == "1.1"):
        raise RequestRefused(ProtocolRefusal(HTTPStatus.BAD_REQUEST, "A request has one Host header."))
    if b"expect" in names:
        _check_expectation(headers)


def _check_expectation(headers: Headers) -> None:
    if any(name == b"expect" and value.lower() != b"100-continue" for name, value in headers):
        raise RequestRefused(
            ProtocolRefusal(
                HTTPStatus.EXPECTATION_FAILED, "The only expectation that is met here is 100-continue."
            )
        )


def head_size(url: bytes, headers: Headers) -> int:
    """Return the bytes of the target and the headers as they came."""
    return len(url) + sum(len(name) + len(value) + LINE_OVERHEAD_BYTES for name, value in headers)


def is_websocket(headers: Headers) -> bool:
    """Return whether a request that asks for another protocol asks for a WebSocket."""
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)
