import json
from dataclasses import FrozenInstanceError

import pytest
from pydantic import ValidationError

from vital_shared.models.event import EventAdapter, NodeFinished, Retrieval, Token, WarningRaised
from vital_shared.models.quality import AnswerWarning

EVENTS = [
    Token(run_id="run_1", seq=1, text="Yes."),
    NodeFinished(run_id="run_1", seq=2, epoch=1, node="answer", status="success", duration_seconds=0.5),
    Retrieval(run_id="run_1", seq=3, source="memory", status="failed", documents=0, duration_seconds=0.1),
    WarningRaised(run_id="run_1", seq=4, warning=AnswerWarning(type="degraded", message="Late.")),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_comes_back_whole_from_its_json(event):
    assert EventAdapter.validate_json(event.model_dump_json()) == event
    assert EventAdapter.validate_python(event.model_dump(mode="json"), strict=False) == event


def test_the_fields_of_an_event_are_written_in_their_order():
    assert EVENTS[0].model_dump_json() == (
        '{"run_id":"run_1","seq":1,"epoch":0,"type":"token","text":"Yes."}'
    )
    assert list(EVENTS[1].model_dump()) == [
        "run_id",
        "seq",
        "epoch",
        "type",
        "node",
        "status",
        "duration_seconds",
    ]


def test_an_event_cannot_be_changed_or_get_another_field():
    with pytest.raises(FrozenInstanceError):
        EVENTS[0].text = "No."
    with pytest.raises((AttributeError, TypeError)):
        EVENTS[0].other = "No."


@pytest.mark.parametrize(
    "changed",
    [{"seq": "1"}, {"text": None}, {"unknown": 1}, {"type": "tokens"}],
    ids=lambda each: next(iter(each)),
)
def test_an_event_that_is_read_is_validated(changed):
    fields = {"run_id": "run_1", "seq": 1, "type": "token", "text": "Yes."} | changed
    with pytest.raises(ValidationError):
        EventAdapter.validate_json(json.dumps(fields))
