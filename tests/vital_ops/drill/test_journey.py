"""What a drill says of an alert that did not do as it should."""

import pytest

from vital_ops.drill.journey import Journey

THERE = {"slack": 1.0, "engine": 1.0}


@pytest.mark.parametrize(
    ("stations", "failure"),
    [
        ({}, "HighLatency does not fire."),
        ({"pending": 1.0}, "HighLatency does not fire."),
        ({"firing": 1.0}, "HighLatency fires, and does not reach engine, slack."),
        (
            {"firing": 1.0, "delivered": {"engine": 1.0, "email": 1.0}},
            "HighLatency fires, and does not reach slack.",
        ),
        (
            {"firing": 1.0, "delivered": THERE, "strays": frozenset({"pagerduty"})},
            "HighLatency reaches pagerduty too.",
        ),
        (
            {"firing": 1.0, "delivered": THERE, "resolved": {"slack": 2.0}},
            "HighLatency should be over, but engine has received no such message.",
        ),
        ({"firing": 1.0, "delivered": THERE, "resolved": THERE}, None),
    ],
)
def test_the_first_thing_that_went_wrong_is_reported(stations, failure):
    journey = Journey("HighLatency", "slow", frozenset({"slack", "engine"}), **stations)
    assert journey.failure == failure
