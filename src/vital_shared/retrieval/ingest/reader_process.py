"""A process that reads documents, seen from the outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import BinaryIO, Final, cast

from vital_shared.retrieval.ingest.frames import read_frame, write_frame

__all__ = ["ReaderProcess"]

MODULE: Final = "vital_shared.retrieval.ingest.reader_main"

ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""Variables that Python needs to start; no others, since these hold keys and passwords."""


class ReaderProcess:
    """One process of `reader_main`. Blocks: to be used in a thread.

    :raises OSError: when the system starts no further process.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the command is this one
            [sys.executable, "-B", "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is for the process that started this one
        )

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, request: bytes, max_bytes: int) -> bytes:
        """Send a request and wait for its answer.

        :raises EOFError: when the process ends instead.
        :raises FrameTooLarge: when the answer is longer than `max_bytes`.
        """
        try:
            write_frame(cast("BinaryIO", self._process.stdin), request)
        except (BrokenPipeError, ConnectionError) as error:
            raise EOFError from error
        return read_frame(cast("BinaryIO", self._process.stdout), max_bytes)

    def kill(self) -> None:
        """End it and what it has started; an `ask` in another thread ends with `EOFError`."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, and wait for its end."""
        self.kill()
        self._process.communicate()
