"""`vital baseline`."""

import json


def test_a_baseline_is_saved_listed_shown_compared_and_deleted(vital, empty_dir):
    vital("ask", "How long?", "--tenant", "acme")
    saved = vital("baseline", "save", "first", "--last", "48h")
    assert saved.exit_code == 0, saved.output
    assert "1 requests" in saved.stderr
    assert "too little data" in saved.stdout
    assert json.loads(vital("baseline", "list", "--json").stdout)[0]["name"] == "first"
    assert "first" in vital("baseline", "list").stdout
    assert "P95 latency" in vital("baseline", "show", "first").stdout
    compared = json.loads(vital("baseline", "compare", "first", "--json").stdout)
    assert {each["verdict"] for each in compared["figures"]} == {"too little data"}
    assert "error rate" in vital("baseline", "compare", "first", "--last", "7d").stdout
    assert vital("baseline", "delete", "first").exit_code == 0
    gone = vital("baseline", "show", "first")
    assert gone.exit_code != 0


def test_a_span_that_is_none_is_refused(vital, empty_dir):
    done = vital("baseline", "save", "first", "--last", "soon")
    assert done.exit_code != 0
