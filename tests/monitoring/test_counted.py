"""Tests read metrics without rounding."""

from __future__ import annotations

import pytest

from vital_shared.monitoring.instrument import Counter
from vital_shared.monitoring.labels import Label
from vital_shared.testing import counted

NANOS = 10**9


def test_a_nano_dollar_is_seen_to_grow_upon_a_billion_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = Counter("costs_total", "Costs.", (Label("kind", ("llm", "tools")),), parts_per_unit=NANOS)
    monkeypatch.setattr("vital_shared.monitoring.counted.CATALOGUE", (costs,))
    costs.labels("llm").inc(10**9 * NANOS)
    with counted() as growth:
        costs.labels("llm").inc(47)
    assert growth("costs_total") == growth("costs_total", kind="llm") == 47e-9
    assert growth("costs_total", kind="tools") == 0
