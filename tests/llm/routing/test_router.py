"""The order in which a route asks its deployments."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.configuration import RouteTable
from vital_shared.llm.routing.deployment import DeploymentLoad
from vital_shared.llm.routing.rate_limits import RateLimitBook
from vital_shared.llm.routing.router import Router

PRICES = {"cloud:dear": 5_000, "cloud:cheap": 100}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def router(limits: RateLimitBook | None = None, seed: int = 7) -> Router:
    return Router(limits or RateLimitBook(), PRICES.get, random.Random(seed).random)


def table(**fields: object) -> RouteTable:
    return RouteTable.model_validate(fields)


def test_a_canary_gets_its_share() -> None:
    route, chosen = table(deployments={"cloud:a": 95, "cloud:b": 5}), router()
    firsts = Counter(chosen.order(route)[0] for _ in range(20_000))
    assert firsts["cloud:b"] / 20_000 == pytest.approx(0.05, abs=0.007)


@given(
    st.dictionaries(st.sampled_from([f"p:{name}" for name in "abcdef"]), st.integers(0, 1_000), min_size=1),
    st.integers(),
)
def test_every_deployment_is_asked_once_and_those_without_a_share_last(
    shares: dict[str, int], seed: int
) -> None:
    if not any(shares.values()):
        shares["p:a"] = 1
    order = router(seed=seed).order(table(deployments=shares))
    assert sorted(order) == sorted(shares)
    resting = [share == 0 for share in (shares[name] for name in order)]
    assert resting == sorted(resting)


def test_the_cheapest_goes_first_and_an_unknown_price_last() -> None:
    route = table(deployments=["cloud:dear", "cloud:unknown", "cloud:cheap"], strategy="cost")
    assert router().order(route) == ("cloud:cheap", "cloud:dear", "cloud:unknown")


def test_the_one_with_the_most_left_of_its_limit_goes_first() -> None:
    limits = RateLimitBook()
    limits.note("p:a", 200, {"x-ratelimit-remaining-requests": "10", "x-ratelimit-limit-requests": "100"})
    limits.note("p:b", 200, {"x-ratelimit-remaining-requests": "90", "x-ratelimit-limit-requests": "100"})
    route = table(deployments=["p:a", "p:b"], strategy="remaining")
    assert router(limits).order(route) == ("p:b", "p:a")


@pytest.mark.parametrize("strategy", ["share", "latency", "cost", "remaining"])
def test_one_that_cools_down_goes_last_and_comes_back(strategy: str) -> None:
    clock = Clock()
    limits = RateLimitBook(clock)
    route = table(deployments={"p:a": 1_000_000, "p:b": 1}, strategy=strategy)
    chosen = router(limits)
    limits.note("p:a", 429, {"Retry-After": "7"})
    assert chosen.order(route) == ("p:b", "p:a")
    clock.seconds += 7
    assert Counter(chosen.order(route)[0] for _ in range(200))["p:a"] > 50 or strategy != "share"


def test_the_fastest_goes_first_until_it_is_busy() -> None:
    route, chosen = table(deployments=["p:fast", "p:slow"], strategy="latency"), router()
    chosen.load("p:slow").measured(1.0)
    chosen.load("p:fast").measured(0.3)
    assert chosen.order(route)[0] == "p:fast"
    chosen.load("p:fast").in_flight = 5
    assert chosen.order(route)[0] == "p:slow"


def test_a_latency_rises_at_once_and_fades() -> None:
    clock = Clock()
    load = DeploymentLoad(clock)
    load.measured(2.0)
    assert load.expected_seconds == pytest.approx(2.0)
    clock.seconds += 5
    load.measured(0.1)
    assert 0.1 < load.expected_seconds < 2.0
    clock.seconds += 100
    assert load.expected_seconds < 0.01  # it is tried again


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"anthropic-ratelimit-requests-remaining": "5", "anthropic-ratelimit-requests-limit": "50"}, 0.1),
        (
            {
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-limit-requests": "100",
                "x-ratelimit-remaining-tokens": "50",
                "x-ratelimit-limit-tokens": "100",
            },
            0.5,
        ),
        ({"x-ratelimit-remaining-requests": "7"}, 1.0),
        ({"x-ratelimit-remaining-requests": "many", "x-ratelimit-limit-requests": "nan"}, 1.0),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-limit-requests": "0"}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_scarcest_of_the_stated_limits_counts(headers: dict[str, str], left: float) -> None:
    clock = Clock()
    limits = RateLimitBook(clock)
    limits.note("p:a", 200, headers)
    assert limits.remaining("p:a") == left
    clock.seconds += 61
    assert limits.remaining("p:a") == 1.0


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("2", 2), ("0.5", 0.5), (None, 5), ("soon", 5), ("Fri, 27 Nov 2026 11:00:00 GMT", 5), ("1e9", 300)],
)
def test_a_refusal_cools_down_as_long_as_is_asked_within_bounds(
    retry_after: str | None, seconds: float
) -> None:
    clock = Clock()
    limits = RateLimitBook(clock)
    limits.note("p:a", 429, {} if retry_after is None else {"Retry-After": retry_after})
    clock.seconds += seconds - 0.01
    assert limits.is_cooling("p:a")
    clock.seconds += 0.02
    assert not limits.is_cooling("p:a")
