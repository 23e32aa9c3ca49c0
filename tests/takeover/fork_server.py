"""A process that has loaded the engine once, and forks one for each job: a start costs milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.takeover.crash import CrashPoint

__all__ = ["ForkServer", "fork_server"]

ROOT = Path(__file__).parents[2]


class ForkServer:
    """The parent's side.

    :param process: reads jobs as lines of JSON, and writes the status of each.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def prepare(self, folder: Path) -> None:
        """Make the database of a folder."""
        assert self._do(job="prepare", folder=str(folder)) == 0

    def run(self, folder: Path, flow: str, point: CrashPoint | None) -> bool:
        """Run an engine, and return whether it ended by itself; otherwise it died at its point."""
        status = self._do(job="run", folder=str(folder), flow=flow, point=point)
        assert status in (0, -9), (folder / "error").read_text()
        return status == 0

    def begin(self, job: str, folder: Path, seconds: float) -> None:
        """Let a job of some seconds begin; `end` waits for it."""
        self._send(job=job, folder=str(folder), seconds=seconds)

    def end(self, folder: Path) -> None:
        """Wait for the job that was begun."""
        assert self._receive() == 0, (folder / "error").read_text()

    def _do(self, **job: Any) -> int:
        self._send(**job)
        return self._receive()

    def _send(self, **job: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def _receive(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Start one, and stop it in the end."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.takeover.fork_server"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield ForkServer(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    from tests.takeover import engine_process

    for line in sys.stdin:
        job = json.loads(line)
        folder = Path(job["folder"])
        child = os.fork()
        if child == 0:
            os._exit(_work(engine_process, job, folder))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


def _work(engine_process: Any, job: dict[str, Any], folder: Path) -> int:
    output = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        match job["job"]:
            case "prepare":
                engine_process.prepare(folder)
            case "run":
                point = job["point"] and CrashPoint(*job["point"])
                engine_process.run_engine(folder, job["flow"], point)
            case "serve_busily":
                engine_process.serve_busily(folder, job["seconds"])
            case "look_for_orphans":
                engine_process.look_for_orphans(folder, job["seconds"])
    except BaseException:  # noqa: BLE001 - the parent shows it
        (folder / "error").write_text(traceback.format_exc())
        return 1
    return 0


if __name__ == "__main__":
    _serve()
