"""The actor of the changes that are made: set where a request or a command begins, read by the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from vital_shared.models.audit import ActorKind

__all__ = ["Actor", "acting_as", "current_actor"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A key, a person or a program that makes changes."""

    kind: ActorKind
    id: str = ""
    """The id of a key or a user, or the name of the machine's user."""

    tenant_id: str | None = None
    """The tenant of a user; None: the identity provider vouches for it for all tenants."""


PROGRAM: Final = Actor("program")

_actor: Final[ContextVar[Actor]] = ContextVar("actor", default=PROGRAM)


def current_actor() -> Actor:
    """Return the actor of what is done here; a program, where none was set."""
    return _actor.get()


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Make all changes within in the name of an actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)
