"""Feedback on runs: kept once for each user, kind and aspect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from tests.run_record import run_record

from vital_shared.errors import NotFound
from vital_shared.models.feedback import FeedbackInput
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.store.database import Database
from vital_shared.store.feedback import FeedbackStore
from vital_shared.store.runs import RunStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def feedback(database: Database) -> FeedbackStore:
    request = WorkflowInput(query="May it?", mode=2, tenant_id="acme", user_id="ann")
    await RunStore(database).start(run_record(request, NOW))
    return FeedbackStore(database)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", True),
        ("boolean", False),
        ("number", 0.75),
        ("number", 1),
        ("text", "Dear\0"),
        ("correction", "42 days"),
    ],
)
async def test_feedback_of_each_kind_is_read_as_it_was_given(
    feedback: FeedbackStore, kind: str, value: object
):
    stored, mode, is_first = await feedback.give(
        "run_1", FeedbackInput(kind=kind, value=value, comment="so"), tenant_id="acme", now=NOW
    )
    assert (mode, is_first) == (WorkflowMode.MODE_2, True)
    assert (stored.user_id, stored.comment) == ("ann", "so")
    expected = value.replace("\0", "\ufffd") if isinstance(value, str) else value
    assert (stored.value, type(stored.value) is bool) == (expected, type(value) is bool)
    assert await feedback.list("run_1", tenant_id="acme") == (stored,)


async def test_feedback_that_is_sent_again_takes_the_place_of_the_first(feedback: FeedbackStore):
    up = FeedbackInput(kind="boolean", value=True)
    first, _, is_first = await feedback.give("run_1", up, tenant_id="acme", now=NOW)
    again, _, is_first_again = await feedback.give("run_1", up, tenant_id="acme", now=LATER)
    down = FeedbackInput(kind="boolean", value=False, comment="No.")
    changed, _, _ = await feedback.give("run_1", down, tenant_id="acme", now=LATER)
    assert (is_first, is_first_again) == (True, False)
    assert again == first.model_copy(update={"updated_at": LATER})
    assert await feedback.list("run_1", tenant_id="acme") == (changed,)
    assert (changed.value, changed.comment, changed.created_at) == (False, "No.", NOW)


async def test_other_users_kinds_and_aspects_stand_beside_it(feedback: FeedbackStore):
    for fields in ({}, {"user_id": "bob"}, {"name": "tone"}):
        given = FeedbackInput(kind="boolean", value=True, **fields)
        assert (await feedback.give("run_1", given, tenant_id=None, now=NOW))[2]
    given = FeedbackInput(kind="number", value=3)
    assert (await feedback.give("run_1", given, tenant_id=None, now=NOW))[2]
    assert len(await feedback.list("run_1", tenant_id=None)) == 4


async def test_another_tenants_run_is_not_there(feedback: FeedbackStore):
    for run_id, tenant in (("run_1", "globex"), ("run_2", "acme")):
        with pytest.raises(NotFound):
            await feedback.give(run_id, FeedbackInput(kind="text", value="x"), tenant_id=tenant, now=NOW)
        with pytest.raises(NotFound):
            await feedback.list(run_id, tenant_id=tenant)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "boolean", "value": 1},
        {"kind": "number", "value": True},
        {"kind": "number", "value": "1"},
        {"kind": "number", "value": float("inf")},
        {"kind": "text", "value": False},
        {"kind": "text", "value": ""},
        {"kind": "correction", "value": 3.5},
        {"kind": "thumb", "value": True},
        {"kind": "boolean", "value": True, "name": "a b"},
        {"kind": "boolean", "value": True, "comment": "x" * 2001},
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused(fields: dict):
    with pytest.raises(ValidationError):
        FeedbackInput.model_validate(fields)
