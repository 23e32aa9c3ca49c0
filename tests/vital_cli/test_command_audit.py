"""`vital audit`."""

import csv
import getpass
import json
from io import StringIO

import pytest


@pytest.fixture
def changed(vital, empty_dir):
    """A store in which a key was made and a budget set and deleted."""
    key = json.loads(vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--json").stdout)
    assert vital("budgets", "set", "acme", "--daily", "5").exit_code == 0
    assert vital("budgets", "delete", "acme").exit_code == 0
    return key["id"]


def test_it_lists_who_changed_what(vital, changed):
    done = vital("audit")
    assert done.exit_code == 0, done.output
    assert f"cli {getpass.getuser()}" in done.stdout
    assert [word in done.stdout for word in ("key_created", "budget_set", changed)] == [True] * 3
    (entry,) = json.loads(vital("audit", "--object", changed, "--json").stdout)["entries"]
    assert (entry["action"], entry["tenant_id"], entry["actor_kind"]) == ("key_created", "acme", "cli")
    assert "triggers can be taken away" in " ".join(done.stderr.split())


def test_it_exports_lines_of_json_and_csv(vital, changed):
    lines = [json.loads(line) for line in vital("audit", "--all", "--json").stdout.splitlines()]
    assert [each["action"] for each in lines] == ["budget_deleted", "budget_set", "key_created"]
    for arguments in (("--csv",), ("--csv", "--all")):
        rows = list(csv.DictReader(StringIO(vital("audit", *arguments).stdout)))
        assert [row["action"] for row in rows] == [each["action"] for each in lines]


def test_it_says_where_there_is_nothing(vital, empty_dir):
    assert "There are no such entries" in vital("audit").stderr
    assert "There are no such entries" in vital("audit", "--tenant", "globex").stderr


@pytest.mark.parametrize("arguments", [("--action", "burnt"), ("--from", "soon"), ("--json", "--csv")])
def test_what_is_no_query_is_refused(vital, empty_dir, arguments):
    assert vital("audit", *arguments).exit_code == 2
