"""`vital store copy`."""

import json

import pytest

pytestmark = pytest.mark.sqlite

SEEN = (
    ("costs", "--json"),
    ("keys", "list", "--json"),
    ("budgets", "list", "--json"),
    ("limits", "list", "--json"),
    ("documents", "list", "--json"),
    ("runs", "list", "--json"),
)


def seen(vital):
    found = {arguments: vital(*arguments) for arguments in SEEN}
    assert {each.exit_code for each in found.values()} == {0}, [each.output for each in found.values()]
    return {arguments: each.stdout for arguments, each in found.items()}


def test_commands_show_the_same_of_the_copy_as_of_the_file(vital, data_dir, databases, monkeypatch):
    for arguments in (
        ("ask", "What is a 510(k)?"),
        ("keys", "create", "--tenant", "acme", "--scope", "ask"),
        ("budgets", "set", "acme", "--daily", "3.000000001"),
    ):
        result = vital(*arguments)
        assert result.exit_code == 0, result.output
    before = seen(vital)
    address = databases.new()
    copied = vital("store", "copy", "--to", address, "--json")
    assert copied.exit_code == 0, copied.output
    assert json.loads(copied.stdout)["documents"] == 3
    monkeypatch.setenv("VITAL_DATABASE_URL", address)
    assert seen(vital) == before
    audited = [json.loads(line)["action"] for line in vital("audit", "--all", "--json").stdout.splitlines()]
    assert "database_copied" in audited
    asked = vital("ask", "What is a De Novo request?", "--json")
    assert asked.exit_code == 0, asked.output

    refused = vital("store", "copy", "--to", address)
    assert (refused.exit_code, "The store is in Postgres already" in refused.stderr) == (2, True)
    monkeypatch.delenv("VITAL_DATABASE_URL")
    refused = vital("store", "copy", "--to", address)
    assert (refused.exit_code, "name a new, empty one" in refused.stderr) == (2, True)


def test_an_unreachable_server_is_named_without_its_password(vital, data_dir):
    refused = vital("store", "copy", "--to", "postgresql://vital:hidden@127.0.0.1:9/vital")
    assert (refused.exit_code, "--to is right" in refused.stderr) == (1, True), refused.stderr
    assert "hidden" not in refused.output
