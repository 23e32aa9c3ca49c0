"""`vital keys`."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.store_database import store_url

from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore


def verified(folder, token, now=None):
    async def ask():
        database = Database(store_url(folder))
        try:
            return await KeyStore(database).verify(token, now=now or datetime.now(UTC))
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


def test_a_key_is_revoked_while_the_configuration_is_wrong(vital, empty_dir, monkeypatch, tmp_path):
    key = json.loads(vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--json").stdout)
    broken = tmp_path / "broken.toml"
    broken.write_text("[models")
    monkeypatch.setenv("VITAL_CONFIG", str(broken))
    assert vital("agents", "list").exit_code == 2
    assert vital("keys", "revoke", key["id"]).exit_code == 0
    assert verified(empty_dir, key["token"]) is None


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
        (
            ("--tenant", "acme", "--scope", "everything"),
            "Invalid value for '--scope': 'everything' is not one of",
        ),
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


def test_a_key_may_expire_and_the_list_shows_when(vital, empty_dir):
    made = json.loads(
        vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--expires", "90d", "--json").stdout
    )
    created, end = (datetime.fromisoformat(made[name]) for name in ("created_at", "expires_at"))
    assert end - created == timedelta(days=90)
    assert verified(empty_dir, made["token"], now=end - timedelta(seconds=1)) is not None
    assert verified(empty_dir, made["token"], now=end) is None
    assert "expires" in vital("keys", "list").stdout
    (listed,) = json.loads(vital("keys", "list", "--json").stdout)
    assert listed["expires_at"] == made["expires_at"]
    shown = vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--expires", "90d").stderr
    assert "It expires at" in shown


def test_a_rotated_key_has_a_successor_and_ends_after_the_overlap(vital, empty_dir):
    arguments = ("--tenant", "acme", "--scope", "ask", "--name", "web")
    old = json.loads(vital("keys", "create", *arguments, "--json").stdout)
    done = vital("keys", "rotate", old["id"], "--overlap", "24h")
    assert done.exit_code == 0
    assert old["id"] in done.stderr
    new = verified(empty_dir, done.stdout.strip())
    assert (new.tenant_id, new.scopes, new.name, new.expires_at) == ("acme", ("ask",), "web", None)
    assert verified(empty_dir, old["token"]) is not None
    assert verified(empty_dir, old["token"], now=new.created_at + timedelta(hours=24)) is None


@pytest.mark.parametrize("duration", ["", "90", "d", "-1d", "1.5h", "90 d", "90w", "100000d", "٩d"])
def test_what_is_no_duration_is_refused(vital, empty_dir, duration):
    done = vital("keys", "create", "--tenant", "acme", "--scope", "ask", f"--expires={duration}")
    assert done.exit_code == 2
    assert "24h or 90d" in " ".join(done.stderr.replace("│", " ").split())


def test_a_key_that_is_not_there_is_not_rotated_nor_one_that_would_be_expired_made(vital, empty_dir):
    done = vital("keys", "rotate", "vital_0123_secret", "--overlap", "1h")
    assert (done.exit_code, "vital keys list" in done.stderr, "secret" in done.output) == (2, True, False)
    done = vital("keys", "create", "--tenant", "acme", "--scope", "ask", "--expires", "0s")
    assert (done.exit_code, "later than now" in done.stderr) == (2, True)
