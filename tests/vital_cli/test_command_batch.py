"""`vital batch`: each line is answered once, however often the command is started; real processes and DBOS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.provider import MODEL, Provider, running_provider
from tests.vital_cli.conftest import COMMAND

pytestmark = pytest.mark.long

OPTIONS = ("--set", f"model={MODEL}", "--set", "enable_rag=false", "--set", "enable_tools=false")

SHOUT = """
from vital_shared import Workflow, WorkflowInput, node


class ShoutInput(WorkflowInput):
    query: str = "Shout."
    word: str
    times: int = 1


class Shout(Workflow[ShoutInput, None]):
    @node
    async def answer(self, word: str, times: int) -> str:
        return word.upper() * times
"""


async def start(folder: Path, *arguments: str, **environment: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    chosen = {"VITAL_DATA_DIR": str(folder), "VITAL_LEASE_SECONDS": "2"} | environment
    return await asyncio.create_subprocess_exec(
        str(COMMAND), "batch", *arguments, env=inherited | chosen, stdout=PIPE, stderr=PIPE, cwd=folder
    )


async def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await start(folder, *arguments, **environment)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def results(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def responses(path: Path) -> Mapping[int, str]:
    return {each["line"]: each["output"]["response"] for each in results(path)}


async def until_asked(provider: Provider, calls: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if len(provider.log.calls) >= calls:
                return
            await asyncio.sleep(0.02)


async def test_a_killed_batch_goes_on_and_asks_nothing_twice_that_was_answered(tmp_path: Path):
    questions = write(tmp_path / "q.jsonl", *(f"chaos-{number}" for number in range(6)))
    limits = {"VITAL_BACKGROUND_RUNS_PER_TENANT": "2"}
    async with running_provider(seconds=0.5) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first = await start(tmp_path, "q.jsonl", *OPTIONS, **limits)
        await until_asked(provider, 3)  # two are answered, and one is under way at least
        os.kill(first.pid, signal.SIGKILL)
        await first.communicate()
        code, _, err = await run(tmp_path, "q.jsonl", *OPTIONS, **limits)
        assert (code, "6 answered" in err) == (0, True), err
        calls = len(provider.log.calls)
        assert await run(tmp_path, "q.jsonl", *OPTIONS, **limits) == (0, "", err)
        assert len(provider.log.calls) == calls <= 6 + 2
    found = results(questions.with_suffix(".results.jsonl"))
    assert [each["line"] for each in found] == [1, 2, 3, 4, 5, 6]
    assert [f"chaos-{n}" in each["output"]["response"] for n, each in enumerate(found)] == [True] * 6
    assert len({each["run_id"] for each in found}) == 6


async def test_the_calls_of_a_killed_batch_are_in_the_ledger_with_those_that_were_made_again(tmp_path: Path):
    write(tmp_path / "q.jsonl", *(f"chaos-{number}" for number in range(4)))
    async with running_provider(seconds=1.0) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first = await start(tmp_path, "q.jsonl", *OPTIONS)
        await until_asked(provider, 3)
        os.kill(first.pid, signal.SIGKILL)
        await first.communicate()
        assert (await run(tmp_path, "q.jsonl", *OPTIONS))[0] == 0
    answered = {call.id for call in provider.log.calls if call.is_answered}
    with closing(sqlite3.connect(tmp_path / "vital.db")) as connection:
        statement = "SELECT raw_usage, estimated FROM ledger WHERE cost_type = 'llm'"
        rows = [
            (json.loads(usage or "{}").get("call"), flag) for usage, flag in connection.execute(statement)
        ]
    assert {call for call, flag in rows if not flag} == answered
    assert len(rows) == len(provider.log.calls) > len(answered)


async def test_a_wrong_line_is_an_error_of_its_own_and_equal_lines_are_answered_each(tmp_path: Path):
    (tmp_path / "shout.py").write_text(SHOUT)
    (tmp_path / "q.jsonl").write_text(
        '{"word": "ah", "custom_id": "first"}\n\n{"word": "ah"}\n{"word": "ah"}\n{"times": 2}\nnot JSON\n[1]\n'
    )
    code, out, _ = await run(
        tmp_path,
        "q.jsonl",
        "--workflow",
        "shout.py:Shout",
        "--set",
        "times=2",
        "--json",
        "--results",
        "r.jsonl",
    )
    assert code == 1
    assert {"lines": 6, "completed": 3, "waiting": 0, "failed": 3}.items() <= json.loads(out).items()
    found = results(tmp_path / "r.jsonl")
    assert [(each["line"], each["status"], each["custom_id"]) for each in found] == [
        (1, "completed", "first"),
        (3, "completed", None),
        (4, "completed", None),
        (5, "failed", None),
        (6, "failed", None),
        (7, "failed", None),
    ]
    assert found[0]["output"]["response"] == "AHAH"
    assert found[3]["error"] == {"type": "invalid", "message": "word is missing."}
    assert len({each["run_id"] for each in found[:3]}) == 3


@pytest.mark.thorough
async def test_ctrl_c_leaves_a_batch_that_goes_on(tmp_path: Path):
    write(tmp_path / "q.jsonl", "chaos-0", "chaos-1")
    async with running_provider(seconds=600) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first = await start(tmp_path, "q.jsonl", *OPTIONS)
        await until_asked(provider, 1)
        first.send_signal(signal.SIGINT)
        _, err = await first.communicate()
        provider.seconds = 0.1
        assert (first.returncode, b"the same command goes on" in err) == (130, True), err
        code, _, err = await run(tmp_path, "q.jsonl", *OPTIONS)
        assert (code, "2 answered" in err) == (0, True), err
    assert set(responses(tmp_path / "q.results.jsonl")) == {1, 2}


@pytest.mark.thorough
async def test_it_is_cancelled_and_asked_anew_by_the_next_start(tmp_path: Path):
    write(tmp_path / "q.jsonl", "chaos-0", "chaos-1")
    async with running_provider(seconds=600) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first = await start(tmp_path, "q.jsonl", *OPTIONS)
        await until_asked(provider, 1)
        os.kill(first.pid, signal.SIGKILL)
        await first.communicate()
        provider.seconds = 0.1
        code, _, err = await run(tmp_path, "q.jsonl", *OPTIONS, "--cancel")
        assert (code, "Cancelled" in err) == (0, True), err
        assert (await run(tmp_path, "q.jsonl", *OPTIONS))[0] == 0
    assert len(responses(tmp_path / "q.results.jsonl")) == 2


@pytest.mark.thorough
async def test_two_at_once_on_one_file_of_results_are_refused(tmp_path: Path):
    write(tmp_path / "q.jsonl", "chaos-0")
    async with running_provider(seconds=600) as provider:
        (tmp_path / "vital.toml").write_text(provider.configuration)
        first = await start(tmp_path, "q.jsonl", *OPTIONS)
        await until_asked(provider, 1)
        code, _, err = await run(tmp_path, "q.jsonl", *OPTIONS)
        os.kill(first.pid, signal.SIGKILL)
        await first.communicate()
    assert (code, "Another `vital batch` works on" in err) == (2, True), err


@pytest.mark.thorough
async def test_files_that_cannot_be_a_batch_are_refused(tmp_path: Path):
    (tmp_path / "empty.jsonl").write_text("\n")
    write(tmp_path / "twice.jsonl", *({"query": f"{n}?", "custom_id": "a"} for n in range(2)))
    for name, message in (
        ("missing.jsonl", "cannot be read"),
        ("empty.jsonl", "holds no question"),
        ("twice.jsonl", 'custom_id "a"'),
    ):
        code, _, err = await run(tmp_path, name)
        assert (code, message in err) == (2, True), err
