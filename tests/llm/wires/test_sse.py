"""Events come out the same however their bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.wires import sse
from vital_shared.llm.wires.sse import EventReader, EventTooLarge

STREAM = (
    b": a comment\n\ndata: one\n\nevent: named\ndata: two\nid: 7\n\n\n\ndata:three\ndata: lines\r\n\r\n"
    b'data: {"a": 1}\r\rretry: 5\n\ndata:\n\ndata: last without an end'
)
EVENTS = [b"one", b"two", b"three\nlines", b'{"a": 1}', b"last without an end"]


def read(chunks):
    reader = EventReader()
    found = [data for chunk in chunks for data in reader.feed(chunk)]
    return found + reader.end()


def test_a_whole_stream_at_once():
    assert read([STREAM]) == EVENTS


def test_one_byte_at_a_time():
    assert read([STREAM[i : i + 1] for i in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cuts(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    assert read([STREAM[a:b] for a, b in itertools.pairwise(places)]) == EVENTS


@given(st.lists(st.binary(max_size=20).map(lambda b: b.translate(None, b"\r\n")), max_size=8), st.data())
def test_any_data(lines, data):
    stream = b"".join(b"data: " + line + b"\n\n" for line in lines)
    cut = data.draw(st.integers(0, len(stream)))
    assert read([stream[:cut], stream[cut:]]) == [line for line in lines if line.strip()]


def test_an_event_without_end_is_not_gathered_for_ever(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    with pytest.raises(EventTooLarge):
        read([b"data: xxxxx"] * 20)
