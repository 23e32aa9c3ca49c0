"""`vital export` and `vital erase`."""

import json
import stat
from zipfile import ZipFile

import pytest

PERSON = ("--tenant", "acme", "--user", "ann")


@pytest.fixture
def asked(vital, data_dir):
    done = vital("ask", "What is a 510(k)?", *PERSON)
    assert done.exit_code == 0, done.output


def test_an_export_is_lines_of_json_on_stdout_or_a_private_file(vital, asked, tmp_path):
    lines = [json.loads(line) for line in vital("export", *PERSON).stdout.splitlines()]
    assert lines[0]["kind"] == "run"
    assert lines[0]["input"]["query"] == "What is a 510(k)?"
    plain, packed = tmp_path / "ann.jsonl", tmp_path / "ann.zip"
    for path in (plain, packed):
        assert vital("export", *PERSON, "--output", str(path)).exit_code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [json.loads(line) for line in plain.read_text().splitlines()] == lines
    with ZipFile(packed) as archive:
        assert archive.read("person.jsonl").decode() == plain.read_text()


def test_an_erased_person_has_nothing_to_export(vital, asked):
    report = json.loads(vital("erase", *PERSON, "--json").stdout)
    assert (report["outcome"], report["rows"]["runs"]) == ("done", 1)
    assert vital("export", *PERSON).stdout == ""
    again = vital("erase", *PERSON)
    assert again.exit_code == 0
    assert "pseudonym" in again.stdout
    assert [json.loads(line)["action"] for line in vital("audit", "--all", "--json").stdout.splitlines()][
        :2
    ] == [
        "person_erased",
        "person_exported",
    ]


@pytest.mark.parametrize("command", ["erase", "export"])
def test_what_is_no_person_is_refused(vital, empty_dir, command):
    refused = vital(command, "--tenant", "acme", "--user", "a b")
    assert refused.exit_code == 2
    assert refused.stderr.count("--user") == 1
    assert vital(command, "--tenant", "acme").exit_code == 2


def test_a_file_that_cannot_be_written_is_named(vital, asked, tmp_path):
    refused = vital("export", *PERSON, "--output", str(tmp_path / "nowhere" / "ann.zip"))
    assert refused.exit_code == 2
    assert "ann.zip cannot be written: No such file or directory" in " ".join(refused.stderr.split())


def test_a_user_of_all_tenants_is_erased_from_the_audit_log(vital, asked):
    assert vital("erase", "--user", "ops").exit_code == 2
    assert vital("erase", *PERSON, "--all-tenants").exit_code == 2
    report = json.loads(vital("erase", "--all-tenants", "--user", "ops", "--json").stdout)
    assert (report["outcome"], report["rows"]["runs"]) == ("done", 0)
    (entry, *_) = [json.loads(line) for line in vital("audit", "--all", "--json").stdout.splitlines()]
    assert (entry["action"], entry["person"]) == ("person_erased", report["pseudonym"])
