"""Workflows of the configuration are named on the command line as they are over HTTP."""

import json

import pytest

SOURCE = """
from vital_shared import Pause, Workflow, node


class Letter(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> str:
        raise Pause(query)

    @node
    async def answer(self, verdict: str) -> str:
        return verdict.upper()


class Shout(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return query.upper()
"""


@pytest.fixture
def configured(empty_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "post.py").write_text(SOURCE)
    (tmp_path / "vital.toml").write_text('[workflows]\nmail = "post.py:Letter"\nshout = "post.py:Shout"\n')
    monkeypatch.setenv("VITAL_CONFIG", "vital.toml")


def test_a_configured_workflow_is_asked_by_its_name(vital, configured):
    assert vital("ask", "--workflow", "shout", "hello").stdout.strip() == "HELLO"


def test_the_workflow_that_the_engine_serves_by_default_is_asked_by_default(vital, configured, tmp_path):
    (tmp_path / "vital.toml").write_text('[workflows]\nmail = "post.py:Letter"\ndefault = "post.py:Letter"\n')
    assert '"mail" and as "default"' in vital("ask", "Send it?").stderr
    (tmp_path / "vital.toml").write_text('[workflows]\nshout = "post.py:Shout"\ndefault = "post.py:Letter"\n')
    waiting = vital("ask", "Send it?", "--approve", "none")
    assert waiting.exit_code == 3
    assert "--workflow" not in waiting.stderr
    assert "vital resume run_" in waiting.stderr


def test_a_configured_workflow_is_drawn_by_its_name(vital, configured):
    assert "verdict" in vital("graph", "mail", "--text").stdout


@pytest.mark.parametrize("command", [("ask", "--workflow", "maul", "hello"), ("graph", "maul")])
def test_a_name_that_is_not_configured_is_refused_with_those_that_are(vital, configured, command):
    refused = vital(*command)
    assert refused.exit_code == 2
    assert 'There is no workflow "maul"' in refused.stderr
    assert "mail, shout" in refused.stderr


def test_a_run_of_a_configured_workflow_is_resumed_without_its_name(vital, configured):
    vital("ask", "--workflow", "mail", "Send it?")
    (waiting,) = json.loads(vital("approvals", "--json").stdout)["approvals"]
    assert waiting["workflow"] == "mail"
    assert "mail" in vital("approvals").stdout
    assert json.loads(vital("run", waiting["run_id"], "--json").stdout)["workflow"] == "mail"
    resumed = vital("resume", waiting["run_id"], "--answer", "verdict=yes")
    assert resumed.stdout.strip() == "YES"


def test_runs_are_listed_and_found_by_the_names_of_the_configuration(vital, configured):
    for name in ("shout", "mail"):
        vital("ask", "--workflow", name, "hello")
    listed = json.loads(vital("runs", "list", "--json").stdout)["runs"]
    assert {run["workflow"] for run in listed} == {"shout", "mail"}
    (found,) = json.loads(vital("runs", "list", "--json", "--workflow", "mail").stdout)["runs"]
    assert found["status"] == "awaiting_approval"
    assert "mail" in vital("runs", "list", "--workflow", "mail").stdout
