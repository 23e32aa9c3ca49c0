"""`vital keys`."""

import asyncio
import json

import pytest
from tests.store_database import store_url

from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore


def verified(folder, token):
    async def ask():
        database = Database(store_url(folder))
        try:
            return await KeyStore(database).verify(token)
        finally:
            await database.aclose()

    return asyncio.run(ask())


def test_a_key_is_printed_once_alone_on_stdout(vital, empty_dir):
    done = vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--scope", "costs", "--name", "web")
    assert done.exit_code == 0
    key = verified(empty_dir, done.stdout.removesuffix("\n"))
    assert (key.tenant_id, key.scopes, key.name) == ("acme", ("ask", "costs"), "web")
    assert "cannot be shown again" in done.stderr
    secret = done.stdout.strip().rpartition("_")[2]
    for arguments in ((), ("--json",)):
        listed = vital("keys", "list", *arguments).output
        assert key.id in listed
        assert secret not in listed
        assert "hash" not in listed


def test_a_key_for_all_tenants_is_asked_for_by_name(vital, empty_dir):
    for wrong in ((), ("--tenant", "acme", "--all-tenants")):
        done = vital("keys", "create", "--scope", "admin", *wrong)
        assert done.exit_code == 2
        assert "say whose key it is" in " ".join(done.stderr.split())
    made = json.loads(vital("keys", "create", "--all-tenants", "--scope", "admin", "--json").stdout)
    assert (made["tenant_id"], made["scopes"]) == (None, ["admin"])
    assert verified(empty_dir, made["token"]).id == made["id"]
    assert "(all)" in vital("keys", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tenant", "acme"), "--scope"),
        (("--tenant", "acme", "--scope", "everything"), "--scope"),
        (("--tenant", "a b", "--scope", "ask"), "tenant_id"),
        (("--tenant", "acme", "--scope", "ask", "--name", "x" * 201), "at most 200 characters"),
    ],
)
def test_a_key_that_cannot_be_is_refused(vital, empty_dir, arguments, said):
    done = vital("keys", "create", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert json.loads(vital("keys", "list", "--json").stdout) == []


def test_a_revoked_key_is_useless_and_listed_as_such(vital, empty_dir):
    made = json.loads(vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--json").stdout)
    done = vital("keys", "revoke", made["id"])
    assert done.exit_code == 0
    assert made["id"] in done.stderr
    assert verified(empty_dir, made["token"]) is None
    (listed,) = json.loads(vital("keys", "list", "--json").stdout)
    assert listed["revoked_at"] is not None
    assert json.loads(vital("keys", "revoke", made["id"], "--json").stdout) == listed


def test_the_last_revoked_key_says_how_to_go_on_and_the_engine_is_opened_on_purpose(vital, empty_dir):
    one, other = [
        json.loads(vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--json").stdout)["id"]
        for _ in range(2)
    ]
    assert "vital keys open" not in vital("keys", "revoke", one).stderr
    refused = vital("keys", "open")
    assert (refused.exit_code, "revoke them first" in refused.stderr) == (2, True)
    assert "vital keys open" in vital("keys", "revoke", other).stderr
    assert json.loads(vital("keys", "open", "--json").stdout) == {"deleted": 2}
    assert json.loads(vital("keys", "list", "--json").stdout) == []


def test_revoking_what_is_not_there_does_not_repeat_it(vital, empty_dir):
    done = vital("keys", "revoke", "vital_0123_secret")
    assert done.exit_code == 2
    assert "vital keys list" in done.stderr
    assert "secret" not in done.output


def test_keys_are_listed_by_tenant(vital, empty_dir):
    assert "There are no keys yet" in vital("keys", "list").stderr
    for tenant in ("acme", "globex"):
        vital("keys", "create", "--tenant", tenant, "--scope", "ask")
    (listed,) = json.loads(vital("keys", "list", "--tenant", "acme", "--json").stdout)
    assert listed["tenant_id"] == "acme"
