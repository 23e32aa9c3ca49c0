"""The benchmarks reach into what they measure: they go along when it changes."""

from pathlib import Path

import pytest

from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

BENCH = Path(__file__).parents[1] / "bench"


async def test_the_counting_of_one_request_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import counting

    async with workflow_services(
        tmp_path,
        models=[CannedModel("It takes 90 days [1].")],
        sources=[CannedSource([passage("90 days.")])],
        cache_entries=100,
    ) as services:
        count, additions = await counting.asked(services)
        count()
    assert additions > 20


def test_self_llm_is_compared_with_the_bare_wire_of_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import llm_node

    busy, idle = 30.0, 10.0
    rounds = [busy, idle, busy, busy, busy]
    costs = llm_node.NodeCosts(
        "openai", rounds, [1.2 * bare if bare == busy else 2 * bare for bare in rounds]
    )
    assert costs.ratio == pytest.approx(1.2)


def test_a_line_of_the_gateway_names_whom_it_does_not_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import gateway

    cpu = next(line for line in gateway.LINES if line.most_to_floor)
    values = {"relay": 10.0, "reading relay": 12.0, "vital": 21.0, "litellm": 300.0, "portkey": 20.0}
    assert list(gateway.missed(cpu, values)) == ["MISSED: portkey", "MISSED: ≤ 2 x the relay"]
    values["vital"] = 19.0
    assert not list(gateway.missed(cpu, values))
