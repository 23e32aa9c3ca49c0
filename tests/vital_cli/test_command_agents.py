"""`vital agents`."""

import json
import sys

import pytest


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Let `agents edit` replace a text in the file, or fail."""

    def use(old: str, new: str, code: int = 0) -> None:
        script = tmp_path / "editor.py"
        script.write_text(
            "import sys, pathlib\n"
            "path = pathlib.Path(sys.argv[1])\n"
            f"path.write_text(path.read_text().replace({old!r}, {new!r}))\n"
            f"sys.exit({code})\n"
        )
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return use


def test_the_shipped_agents_are_listed(vital, empty_dir):
    done = vital("agents", "list")
    assert done.exit_code == 0
    for name in ("generalist", "regulatory-expert", "clinical-evidence-analyst"):
        assert name in done.stdout
    assert {agent["tenant_id"] for agent in json.loads(vital("agents", "list", "--json").stdout)} == {None}


def test_what_show_prints_as_json_is_what_save_takes(vital, empty_dir, tmp_path):
    profile = json.loads(vital("agents", "show", "generalist", "--json").stdout)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(profile | {"id": "mine", "name": "My own"}))
    assert vital("agents", "save", str(file), "--tenant", "acme").exit_code == 0
    assert "My own" in vital("agents", "show", "mine", "--tenant", "acme").stdout
    assert vital("agents", "show", "mine", "--tenant", "umbrella").exit_code == 2
    assert vital("agents", "delete", "mine", "--tenant", "acme").exit_code == 0
    assert vital("agents", "show", "mine", "--tenant", "acme").exit_code == 2


def test_save_reads_stdin(vital, empty_dir):
    profile = vital("agents", "show", "generalist", "--json").stdout.replace('"generalist"', '"piped"')
    assert vital("agents", "save", "-", stdin=profile).exit_code == 0
    assert vital("agents", "show", "piped").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the file is not valid"),
        ('{"id": "A B", "name": "x", "system_prompt": "y"}', "its field id must match"),
        ('{"id": "a", "name": "x"}', "its field system_prompt is missing."),
    ],
)
def test_a_file_that_is_no_agent_is_refused_with_the_field(vital, empty_dir, text, said):
    done = vital("agents", "save", "-", stdin=text)
    assert done.exit_code == 2
    assert said in done.stderr


def test_edit_stores_what_the_editor_leaves(vital, empty_dir, editor):
    editor('"Generalist"', '"Edited"')
    assert vital("agents", "edit", "generalist", "--tenant", "acme").exit_code == 0
    assert "Edited" in vital("agents", "show", "generalist", "--tenant", "acme").stdout
    assert "Edited" not in vital("agents", "show", "generalist").stdout


def test_edit_without_a_change_stores_nothing(vital, empty_dir, editor):
    editor("", "")
    done = vital("agents", "edit", "generalist", "--tenant", "acme")
    assert done.exit_code == 0
    assert "Nothing was changed" in done.stderr
    assert all(agent["tenant_id"] is None for agent in json.loads(vital("agents", "list", "--json").stdout))


def test_a_bad_edit_is_refused_and_the_work_kept(vital, empty_dir, editor, tmp_path):
    editor('"name"', '"nom"')
    done = vital("agents", "edit", "generalist")
    assert done.exit_code == 2
    (kept,) = tmp_path.glob("generalist-*.json")
    assert str(kept) in done.stderr
    assert '"nom"' in kept.read_text()


def test_an_editor_that_fails_stores_nothing(vital, empty_dir, editor, monkeypatch):
    editor('"Generalist"', '"Edited"', code=1)
    assert vital("agents", "edit", "generalist").exit_code == 2
    monkeypatch.setenv("EDITOR", "/nowhere/editor")
    done = vital("agents", "edit", "generalist")
    assert done.exit_code == 2
    assert "does not start" in done.stderr
    assert "Edited" not in vital("agents", "show", "generalist").stdout


def test_a_tenant_may_not_delete_a_shared_agent(vital, empty_dir):
    done = vital("agents", "delete", "generalist", "--tenant", "acme")
    assert done.exit_code == 2
    assert "shared by all tenants" in done.stderr
