"""Days and months of budgets are those of UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.store.periods import period_end, period_key


def test_a_moment_is_in_the_day_and_the_month_of_utc():
    evening_in_denver = datetime(2026, 11, 30, 20, tzinfo=timezone(timedelta(hours=-7)))
    assert period_key("daily", evening_in_denver) == "2026-12-01"
    assert period_key("monthly", evening_in_denver) == "2026-12"
    assert period_end("daily", evening_in_denver) == datetime(2026, 12, 2, tzinfo=UTC)
    assert period_end("monthly", evening_in_denver) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("period", ["daily", "monthly"])
@given(now=st.datetimes(max_value=datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants it naive
def test_the_end_is_the_first_moment_of_another_period(period, now):
    end = period_end(period, now)
    assert end > now
    assert period_key(period, end) > period_key(period, now)
    assert period_key(period, end - timedelta(microseconds=1)) == period_key(period, now)
