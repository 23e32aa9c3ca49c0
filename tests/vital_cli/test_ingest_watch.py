"""`vital ingest --watch`."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest


@pytest.fixture
def watching(empty_dir, tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nAlpha.\n")
    with subprocess.Popen(
        [sys.executable, "-m", "vital_cli", "ingest", str(folder), "--watch", "--prune"],
        env=os.environ | {"COLUMNS": "300", "VITAL_STORE_SECONDS": "5"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield folder, process
        process.kill()


def until(process, words):
    """Read lines until one has the words; the process's end ends the test."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f'"{words}" was not printed')


@pytest.mark.timeout(120)
def test_changes_are_followed_until_ctrl_c(watching, vital):
    folder, process = watching
    until(process, "Watching")
    (folder / "b.md").write_text("# B\n\nBeta.\n")
    until(process, "added b.md (1 passage)")
    (folder / "a.md").write_text("# A\n\nAlpha two.\n")
    until(process, "updated a.md")
    (folder / "b.md").unlink()
    until(process, "removed b.md")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    listed = vital("documents", "list").stdout
    assert "a.md" in listed
    assert "b.md" not in listed


@pytest.mark.timeout(120)
def test_what_the_store_does_not_take_is_tried_again(watching, empty_dir, vital):
    folder, process = watching
    until(process, "Watching")
    with closing(sqlite3.connect(empty_dir / "vital.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (folder / "b.md").write_text("# B\n\nBeta.\n")
        until(process, "It is tried again.")
        other.execute("ROLLBACK")
    until(process, "added b.md (1 passage)")
    assert "b.md" in vital("documents", "list").stdout
