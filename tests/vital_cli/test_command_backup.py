"""`vital backup` and `vital restore`."""

import asyncio
import json

import pytest
from tests.store.test_migrations import older_database

from vital_shared.errors import StoreError


@pytest.fixture
def stored(vital, data_dir):
    assert vital("ask", "What is a 510(k)?").exit_code == 0


def actions(vital):
    entries = [json.loads(line) for line in vital("audit", "--all", "--json").stdout.splitlines()]
    return [each["action"] for each in entries if each["action"].startswith("database_")]


@pytest.mark.thorough
def test_only_a_backup_that_was_made_is_in_the_audit_log(vital, stored, tmp_path):
    backup = tmp_path / "backups" / "today.db"
    made = vital("backup", str(backup), "--json")
    assert json.loads(made.stdout)["path"] == str(backup)
    assert vital("backup", str(backup)).exit_code == 2
    assert actions(vital) == ["database_backed_up"]


def test_a_backup_before_an_upgrade_is_of_the_version_that_made_the_store(
    vital, empty_dir, tmp_path, monkeypatch
):
    async def make() -> None:
        empty_dir.mkdir()
        database = await older_database(f"sqlite+aiosqlite:///{empty_dir / 'vital.db'}", monkeypatch, "0035")
        await database.aclose()

    asyncio.run(make())
    made = vital("backup", str(tmp_path / "before.db"), "--json")
    assert json.loads(made.stdout)["schema"] == "0035", made.output
    assert actions(vital) == ["database_backed_up"]  # the store itself is up to date
    assert json.loads(vital("backup", str(tmp_path / "after.db"), "--json").stdout)["schema"] > "0035"


def test_a_backup_of_no_store_is_refused_and_makes_none(vital, empty_dir, tmp_path):
    refused = vital("backup", str(tmp_path / "today.db"))
    assert (refused.exit_code, "There is no store at" in refused.stderr) == (1, True)
    assert not (tmp_path / "today.db").exists()
    assert not empty_dir.exists()


def test_no_copy_is_left_whose_entry_cannot_be_written(vital, stored, tmp_path, monkeypatch):
    async def refuse(*_: object) -> None:
        raise StoreError("The database does not answer")

    monkeypatch.setattr("vital_cli.commands.backup._note", refuse)
    refused = vital("backup", str(tmp_path / "today.db"))
    assert (refused.exit_code, "does not answer" in refused.stderr) == (1, True)
    assert not (tmp_path / "today.db").exists()


def test_a_restored_store_notes_it_and_the_earlier_one_is_named(vital, stored, tmp_path):
    vital("backup", str(tmp_path / "today.db"))
    restored = vital("restore", str(tmp_path / "today.db"))
    assert restored.exit_code == 0, restored.output
    assert "vital.db.before-" in "".join(restored.stderr.split())
    assert "Keys that were revoked or rotated since then are valid again" in restored.stderr
    assert actions(vital) == ["database_restored"]
