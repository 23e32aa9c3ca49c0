"""One deployment of a model, and the observation of its calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

from vital_shared.llm.guarded import GuardedModel
from vital_shared.models.model_call import CallStatus
from vital_shared.monitoring.metrics import DEPLOYMENT_CALLS_TOTAL, DEPLOYMENT_FIRST_TOKEN_SECONDS

__all__ = ["DeploymentLoad", "DeploymentObserver", "RoutedModel", "observer_of"]

DECAY_SECONDS: Final = 10.0
"""Time in which a measured latency loses weight to 1/e (peak EWMA, as in Twitter's Finagle)."""


class DeploymentLoad:
    """The calls under way of a deployment, and its latency lately.

    A latency fades while nothing is measured, so that a deployment that was slow is tried again.

    :param now: seconds, monotonic.
    """

    __slots__ = ("_at", "_now", "_seconds", "in_flight")

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now()
        self._seconds = 0.0
        self.in_flight = 0

    @property
    def expected_seconds(self) -> float:
        """The latency, times the calls that would be under way with one more."""
        return self._seconds * self._weight() * (self.in_flight + 1)

    def measured(self, seconds: float) -> None:
        """Take a latency: a higher one at once, a lower one little by little."""
        weight = self._weight()
        faded = self._seconds * weight
        self._seconds = seconds if seconds > self._seconds else faded + seconds * (1 - weight)
        self._at = self._now()

    def _weight(self) -> float:
        return math.exp((self._at - self._now()) / DECAY_SECONDS)


class DeploymentObserver:
    """The observation of the calls that routes make to one deployment."""

    __slots__ = ("_deployment", "_load")

    def __init__(self, deployment: str, load: DeploymentLoad) -> None:
        self._deployment = deployment
        self._load = load

    def began(self) -> None:
        """Count a call that is under way."""
        self._load.in_flight += 1

    def ended(self, status: CallStatus, seconds: float, first_token_seconds: float | None) -> None:
        """Count a call's end.

        :param seconds: the length of the whole call.
        """
        self._load.in_flight -= 1
        DEPLOYMENT_CALLS_TOTAL.labels(self._deployment, status).inc()
        if first_token_seconds is not None:
            DEPLOYMENT_FIRST_TOKEN_SECONDS.labels(self._deployment).observe(first_token_seconds)
            self._load.measured(first_token_seconds)
        elif status != "cancelled":
            self._load.measured(seconds)


class RoutedModel(GuardedModel):
    """A deployment as a route asks it."""

    def __init__(self, model: GuardedModel, observer: DeploymentObserver) -> None:
        super().__init__(model.model, notes_prompt=model.notes_prompt)
        self.observer = observer


def observer_of(model: Any) -> DeploymentObserver | None:
    """Return the observer of a model's calls; None where no route asks it."""
    found = getattr(model, "observer", None)
    return found if isinstance(found, DeploymentObserver) else None
