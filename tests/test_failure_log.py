"""A failure that repeats has one line a minute; the others are in the next line's count."""

import structlog
from structlog.testing import capture_logs

from vital_shared.failure_log import MAX_KEYS, REPEAT_SECONDS, FailureLog


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_one_line_a_minute_and_says_how_many_it_left_out():
    clock = Clock()
    with capture_logs() as logs:
        failures = FailureLog(structlog.get_logger(), clock)
        for _ in range(500):
            failures.warn("source_failed", "pinecone", OSError("away"), source="pinecone")
        clock.now = REPEAT_SECONDS
        failures.warn("source_failed", "pinecone", OSError("away"), source="pinecone")
        clock.now = 2 * REPEAT_SECONDS
        failures.warn("source_failed", "pinecone", OSError("away"), source="pinecone")
    assert [(line["source"], line.get("unlogged")) for line in logs] == [
        ("pinecone", None),
        ("pinecone", 499),
        ("pinecone", None),
    ]
    assert all(isinstance(line["exc_info"], OSError) for line in logs)


def test_each_source_and_each_event_has_lines_of_its_own():
    with capture_logs() as logs:
        failures = FailureLog(structlog.get_logger(), Clock())
        for event, key in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")):
            failures.warn(event, key, OSError())
    assert [line["event"] for line in logs] == ["a", "a", "b"]


def test_the_failures_that_are_counted_apart_are_bounded():
    with capture_logs() as logs:
        failures = FailureLog(structlog.get_logger(), Clock())
        for number in range(MAX_KEYS + 1):
            failures.warn("a", str(number), OSError())
        failures.warn("a", "0", OSError())
    assert len(logs) == MAX_KEYS + 2
