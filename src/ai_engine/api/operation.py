"""The documentation of a route, kept next to the route; the OpenAPI document is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

__all__ = ["ANSWERING_PROBLEMS", "EVENTS", "Content", "Operation", "Operations", "parameter"]

Content: TypeAlias = type[BaseModel] | Mapping[str, Any]
"""A model, or a schema that is written out."""

EVENTS: Final = "text/event-stream"

ANSWERING_PROBLEMS: Final = (400, 402, 413, 415, 422, 429, 500, 502, 503, 504)
"""Statuses of failures of the routes that begin a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The documentation of one route and method."""

    summary: str
    description: str
    tag: str = "runs"
    parameters: tuple[Mapping[str, Any], ...] = ()
    """Parameters in the query and the headers."""
    body: Content | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    """Examples of the body, by their names."""
    success: str = ""
    """The meaning of status 200; empty: there is none."""
    answers: Mapping[str, Content] = field(default_factory=dict)
    """The forms of that answer, by media type."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Responses with other statuses, written out."""
    problems: tuple[int, ...] | None = ()
    """Statuses of failures, beside those that all have; None: failures have a form of their own."""


Operations: TypeAlias = Mapping[tuple[str, str], Operation]
"""By method, in lower case, and path."""


def parameter(place: str, name: str, description: str) -> dict[str, Any]:
    """Describe an optional parameter.

    :param place: ``header`` or ``query``.
    """
    known = {"name": name, "in": place, "required": False}
    return known | {"description": description, "schema": {"type": "string"}}


DEADLINE: Final = parameter(
    "header",
    "X-Request-Timeout",
    "Seconds from the request's arrival until the client gives up: its wait and its run end then.",
)
