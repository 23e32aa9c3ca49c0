"""Logistic regression, and figures of how well probabilities separate right from wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 60
BINS = 10
RESAMPLES = 1_000
SEED = 20_250_601


def fit(signals: Array, right: Array, *, ridge: float) -> Array:
    """Return the intercept and a weight for each column, by Newton's method.

    :param ridge: the penalty on the squares of the weights; the intercept has none.
    """
    columns = np.c_[np.ones(len(signals)), signals]
    penalty = ridge * np.eye(columns.shape[1])
    penalty[0, 0] = 1e-6
    weights = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        expected = _logistic(columns @ weights)
        gradient = columns.T @ (expected - right) + penalty @ weights
        curvature = (columns * (expected * (1 - expected))[:, None]).T @ columns + penalty
        weights -= np.linalg.solve(curvature, gradient)
    return weights


def predict(weights: Array, signals: Array) -> Array:
    return _logistic(np.c_[np.ones(len(signals)), signals] @ weights)


def leave_one_out(signals: Array, right: Array, groups: Sequence[str], *, ridge: float) -> Array:
    """Return each probability from a fit on the other groups."""
    held_out = np.zeros(len(right))
    for group in dict.fromkeys(groups):
        mine = np.array([each == group for each in groups])
        held_out[mine] = predict(fit(signals[~mine], right[~mine], ridge=ridge), signals[mine])
    return held_out


def area_under_curve(scores: Array, right: Array) -> float:
    """Return the share of pairs of a right and a wrong answer that the scores put in order; nan without."""
    good, bad = scores[right > 0], scores[right == 0]
    if not len(good) or not len(bad):
        return float("nan")
    return float(np.mean(good[:, None] > bad) + np.mean(good[:, None] == bad) / 2)


def calibration_error(probabilities: Array, right: Array) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    return sum(share * abs(mean - rate) for share, mean, rate, _ in reliability(probabilities, right))


def reliability(probabilities: Array, right: Array) -> list[tuple[float, float, float, int]]:
    """Return the share, mean probability, rate of right answers and count of each bin with any."""
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    found = []
    for place in range(BINS):
        inside = places == place
        if inside.any():
            mean, rate = float(probabilities[inside].mean()), float(right[inside].mean())
            found.append((float(inside.mean()), mean, rate, int(inside.sum())))
    return found


def interval(figure: Callable[[Array], float], count: int) -> tuple[float, float]:
    """Return the bootstrap's 95 % interval of a figure.

    :param figure: made from the numbers of some questions, of `count`.
    """
    random = np.random.default_rng(SEED)
    drawn = [figure(random.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _logistic(values: Array) -> Array:
    expected: Array = 1.0 / (1.0 + np.exp(-values))
    return expected
