"""Which form of the answer a client gets."""

import pytest

from ai_engine.api.accept import prefers_stream


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("TEXT/Event-Stream", True),
        ("text/*", True),
        ("text/html", False),
        ("text/event-stream, application/json", False),
        ("text/event-stream, application/json;q=0.9", True),
        ("application/json; q=0.5, text/event-stream; q=0.6", True),
        ("text/event-stream;q=0.1, */*", False),
        ("text/event-stream, */*;q=0.1", True),
        ("text/event-stream;q=nonsense", False),
        ("text/event-stream;charset=utf-8", True),
        (",;,;q=,", False),
    ],
)
def test_the_better_one_wins_and_json_where_they_are_alike(accept: str, streams: bool) -> None:
    assert prefers_stream(accept) is streams
