"""A model that fails again and again is left alone, and tried again by one."""

import pytest

from vital_shared.breaker import BREAKER_FAILURES, MAX_NAMES, OPEN_SECONDS, Breakers


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breakers(clock):
    return Breakers(clock)


def fail(breakers, times=BREAKER_FAILURES, model="m"):
    for _ in range(times):
        breakers.failed(model)


def test_a_few_failures_do_not_open_it(breakers):
    fail(breakers, BREAKER_FAILURES - 1)
    assert breakers.allows("m")


def test_failures_in_a_row_open_it_for_that_model_alone(breakers):
    fail(breakers)
    assert not breakers.allows("m")
    assert breakers.allows("other")


def test_a_success_in_between_starts_the_count_anew(breakers):
    fail(breakers, BREAKER_FAILURES - 1)
    breakers.succeeded("m")
    fail(breakers, BREAKER_FAILURES - 1)
    assert breakers.allows("m")


def test_once_its_time_is_over_one_may_try(breakers, clock):
    fail(breakers)
    clock.now += OPEN_SECONDS
    assert [breakers.allows("m") for _ in range(3)] == [True, False, False]
    breakers.succeeded("m")
    assert breakers.allows("m")


def test_a_try_that_fails_keeps_it_open(breakers, clock):
    fail(breakers)
    clock.now += OPEN_SECONDS
    assert breakers.allows("m")
    breakers.failed("m")
    assert not breakers.allows("m")


def test_it_remembers_a_bounded_number_of_models(breakers):
    fail(breakers, model="first")
    for number in range(MAX_NAMES):
        breakers.failed(f"m{number}")
    assert breakers.allows("first")
