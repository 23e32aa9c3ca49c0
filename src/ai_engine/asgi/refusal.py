"""Refusals at the HTTP protocol: answers to requests that the application never sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from ai_engine.asgi.answer_headers import with_safe_headers
from ai_engine.problem import Problem
from ai_engine.problems import respond

__all__ = ["ProtocolRefusal", "RequestRefused"]

RETRY_AFTER_SECONDS: Final = b"1"


@dataclass(frozen=True, slots=True)
class ProtocolRefusal:
    """A refusal of a request, after which its connection is closed."""

    status: HTTPStatus
    sentence: str
    """The problem and its remedy."""

    def encode(self, path: str, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the bytes of the response, in the dialect of the path's clients."""
        problem = Problem(
            type="about:blank",
            title=self.status.phrase,
            status=self.status,
            detail=self.sentence,
            instance=path,
        )
        response = respond(problem)
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}".encode()]
        headers = [*default_headers, *with_safe_headers(response.raw_headers), (b"connection", b"close")]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"retry-after", RETRY_AFTER_SECONDS))
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"", bytes(response.body)])


class RequestRefused(Exception):
    """A request is beyond a limit of the protocol, or against its rules.

    :param refusal: the answer.
    """

    def __init__(self, refusal: ProtocolRefusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal
