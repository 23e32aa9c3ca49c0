"""The benchmarks reach into what they measure: they go along when it changes."""

from pathlib import Path

import pytest

from vital_shared.llm.answer_calibration import shipped_calibration
from vital_shared.retrieval.language import GERMAN
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


@pytest.mark.parametrize("with_entailment", [False, True])
def test_held_out_figures_are_those_of_the_calibration_that_answers(
    monkeypatch: pytest.MonkeyPatch, *, with_entailment: bool
) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import eval_collections

    held_out = eval_collections.held_out_figures("bike-faq", with_entailment=with_entailment)
    calibration = shipped_calibration(with_entailment=with_entailment)
    assert held_out is not None
    assert held_out.calibration == calibration.version
    assert held_out.figures == calibration.fitted["held_out_by_collection"]["bike-faq"]
    german = eval_collections.held_out_figures("bibliothek-faq", with_entailment=with_entailment)
    assert german is not None
    assert german.calibration == shipped_calibration(GERMAN).version
    assert eval_collections.held_out_figures("koloniforening", with_entailment=with_entailment) is None


def test_held_out_figures_of_a_collection_without_near_misses_leave_their_cell_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import eval_collections

    held_out = eval_collections.held_out_figures("examples", with_entailment=True)
    assert held_out is not None
    assert held_out.cells == ["quotes-en-5-entailment", "0.97", "0.66", "", "0.92"]
