"""`vital ingest` and `vital documents`."""

import json

import pytest
from tests.vital_cli.conftest import SAMPLES


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "storage.md").write_text("# Storage\n\nVaccines are stored between 2 and 8 degrees Celsius.\n")
    (folder / "copy.md").write_text("# Storage\n\nVaccines are stored between 2 and 8 degrees Celsius.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 no more")
    return folder


def test_each_file_has_a_result_and_one_that_fails_does_not_stop_the_others(vital, data_dir, folder):
    done = vital("ingest", str(folder), "--json")
    assert done.exit_code == 1
    results = {result["uri"]: result for result in json.loads(done.stdout)}
    assert results["copy.md"]["status"] == "added"
    assert results["storage.md"]["status"] == "duplicate"
    assert results["broken.pdf"]["status"] == "failed"
    assert "broken.pdf" in results["broken.pdf"]["message"]
    listed = json.loads(vital("documents", "list", "--json").stdout)
    assert len(listed) == 4


def test_the_table_states_what_is_new_and_what_is_known(vital, data_dir, tmp_path):
    file = tmp_path / "note.md"
    file.write_text("# Note\n\nFirst words.\n")
    assert "1 file: 1 added." in vital("ingest", str(file)).stderr
    assert "1 file: 1 unchanged." in vital("ingest", str(file)).stderr
    file.write_text("# Note\n\nOther words.\n")
    done = vital("ingest", str(file))
    assert done.exit_code == 0
    assert "1 file: 1 updated." in done.stderr
    assert "note.md" in done.stdout


def test_a_path_that_is_not_there_fails_and_names_itself(vital, data_dir):
    done = vital("ingest", "nowhere.md")
    assert done.exit_code == 1
    assert "nowhere.md does not exist" in done.stdout


def test_a_folder_without_documents_is_bad_input(vital, data_dir, tmp_path):
    (tmp_path / "void").mkdir()
    done = vital("ingest", str(tmp_path / "void"))
    assert done.exit_code == 2
    assert "There is no readable file in" in done.stderr


def test_without_models_there_is_a_hint(vital, empty_dir):
    done = vital("ingest", str(SAMPLES / "orphan-drugs.md"))
    assert done.exit_code == 0
    assert "run `vital models install`" in done.stderr


def test_a_tenants_documents_are_its_own(vital, data_dir, folder):
    vital("ingest", str(folder / "storage.md"), "--tenant", "acme")
    question = ("ask", "At which temperature are vaccines stored?", "--json", "--tenant")
    assert "2 and 8 degrees" in json.loads(vital(*question, "acme").stdout)["response"]
    assert "degrees" not in json.loads(vital(*question, "umbrella").stdout)["response"]
    assert "storage.md" in vital("documents", "list", "--tenant", "acme").stdout
    assert "storage.md" not in vital("documents", "list", "--tenant", "umbrella").stdout
    assert "storage.md" in vital("documents", "list").stdout


def test_a_document_is_shown_and_deleted(vital, data_dir):
    first = json.loads(vital("documents", "list", "--json").stdout)[0]
    assert first["uri"] in vital("documents", "show", first["id"]).stdout
    assert json.loads(vital("documents", "show", first["id"], "--json").stdout) == first
    assert vital("documents", "delete", first["id"], "--tenant", "acme").exit_code == 2
    assert vital("documents", "delete", first["id"]).exit_code == 0
    gone = vital("documents", "show", first["id"])
    assert gone.exit_code == 2
    assert f"There is no document {first['id']}" in gone.stderr


def test_an_empty_store_is_said_to_be_empty(vital, empty_dir):
    done = vital("documents", "list")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "There are no documents yet" in done.stderr
    assert json.loads(vital("documents", "list", "--json").stdout) == []
