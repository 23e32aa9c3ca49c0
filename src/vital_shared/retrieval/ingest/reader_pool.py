"""Documents are read in processes that can be killed, so that a broken or hostile one harms no other."""

from __future__ import annotations

import asyncio
import atexit
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Timer
from typing import Final

from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.read import Contents
from vital_shared.retrieval.ingest.reader_process import ReaderProcess
from vital_shared.retrieval.ingest.reading import DocumentToRead, Reading, Refused

__all__ = ["READERS", "ReaderPool"]

PROCESSES: Final = 3
"""Documents that are read at once; further ones wait."""

IDLE_SECONDS: Final = 60.0
"""Time after which a process that nobody needs is ended."""


class ReaderPool:
    """Processes that read documents; started when needed, ended when idle. For all event loops and threads.

    :param processes: number of processes that run at once.
    :param idle_seconds: time after which a process that is not used is ended.
    """

    def __init__(self, processes: int = PROCESSES, idle_seconds: float = IDLE_SECONDS) -> None:
        self._threads = ThreadPoolExecutor(max_workers=processes, thread_name_prefix="vital-reader")
        self._idle_seconds = idle_seconds
        self._lock = Lock()
        self._idle: dict[ReaderProcess, Timer] = {}
        """Processes that wait for a document, and what ends them after a while."""

    async def read(
        self, data: bytes, *, uri: str, media_type: str, declared: str | None, limits: Limits
    ) -> Contents:
        """Parse a file and split it; cancelling it ends the process.

        :param declared: the media type with its parameters, of which the charset is used.
        :raises IngestError: when it cannot be read, holds no text or goes beyond the limits.
        """
        reading = Reading(DocumentToRead(data, uri, media_type, declared, limits))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, reading)
        except asyncio.CancelledError:
            reading.stop()
            raise

    def close(self) -> None:
        """End the idle processes."""
        while (process := self._take_idle()) is not None:
            process.close()

    def _run(self, reading: Reading) -> Contents:
        process = self._take()
        try:
            contents = reading.run(process)
        except Refused:
            self._give_back(process)
            raise
        except BaseException:
            process.close()
            raise
        self._give_back(process)
        return contents

    def _take(self) -> ReaderProcess:
        while True:
            process = self._take_idle()
            if process is None:
                return ReaderProcess()
            if process.is_alive:
                return process
            process.close()

    def _take_idle(self) -> ReaderProcess | None:
        with self._lock:
            if not self._idle:
                return None
            process, timer = self._idle.popitem()
        timer.cancel()
        return process

    def _give_back(self, process: ReaderProcess) -> None:
        timer = Timer(self._idle_seconds, self._retire, [process])
        timer.daemon = True
        with self._lock:
            self._idle[process] = timer
        timer.start()

    def _retire(self, process: ReaderProcess) -> None:
        """End a process that has been idle for long."""
        with self._lock:
            is_idle = self._idle.pop(process, None) is not None
        if is_idle:
            process.close()


READERS: Final = ReaderPool()
"""The processes of this one; `ReaderPool` starts none before the first document."""

atexit.register(READERS.close)
