"""`vital sources`, and `vital ingest --to`."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.postgres_server import PostgresServer, source_database


@pytest.fixture
def supabase(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    url = source_database(postgres)
    monkeypatch.setenv("VITAL_SUPABASE_URL", url)
    return url


def rows(vital) -> dict[str, dict[str, object]]:
    return {row["source"]: row for row in json.loads(vital("sources", "list", "--json").stdout)}


def test_each_source_is_listed_with_what_it_holds_or_needs(vital, data_dir):
    found = rows(vital)
    assert (found["memory"]["healthy"], found["memory"]["dimension"]) == (True, 384)
    assert found["memory"]["passages"] > 10
    assert (found["supabase"]["configured"], found["supabase"]["note"]) == (False, "set VITAL_SUPABASE_URL")
    assert "not configured" in vital("sources", "list").stdout


def test_a_filled_source_is_listed_asked_and_follows(vital, data_dir, supabase, tmp_path):
    assert "run `vital sources sync supabase`" in str(rows(vital)["supabase"]["note"])
    done = vital("sources", "sync", "supabase")
    assert done.exit_code == 0
    assert "supabase: 3 documents written" in done.stderr
    found = rows(vital)
    assert found["supabase"]["passages"] == found["memory"]["passages"]
    assert found["supabase"]["embedder"] == found["memory"]["embedder"]
    assert found["supabase"]["behind"] == 0
    passages = json.loads(vital("sources", "test", "supabase", "What is a 510(k)?", "--json").stdout)
    assert passages[0]["source"] == "supabase"
    assert passages[0]["uri"] == "510k-premarket-notification.md"

    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    assert "supabase: 1 document written (1 passage), 0 deleted." in vital("ingest", str(note)).stderr
    passages = json.loads(vital("sources", "test", "supabase", "Zebras", "--json").stdout)
    assert passages[0]["uri"] == "zebras.md"
    vital("documents", "delete", passages[0]["document_id"])
    asked = vital("sources", "test", "supabase", "Zebras", "--json")
    assert "zebras.md" not in asked.stdout


def test_ingest_fills_the_source_that_is_named(vital, data_dir, supabase, tmp_path):
    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    done = vital("ingest", str(note), "--to", "supabase")
    assert done.exit_code == 0
    assert "supabase: 4 documents written" in done.stderr
    assert "zebras.md" in vital("sources", "test", "supabase", "Zebras").stdout


def test_a_source_that_is_not_configured_is_said_to_be_before_anything_is_read(vital, data_dir, tmp_path):
    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    done = vital("ingest", str(note), "--to", "supabase")
    assert done.exit_code == 2
    assert "The source supabase is not configured: set VITAL_SUPABASE_URL." in done.stderr
    assert len(json.loads(vital("documents", "list", "--json").stdout)) == 3
    assert "choose supabase or pinecone" in vital("sources", "sync", "weaviate").stderr


def test_a_source_that_has_gone_away_keeps_no_document_from_being_stored(
    vital, data_dir, supabase, tmp_path, monkeypatch
):
    vital("sources", "sync", "supabase")
    monkeypatch.setenv("VITAL_SUPABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    note = tmp_path / "zebras.md"
    note.write_text("# Zebras\n\nZebras are exempt from the fee.\n")
    done = vital("ingest", str(note))
    assert done.exit_code == 0
    assert "run `vital sources sync supabase`" in done.stderr
    row = rows(vital)["supabase"]
    assert (row["configured"], row["healthy"]) == (True, False)
    assert "VITAL_SUPABASE_URL" in str(row["note"])
    assert vital("sources", "test", "supabase", "Zebras").exit_code == 1
    monkeypatch.setenv("VITAL_SUPABASE_URL", supabase)
    assert rows(vital)["supabase"]["behind"] == 1
    assert "supabase: 1 document written" in vital("sources", "sync", "supabase").stderr


def test_the_commands_of_the_guide_do_what_it_says(vital, data_dir, supabase, monkeypatch):
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    guide = (root / "docs" / "guide.md").read_text(encoding="utf-8")
    (block,) = (
        text for text in re.findall(r"```bash\n(.*?)```", guide, re.DOTALL) if "vital sources" in text
    )
    commands = [shlex.split(line)[1:] for line in block.splitlines() if line.startswith("vital ")]
    done = [vital(*command) for command in commands]
    assert [each.exit_code for each in done] == [0] * len(commands)
    ingested, listed, tested, synced = done
    assert re.search(r"supabase: \d+ documents written", ingested.stderr)
    assert "healthy" in listed.stdout
    assert "510k-premarket-notification.md" in tested.stdout
    assert "supabase: 0 documents written (0 passages), 0 deleted." in synced.stderr


def test_a_reindex_with_the_model_in_use_changes_nothing_and_one_without_a_model_asks_for_it(vital, data_dir):
    before = rows(vital)["memory"]
    assert (
        "embedded with bge-small-en-v1.5 already"
        in vital("sources", "reindex", "--embedder", "english").stderr
    )
    assert rows(vital)["memory"] == before
    asked = vital("sources", "reindex")
    assert asked.exit_code != 0
    assert "--embedder multilingual" in asked.stderr + str(asked.exception)
