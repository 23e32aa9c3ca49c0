"""The file of a batch's results, which one process at a time writes."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import IO

import pytest

from vital_cli.batch import results
from vital_cli.batch.lines import BatchLine
from vital_cli.batch.results import ResultsFile

QUESTIONS = (BatchLine(number=1, custom_id=None, request=None, error="", key="k"),)


def test_a_batch_that_begins_as_another_ends_keeps_the_results_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It has the file open, and waits for the lock, when the other one puts the ordered results there."""
    path = tmp_path / "results.jsonl"
    lock = results._lock
    others: list[IO[str]] = []

    def late(locked: Path, file: IO[str]) -> None:
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
