"""The file of a batch's results, which one process at a time writes."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest
from pydantic import Field

from vital_cli.batch import results
from vital_cli.batch.lines import BatchLine, read_lines
from vital_cli.batch.results import ResultsFile
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import WorkflowInput

QUESTIONS = (BatchLine(number=1, custom_id=None, request=None, error="", key="k"),)

MORE = (*QUESTIONS, BatchLine(number=2, custom_id=None, request=None, error="", key="l"))


def add(path: Path, questions: tuple[BatchLine, ...], *responses: str) -> None:
    """Let a batch end with these answers, those of earlier starts aside."""
    with ResultsFile.open(path, questions) as file:
        for question, response in zip(questions, responses, strict=False):
            file.add(question, {"status": "completed", "output": response})
        file.finish()


def responses(path: Path) -> list[str]:
    return [json.loads(line)["output"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_batch_that_begins_as_another_ends_keeps_the_results_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It has the file open, and waits for the lock, when the other one puts the ordered results there."""
    path = tmp_path / "results.jsonl"
    lock = results._lock
    others: list[IO[bytes]] = []

    def late(locked: Path, file: IO[bytes]) -> None:
        if not others:
            others.append(file)
            with ResultsFile.open(path, QUESTIONS) as first:
                first.add(QUESTIONS[0], {"status": "completed", "response": "So."})
                first.finish()
        lock(locked, file)

    monkeypatch.setattr(results, "_lock", late)
    with ResultsFile.open(path, QUESTIONS) as second:
        assert second.has_answer(QUESTIONS[0])
        second.add(QUESTIONS[0], {"status": "completed", "response": "Thus."})
    kept = [json.loads(line)["response"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert kept == ["So.", "Thus."]
    with path.open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_result_that_is_cut_within_a_character_is_cut_off(tmp_path: Path):
    """A full disk, or a kill, ends a file anywhere."""
    path = tmp_path / "results.jsonl"
    with ResultsFile.open(path, MORE) as file:
        for question in MORE:
            file.add(question, {"status": "completed", "output": "für"})
    path.write_bytes(path.read_bytes().rpartition(b"\xbc")[0])
    with ResultsFile.open(path, MORE) as file:
        assert [file.has_answer(question) for question in MORE] == [True, False]
        file.add(MORE[1], {"status": "completed", "output": "über"})
    assert responses(path) == ["für", "über"]


def test_answers_are_kept_whose_questions_are_no_longer_in_the_file(tmp_path: Path):
    path = tmp_path / "results.jsonl"
    former = tmp_path / "results.jsonl.former"
    add(path, MORE, "one", "two")
    assert not former.exists()
    add(path, MORE[1:])
    assert (responses(path), responses(former)) == (["two"], ["one"])
    add(path, MORE[1:])
    assert (responses(path), responses(former)) == (["two"], ["one"])
    with ResultsFile.open(path, MORE) as file:
        assert all(file.has_answer(question) for question in MORE)
    add(path, MORE)
    assert (responses(path), responses(former)) == (["one", "two"], [])


def test_a_full_disk_leaves_the_results_that_were_there_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The limit of a file's size stands in for it: a write fails, and is done in part, just so."""
    path = tmp_path / "results.jsonl"
    add(path, QUESTIONS, "one")
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 60, hard))
        with pytest.raises(InvalidRequest, match="cannot be written: File too large"):
            add(path, MORE, "one", "x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes().startswith(before)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as filled:
        filled.setattr(results.os, "fsync", full)
        with pytest.raises(InvalidRequest, match="cannot be written: No space left on device"):
            add(path, QUESTIONS)
    assert {each.name for each in tmp_path.iterdir()} == {"results.jsonl", "results.jsonl.batch"}
    with ResultsFile.open(path, MORE) as file:
        assert [file.has_answer(question) for question in MORE] == [True, False]
    assert path.read_bytes() == before


def test_a_line_keeps_its_name_where_a_field_is_made_anew_or_came_with_a_new_version(tmp_path: Path):
    """Otherwise what has an answer would be asked, and paid, once more."""

    class Input(WorkflowInput):
        asked_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    class LaterInput(Input):
        tone: str = "plain"

    path = tmp_path / "q.jsonl"
    path.write_text('"Is it so?"\n')
    common = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}
    keys = {read_lines(path, kind, common)[0].key for kind in (Input, Input, LaterInput)}
    assert len(keys) == 1
    other = read_lines(path, LaterInput, {**common, "tone": "polite"})[0].key
    assert other not in keys


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "q.jsonl"
    path.write_text('"Is it so?"\n', encoding="utf-8-sig")
    (line,) = read_lines(path, WorkflowInput, {"mode": "2", "tenant_id": "acme", "user_id": "ann"})
    assert (line.error, line.request and line.request.query) == ("", "Is it so?")
