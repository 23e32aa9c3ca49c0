"""Events of another run, copied: numbers without a gap, and the text that stands is that of the run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import Event, NodeStarted, RunStarted, Superseded, Token
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.event_copy import EventCopy

TEXTS = st.lists(st.sampled_from(["a", "b", "ab", "c "]), max_size=6)


def standing(events: list[Event]) -> tuple[list[Event], str]:
    """Return the events that count for a reader, and their text."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Superseded):
            kept = [each for each in kept if each.seq < event.from_seq]
        else:
            kept.append(event)
    return kept, "".join(each.text for each in kept if isinstance(each, Token))


def of_run(texts: list[str], void_from: int | None, again: list[str]) -> list[Event]:
    """Make the events of a run, some of them voided by another owner, which goes on with other text."""
    events: list[Event] = [RunStarted(run_id="r", seq=1, mode=WorkflowMode.MODE_2, resumed=False)]
    for text in texts:
        events.append(NodeStarted(run_id="r", seq=len(events) + 1, node="n"))
        events.append(Token(run_id="r", seq=len(events) + 1, text=text))
    if void_from is not None:
        first = min(void_from, len(events)) + 1
        events.append(Superseded(run_id="r", seq=len(events) + 1, epoch=1, from_seq=first))
    return events + [
        Token(run_id="r", seq=len(events) + number, epoch=1, text=text)
        for number, text in enumerate(again, 1)
    ]


def read(log: MemoryLog) -> list[Event]:
    with log.follow() as follower:
        found: list[Event] = []
        while follower.seen < log.last_seq:
            found.append(_next(follower))
        return found


def _next(follower) -> Event:
    step = follower.__anext__()
    try:
        step.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the event is there, and nothing is waited for")


@given(earlier=TEXTS, texts=TEXTS, void_from=st.none() | st.integers(1, 14), again=TEXTS)
def test_the_text_that_stands_is_the_runs_own(earlier, texts, void_from, again):
    log = MemoryLog("mine")
    streamed = ""
    if earlier:  # a run that failed has streamed it
        first = EventCopy(log, "")
        for event in of_run(earlier, None, []):
            first.write(event)
        streamed = first.text
    copy = EventCopy(log, streamed)
    source = of_run(texts, void_from, again)
    for event in source:
        copy.write(event)
    events = read(log)
    _, text = standing(events)
    _, expected = standing(source)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {event.run_id for event in events} <= {"mine"}
    assert copy.text == text
    if not streamed or any(isinstance(event, Superseded) for event in events):
        assert text == expected
    else:  # what was streamed before stands, and is gone on with, or followed by the whole
        assert expected == "" or text.startswith(streamed)


def test_what_a_leader_voids_is_void_by_the_followers_own_numbers():
    log = MemoryLog("mine")
    copy = EventCopy(log, "")
    for event in of_run(["Hel", "lo"], 3, ["Hi"]):
        copy.write(event)
    kept, text = standing(read(log))
    assert text == "HelHi"
    assert copy.text == "HelHi"
    assert [type(event).__name__ for event in kept] == ["RunStarted", "NodeStarted", "Token", "Token"]
