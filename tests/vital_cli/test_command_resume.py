"""`vital resume`: answers, edited and denied calls, from the command line."""

import json
import re
import subprocess
import sys

import pytest

SUM = "What is 12 * 3?"
SOURCE = """
from collections.abc import AsyncIterator

from pydantic import BaseModel

from vital_shared import Answer, BaseWorkflow, Done, Pause, node


class Review(BaseModel):
    score: int


class Reviewed(BaseWorkflow):
    @node
    async def pages(self, query: str) -> AsyncIterator[dict[str, int] | Done[int]]:
        yield {"page": 1}
        yield Done(1)

    @node(pauses=True)
    async def review(self, pages: int) -> Review:
        raise Pause({"pages": pages})

    @node(pauses=True)
    async def colour(self, query: str) -> str:
        raise Pause("Which \\x1b[31mcolour?")

    @node
    async def answer(self, review: Review, colour: str) -> Answer:
        return Answer(text=f"{review.score} {colour}")
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "reviewed.py"
    path.write_text(SOURCE)
    return ("--workflow", f"{path}:Reviewed")


def test_a_run_that_waits_for_input_says_so_and_goes_on_with_the_answers(vital, data_dir, own):
    done = vital("ask", "Review!", "--no-rag", "--no-tools", *own)
    assert done.exit_code == 3
    assert 'pages: {"page": 1}' in done.stderr
    assert 'review: {"pages": 1}' in done.stderr
    assert "\x1b" not in done.stderr
    run_id, command = re.search(r"vital resume (run_\w+) (--answer.*)", done.stderr).groups()
    assert command.endswith(" ".join(own))
    assert "--workflow reviewed.py:Reviewed" in vital("run", run_id).stdout
    other = vital("resume", run_id, "--answer", "colour=5")
    assert 'belongs to the workflow "reviewed.py:Reviewed"' in other.stderr
    refused = vital("resume", run_id, "--answer", "colour=5", "--answer", 'review={"score": "4"}', *own)
    assert refused.exit_code == 2
    assert "at score" in refused.stderr
    missing = vital("resume", run_id, "--answer", "colour=5", *own)
    assert (missing.exit_code, "waits for 'review'" in missing.stderr) == (2, True)
    resumed = vital("resume", run_id, "--answer", "colour=5", "--answer", 'review={"score": 4}', *own)
    assert (resumed.exit_code, resumed.stdout.strip()) == (0, "4 5")
    again = vital("resume", run_id, "--answer", "colour=5", "--answer", 'review={"score": 4}', *own)
    assert again.exit_code == 2
    assert again.stderr.endswith("does not wait for an answer or an approval: its status is completed\n")
    shown = vital("run", run_id)
    assert 'local answered review: {"score": 4}' in shown.stdout
    assert [each["subject"] for each in json.loads(vital("run", run_id, "--json").stdout)["decisions"]]


def test_calls_are_edited_and_denied(vital, data_dir):
    run_id = json.loads(vital("ask", SUM, "--mode", "1", "--json").stdout)["run_id"]
    edited = vital("resume", run_id, "--edit", 'call-1={"expression": "6 * 7"}', "--user", "ann", "--json")
    assert json.loads(edited.stdout)["tool_results"][0]["content"] == "6 * 7 = 42"
    assert "ann edited call-1 (calculator)" in vital("run", run_id).stdout
    run_id = json.loads(vital("ask", SUM, "--mode", "1", "--json").stdout)["run_id"]
    denied = json.loads(vital("resume", run_id, "--deny", "call-1=I know it.", "--json").stdout)
    assert denied["tool_results"][0]["error"] == "the user did not approve it: I know it."


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "waits for a decision on the tool calls call-1"),
        (("--edit", "call-1"), "is no CALL=JSON"),
        (("--edit", "call-1=5"), "not a JSON object"),
        (("--edit", "call-1={"), "not JSON"),
        (("--answer", "colour"), "is no NAME=VALUE"),
        (("--deny", "call-9=No."), 'no suggested tool call "call-9"'),
        (("--all", "--approve", "call-1"), "choose one"),
    ],
)
def test_what_is_no_decision_leaves_the_run_waiting(vital, data_dir, options, problem):
    run_id = json.loads(vital("ask", SUM, "--mode", "1", "--json").stdout)["run_id"]
    refused = vital("resume", run_id, *options)
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert vital("resume", run_id, "--all").exit_code == 0


SCRIPT = """
import asyncio

from pydantic import BaseModel
from vital_shared import Pause, Services, Workflow, WorkflowInput, node


class Verdict(BaseModel):
    send: bool


class Letter(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> Verdict:
        raise Pause(query)

    @node
    async def answer(self, verdict: Verdict) -> str:
        return f"sent: {verdict.send}"


async def main():
    services = await Services.open()
    asked = WorkflowInput(query="Send?", mode="2", tenant_id="local", user_id="local")
    print((await Letter(services).execute_typed(asked)).run_id)
    await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("begun", ["script", "python -m", "file", "module"])
@pytest.mark.parametrize("place", ["letters.py:Letter", "letters:Letter"])
def test_a_run_goes_on_however_its_class_was_imported(vital, empty_dir, tmp_path, monkeypatch, begun, place):
    (tmp_path / "letters.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    for loaded in ("letters", "vital_target_letters"):  # of the cases before
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    if begun in ("script", "python -m"):
        how = ("letters.py",) if begun == "script" else ("-m", "letters")
        said = subprocess.run([sys.executable, *how], capture_output=True, text=True, check=True).stdout
    else:
        asked = "letters.py:Letter" if begun == "file" else "letters:Letter"
        said = vital("ask", "Send?", "--workflow", asked).stderr
    run_id = re.search(r"run_\w+", said)[0]
    done = vital("resume", run_id, "--answer", 'verdict={"send": true}', "--workflow", place)
    assert (done.exit_code, done.stdout.strip()) == (0, "sent: True")
    assert " ·  · " not in done.stderr
