"""The order in which the deployments of a route are asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from vital_shared.llm.configuration import RouteTable
from vital_shared.llm.routing.deployment import DeploymentLoad
from vital_shared.llm.routing.rate_limits import RateLimitBook

__all__ = ["Router"]

UNKNOWN_PRICE_NANOS: Final = 10**18
"""The price of a deployment that nobody knows: it is asked after those whose price is known."""


class Router:
    """The loads and limits of all deployments.

    :param limits: the rate limits that providers state.
    :param price: returns nano-dollars of a typical call; None: nobody knows.
    :param draw: a random number from 0 to 1.
    """

    def __init__(
        self,
        limits: RateLimitBook,
        price: Callable[[str], int | None],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._price = price
        self._draw = draw
        self._loads: dict[str, DeploymentLoad] = {}

    def load(self, deployment: str) -> DeploymentLoad:
        """Return the load of a deployment, which all routes share."""
        return self._loads.setdefault(deployment, DeploymentLoad())

    def order(self, route: RouteTable) -> tuple[str, ...]:
        """Return the deployments in the order in which to ask them; those that cool down come last."""
        names = self._by_strategy(route)
        return tuple(sorted(names, key=self._limits.is_cooling))  # stable

    def _by_strategy(self, route: RouteTable) -> list[str]:
        drawn = self._by_share(route)
        if route.strategy == "latency":
            return sorted(drawn, key=lambda name: self.load(name).expected_seconds)
        if route.strategy == "cost":
            return sorted(drawn, key=self._price_of)
        if route.strategy == "remaining":
            return sorted(drawn, key=self._limits.remaining, reverse=True)
        return drawn

    def _by_share(self, route: RouteTable) -> list[str]:
        """Draw without replacement, so that each is first as often as its share says.

        The sampling of P. Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir". A share of
        0 is asked only where the others fail.
        """
        keys = {
            name: self._draw() ** (1 / share) if share else -1.0 for name, share in route.deployments.items()
        }
        return sorted(keys, key=lambda name: keys[name], reverse=True)

    def _price_of(self, name: str) -> int:
        price = self._price(name)
        return UNKNOWN_PRICE_NANOS if price is None else price
