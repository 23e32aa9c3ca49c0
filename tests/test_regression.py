"""The regression by which the probability of answers is fitted, and its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(autouse=True)
def bench_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)


def drawn(count: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw signals, and outcomes with a known probability."""
    random = np.random.default_rng(7)
    signals = random.normal(size=(count, 2))
    probability = 1 / (1 + np.exp(-(0.5 + 2 * signals[:, 0] - signals[:, 1])))
    return signals, (random.random(count) < probability).astype(float)


def test_known_weights_are_found_again() -> None:
    import regression

    signals, right = drawn()
    assert regression.fit(signals, right, ridge=0.01) == pytest.approx([0.5, 2, -1], abs=0.15)


def test_held_out_probabilities_are_calibrated_and_rank() -> None:
    import regression

    signals, right = drawn()
    groups = [str(index % 5) for index in range(len(right))]
    held_out = regression.leave_one_out(signals, right, groups, ridge=0.5)
    assert regression.area_under_curve(held_out, right) > 0.85
    assert regression.calibration_error(held_out, right) < 0.03


def test_what_is_held_out_has_no_part_in_its_fit() -> None:
    import regression

    signals, right = drawn(400)
    groups = ["mine"] * 200 + ["other"] * 200
    expected = regression.predict(regression.fit(signals[200:], right[200:], ridge=0.5), signals[:200])
    assert regression.leave_one_out(signals, right, groups, ridge=0.5)[:200] == pytest.approx(expected)


def test_ties_count_half_and_one_kind_alone_has_no_area() -> None:
    import regression

    assert regression.area_under_curve(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == 0.5
    assert np.isnan(regression.area_under_curve(np.array([0.5]), np.array([1.0])))


def test_an_interval_holds_its_figure_and_narrows_with_more_questions() -> None:
    import regression

    values = np.array([1.0, 0.0] * 200)

    def width(count: int) -> float:
        low, high = regression.interval(lambda some: float(values[some].mean()), count)
        assert low < 0.5 < high
        return high - low

    assert width(400) < width(40)


def test_a_fact_is_held_as_a_whole_word_alone() -> None:
    from judging import Question, holds_facts

    question = Question(id="1", question="?", answerable=True, facts=[["16", "sixteen"]])
    assert holds_facts(question, "You have to be 16 or older.")
    assert not holds_facts(question, "It costs 160 euros.")
