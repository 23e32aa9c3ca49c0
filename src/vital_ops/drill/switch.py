"""The way to kill a drill's engine, and to keep it from serving until it may."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

__all__ = ["kill_engine", "release_engine", "wait_until_released"]

PID_FILE: Final = "engine.pid"
HELD_FILE: Final = "engine.held"

LOOK_SECONDS: Final = 0.1


def wait_until_released(folder: Path) -> None:
    """Write this process's id for `kill_engine`, and wait while engines are held; called by the engine."""
    (folder / PID_FILE).write_text(str(os.getpid()), encoding="ascii")
    while (folder / HELD_FILE).exists():
        time.sleep(LOOK_SECONDS)


def kill_engine(folder: Path) -> None:
    """Kill the engine as a crash does (SIGKILL), and hold the one that is started in its place."""
    (folder / HELD_FILE).touch()
    os.kill(int((folder / PID_FILE).read_text(encoding="ascii")), signal.SIGKILL)


def release_engine(folder: Path) -> None:
    """Let the engine that is held serve."""
    (folder / HELD_FILE).unlink(missing_ok=True)
