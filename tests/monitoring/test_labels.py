"""Which values of a label have names."""

import pytest

from vital_shared.monitoring.labels import LIMIT_VARIABLE, OTHER, WORKER_VARIABLE, BoundedLabel


def test_the_first_values_have_names_and_the_others_are_other():
    label = BoundedLabel("tenant_id", ("none",), limit=3)
    assert [label.name_of(each) for each in ("a", "b", "c", "a", "none")] == ["a", "b", OTHER, "a", "none"]
    assert label.values == (OTHER, "none", "a", "b")
    assert len(label.values) == label.most


def test_each_value_without_a_name_is_reported():
    label, reported = BoundedLabel("tenant_id", limit=1), []
    label.on_overflow(reported.append)
    for each in ("a", "b", "b", "a"):
        label.name_of(each)
    assert reported == ["tenant_id", "tenant_id"]


def test_a_process_among_several_gives_no_names_by_itself(monkeypatch):
    monkeypatch.setenv(WORKER_VARIABLE, "2")
    label = BoundedLabel("tenant_id", limit=3)
    assert label.name_of("a") == OTHER
    label.admit("a")
    assert label.name_of("a") == "a"


def test_what_the_store_has_no_room_for_gets_no_name():
    label = BoundedLabel("tenant_id", limit=3)
    label.is_full = True
    assert label.name_of("a") == OTHER


@pytest.mark.parametrize("value", ["", "x" * 201, "line\nbreak", "\ud800", "\0"])
def test_what_cannot_be_shown_gets_no_name(value):
    label = BoundedLabel("model", limit=3)
    assert not label.admit(value)
    assert label.name_of(value) == OTHER


@pytest.mark.parametrize(("text", "limit"), [("7", 7), ("", 100), ("0", 100), ("many", 100)])
def test_the_environment_sets_the_bound(monkeypatch, text, limit):
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    assert BoundedLabel("tenant_id").limit == limit


def test_a_label_whose_names_are_earned_names_nothing_for_being_counted():
    label = BoundedLabel("model", limit=3, earned=True)
    assert label.name_of("made-up") == OTHER
    label.earn("answers")
    assert label.name_of("answers") == "answers"


def test_a_process_among_several_leaves_what_was_earned_to_the_store(monkeypatch):
    monkeypatch.setenv(WORKER_VARIABLE, "2")
    label = BoundedLabel("model", limit=2, earned=True)
    for each in ("a", "b", "c", "line\nbreak"):
        label.earn(each)
    assert label.name_of("a") == OTHER
    assert label.pending == {"a", "b"}  # bounded


def test_a_released_name_counts_under_other_and_one_known_from_the_start_stays():
    label, released = BoundedLabel("tenant_id", ("none",), limit=3), []
    label.on_released(lambda _, value: released.append(value))
    label.admit("a")
    for each in ("a", "none", OTHER, "never"):
        label.release(each)
    assert released == ["a"]
    assert label.values == (OTHER, "none")
