"""Workers at full processor load beside one that looks for orphans: `python -m tests.takeover.false_takeovers`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.takeover.fork_server import fork_server

__all__ = ["Outcome", "under_full_load"]

BURN = "while True: pass"


class Outcome(NamedTuple):
    """The ends of the runs."""

    runs: int
    completed: int
    takeovers: int


def under_full_load(folder: Path, seconds: float) -> Outcome:
    """Let a live worker's loop be blocked for longer than its lease, again and again, on a busy machine.

    :param folder: empty.
    :param seconds: how long.
    """
    with ExitStack() as stack:
        busy, idle = (stack.enter_context(fork_server()) for _ in range(2))
        busy.prepare(folder)
        stack.enter_context(_burners())
        idle.begin("look_for_orphans", folder, seconds + 5)
        busy.begin("serve_busily", folder, seconds)
        busy.end(folder)
        idle.end(folder)
    with closing(sqlite3.connect(folder / "vital.db")) as connection:
        statement = "SELECT count(*), sum(status = 'completed'), sum(epoch) FROM runs"
        return Outcome(*connection.execute(statement).fetchone())


@contextmanager
def _burners() -> Iterator[None]:
    """Keep each core busy with a process that does nothing else."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in burners:
            each.kill()
            each.wait()


def main() -> int:
    """Run it; the exit code is 1 where a live worker was taken for dead."""
    parser = argparse.ArgumentParser(prog="python -m tests.takeover.false_takeovers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3_600.0)
    with tempfile.TemporaryDirectory(prefix="vital-busy-") as folder:
        outcome = under_full_load(Path(folder), parser.parse_args().seconds)
    print(outcome)  # noqa: T201 - the result
    return int(outcome.takeovers > 0 or outcome.completed < outcome.runs)


if __name__ == "__main__":
    sys.exit(main())
