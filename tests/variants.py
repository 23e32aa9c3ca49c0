"""Variants of tests that `make test` leaves to `make test-all`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest

__all__ = ["mark_further_variants", "sampled", "variants_to_keep"]

COSTLY_FIXTURES = frozenset(
    [
        *("serve", "service", "gateway", "open_page", "watched", "embedded", "schema", "collection"),
        *("database", "vital"),
    ]
)
"""Fixtures that start an engine, a store or a command, for which each variant waits."""

FEW_VARIANTS = 4

FURTHER_VARIANTS_PER_KEPT = 5


def mark_further_variants(items: Iterable[pytest.Item]) -> None:
    """Mark most variants of tests with many of them as thorough, where each starts an engine."""
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if "[" in item.name and not COSTLY_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            variants[item.nodeid.partition("[")[0]].append(item)
    for each in variants.values():
        kept = variants_to_keep(len(each))
        for number, item in enumerate(each):
            if number not in kept:
                item.add_marker(pytest.mark.thorough)


def variants_to_keep(count: int) -> frozenset[int]:
    """Return the numbers of the variants that stay: the first, the last, and others at equal distances."""
    if count <= FEW_VARIANTS:
        return frozenset(range(count))
    kept = FEW_VARIANTS + (count - FEW_VARIANTS) // FURTHER_VARIANTS_PER_KEPT
    return frozenset(round(place * (count - 1) / (kept - 1)) for place in range(kept))


def sampled(values: Iterable[object], one_in: int) -> list[object]:
    """Make parameters of a test, of which the first and each n-th after it are quick, and the others thorough."""
    return [
        pytest.param(value, marks=[pytest.mark.thorough] if number % one_in else [])
        for number, value in enumerate(values)
    ]
