"""The rate limit: a minute's worth at once, and then as they come free."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from vital_shared.store.rate import requests_left, take_turn

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RATES = st.integers(min_value=1, max_value=7_000)
MINUTE = timedelta(minutes=1)


def admitted(rate: int, moments: list[datetime]) -> list[datetime]:
    """Which of these come in."""
    kept, came = None, []
    for now in moments:
        turn = take_turn(kept, now, rate)
        if not turn.wait:
            kept = turn.next_at
            came.append(now)
    return came


@given(RATES)
def test_exactly_a_minutes_worth_may_come_at_once(rate):
    assert len(admitted(rate, [NOW] * (rate + 3))) == rate


@given(st.integers(1, 200), st.lists(st.integers(0, 20_000_000), max_size=600))
def test_no_minute_has_more_than_twice_the_rate_and_no_hour_more_than_it_and_one_minutes_worth(rate, gaps):
    moments, now = [], NOW
    for gap in gaps:
        now += timedelta(microseconds=gap)
        moments.append(now)
    came = admitted(rate, moments)
    for start in came:
        assert sum(start <= each < start + MINUTE for each in came) <= 2 * rate
    if came:
        minutes = (came[-1] - NOW) / MINUTE
        assert len(came) <= rate * (minutes + 1) * 1.00001 + 1


@given(RATES, st.integers(0, 5_000))
@example(6398, 3423)
def test_a_caller_is_admitted_after_the_stated_wait_and_not_before(rate, more):
    kept = None
    for _ in range(rate):
        kept = take_turn(kept, NOW, rate).next_at
    free_after = (rate + 1) * (MINUTE // rate) - MINUTE  # the steps are rounded down to whole microseconds
    now = NOW + min(timedelta(microseconds=more), free_after - timedelta(microseconds=1))
    wait = take_turn(kept, now, rate).wait
    assert wait > timedelta(0)
    assert not take_turn(kept, now + wait, rate).wait
    assert take_turn(kept, now + wait - timedelta(microseconds=1), rate).wait


@given(RATES)
def test_even_requests_are_never_refused(rate):
    step = MINUTE / rate + timedelta(microseconds=1)
    moments = [NOW + number * step for number in range(300)]
    assert len(admitted(rate, moments)) == len(moments)


@given(RATES)
def test_a_minute_of_silence_makes_the_whole_burst_free_again(rate):
    later = NOW + MINUTE
    assert len(admitted(rate, [NOW] * rate + [later] * (rate + 1))) == 2 * rate


@given(RATES, st.lists(st.integers(0, 5_000_000), max_size=20))
def test_as_many_are_left_as_would_be_admitted(rate, gaps):
    kept, now = None, NOW
    for gap in gaps:
        now += timedelta(microseconds=gap)
        turn = take_turn(kept, now, rate)
        assert (requests_left(kept, now, rate) > 0) == (not turn.wait)
        if not turn.wait:
            assert requests_left(turn.next_at, now, rate) == requests_left(kept, now, rate) - 1
            kept = turn.next_at


@given(RATES, st.integers(1, 7_200))
def test_a_clock_that_is_set_back_refuses_for_a_minute_and_a_step_at_most(rate, seconds):
    kept = None
    for _ in range(rate):
        kept = take_turn(kept, NOW, rate).next_at
    now = NOW - timedelta(seconds=seconds)
    wait = take_turn(kept, now, rate).wait
    assert wait <= MINUTE + MINUTE // rate
    assert (requests_left(kept, now, rate) > 0) == (not wait)
    now += wait
    turn = take_turn(kept, now, rate)
    assert not turn.wait
    assert take_turn(turn.next_at, now, rate).wait  # the rest of the minute's worth was had
    assert not take_turn(turn.next_at, now + MINUTE // rate, rate).wait
