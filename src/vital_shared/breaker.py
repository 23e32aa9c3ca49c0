"""Leave a model or a source alone for a while that has failed several times in a row.

The circuit breaker of M. Nygard, "Release It!": closed, open, and half open, when one call tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Breakers", "ModelBreakers", "TenantBreakers"]

BREAKER_FAILURES: Final = 5
"""Consecutive failures that open a breaker."""

OPEN_SECONDS: Final = 30.0
"""Time an open breaker waits before one call may try, in seconds."""

MAX_NAMES: Final = 1_000
"""Names that are remembered as failing; those of models come from users."""


@dataclass(slots=True)
class _Failing:
    count: int = 0
    until: float = 0.0
    """The time when it may be tried again."""


class Breakers:
    """The breakers of all models, or of all sources, of an engine; what has not failed has none.

    :param clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: dict[str, _Failing] = {}
        self._reasons: dict[str, str] = {}

    def allows(self, name: str) -> bool:
        """Return whether it may be called; of many calls once its time is over, one may."""
        failing = self._failing.get(name)
        if failing is None or failing.count < BREAKER_FAILURES:
            return True
        now = self._clock()
        if now < failing.until:
            return False
        failing.until = now + OPEN_SECONDS  # the next call waits for what becomes of this try
        return True

    def seconds_left(self, name: str) -> float:
        """Return the time until one call may try, in seconds; 0 where it may be called."""
        failing = self._failing.get(name)
        if failing is None or failing.count < BREAKER_FAILURES:
            return 0.0
        return max(0.0, failing.until - self._clock())

    @property
    def left_alone(self) -> frozenset[str]:
        """The names that may not be called now."""
        now = self._clock()
        return frozenset(
            name
            for name, failing in self._failing.items()
            if failing.count >= BREAKER_FAILURES and now < failing.until
        )

    @property
    def reasons(self) -> Mapping[str, str]:
        """The reason why each one that did not answer last time did not."""
        return self._reasons

    def note(self, name: str, reason: str) -> None:
        """Note why it did not answer, until it answers again."""
        self._reasons.pop(name, None)
        self._reasons[name] = reason
        if len(self._reasons) > MAX_NAMES:
            del self._reasons[next(iter(self._reasons))]

    def succeeded(self, name: str) -> None:
        """Close its breaker."""
        self._reasons.pop(name, None)
        self._failing.pop(name, None)

    def failed(self, name: str) -> None:
        """Count a failure that may be the provider's or the server's state, and not this one call's fault."""
        failing = self._failing.pop(name, None) or _Failing()
        failing.count += 1
        failing.until = self._clock() + OPEN_SECONDS
        self._failing[name] = failing  # now the youngest
        if len(self._failing) > MAX_NAMES:
            del self._failing[next(iter(self._failing))]


class ModelBreakers(Breakers):
    """The breakers of all models of an engine.

    Rate limits and answers of no use count for the tenant alone that met them. The provider is well, and the
    cause may be one tenant's: a prompt of more tokens than the account has in a minute is refused however
    often it is sent, and one that asks for more than an answer may hold gets none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._of_tenants = Breakers(clock)

    def of_tenant(self, tenant_id: str) -> TenantBreakers:
        """Return the breakers that one tenant's calls meet."""
        return TenantBreakers(self, self._of_tenants, tenant_id)


@dataclass(frozen=True, slots=True)
class TenantBreakers:
    """The breakers that one tenant's calls meet.

    :param models: those of failures of providers, shared by all tenants.
    :param own: those of failures that may be one tenant's doing, by tenant and model.
    """

    models: Breakers
    own: Breakers
    tenant_id: str

    def allows(self, name: str) -> bool:
        """Return whether this tenant may call the model; of many calls once its time is over, one may."""
        return self.own.allows(self._own_name(name)) and self.models.allows(name)

    def seconds_left(self, name: str) -> float:
        """Return the time until one call may try, in seconds; 0 where it may be called."""
        return max(self.own.seconds_left(self._own_name(name)), self.models.seconds_left(name))

    def note(self, name: str, reason: str) -> None:
        """Note why it did not answer, until it answers again."""
        self.models.note(name, reason)

    def succeeded(self, name: str) -> None:
        """Close its breakers."""
        self.own.succeeded(self._own_name(name))
        self.models.succeeded(name)

    def failed(self, name: str) -> None:
        """Count a failure that may be the provider's state."""
        self.models.failed(name)

    def failed_alone(self, name: str) -> None:
        """Count a failure that may be this tenant's doing."""
        self.own.failed(self._own_name(name))

    def _own_name(self, name: str) -> str:
        return f"{self.tenant_id}\n{name}"
