"""`vital ops labels`."""

import json


def names(vital, *options):
    return json.loads(vital("ops", "labels", *options, "--json").stdout)


def test_names_are_listed_with_since_when_and_whether_they_are_reserved(vital, empty_dir):
    by_label = {(each["label"], each["value"]): each for each in names(vital)}
    assert by_label["model", "extractive"]["reserved"]
    assert by_label["agent_id", "generalist"]["last_used"] is None
    assert {each["label"] for each in names(vital, "--label", "tool")} == {"tool"}
    shown = vital("ops", "labels").stdout
    assert "reserved" in shown
    assert "extractive" in shown


def test_a_name_is_freed_unless_it_is_reserved(vital, empty_dir):
    assert vital("ask", "How long is the review?", "--tenant", "acme").exit_code == 0
    assert [each["value"] for each in names(vital, "--label", "tenant_id")] == ["acme"]
    freed = vital("ops", "labels", "free", "tenant_id", "acme")
    assert (freed.exit_code, names(vital, "--label", "tenant_id")) == (0, [])
    assert vital("ops", "labels", "free", "tenant_id", "acme").exit_code == 2
    refused = vital("ops", "labels", "free", "model", "extractive")
    assert refused.exit_code == 2
    assert "configured" in refused.stderr
