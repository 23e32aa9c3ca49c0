"""The guardrail interface, and the call that a guardrail looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from vital_shared.errors import VitalError

__all__ = ["GuardName", "GuardRefused", "GuardStage", "GuardedCall", "Guardrail", "RefusalKind"]

GuardStage = Literal["model", "tool", "retrieval"]
GuardName = Literal["access", "size", "pattern", "pii", "hook"]
RefusalKind = Literal["refused", "failed", "timeout"]


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """A call on its way."""

    stage: GuardStage
    name: str
    """The model, the tool or the source."""

    tenant_id: str = ""
    run_id: str = ""


class GuardRefused(VitalError):
    """A guardrail has refused a call, or has failed to allow it.

    :param guard: the guardrail.
    :param kind: ``refused`` by its rules; ``failed`` and ``timeout``: it gave no verdict.
    """

    def __init__(self, message: str, *, guard: GuardName, kind: RefusalKind = "refused") -> None:
        super().__init__(message)
        self.message = message
        self.guard = guard
        self.kind: RefusalKind = kind
        self.withheld = ""
        """The text that the model had written of a refused answer, which is charged."""


class Guardrail(Protocol):
    """A check of the texts of a call, before and after it."""

    @property
    def name(self) -> GuardName:
        """The name under which its decisions are counted."""
        ...

    @property
    def held_characters(self) -> int | None:
        """Characters at a stream's end that may still be part of a match; None: it judges whole answers."""
        ...

    async def before(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts that are sent in place of these, as many.

        :raises GuardRefused: when the call may not be made.
        """
        ...

    async def after(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts that are passed on in place of these, as many.

        :raises GuardRefused: when they may not be passed on.
        """
        ...
