"""The reading of one document in a process of its own, within its limits."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Timer

from vital_shared.errors import IngestError
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.ingest.frames import FrameTooLarge
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.read import Contents
from vital_shared.retrieval.ingest.reader_process import ReaderProcess

__all__ = ["DocumentToRead", "Reading", "Refused"]


@dataclass(frozen=True, slots=True)
class DocumentToRead:
    """A document to read.

    :param declared: the media type with its parameters.
    """

    data: bytes
    uri: str
    media_type: str
    declared: str | None
    limits: Limits


class Reading:
    """The reading of one document, which may be stopped from another thread."""

    def __init__(self, upload: DocumentToRead) -> None:
        self._upload = upload
        self._lock = Lock()
        self._process: ReaderProcess | None = None
        self._is_late = self._is_stopped = False

    def run(self, process: ReaderProcess) -> Contents:
        """Read it in a process, which cannot be used again after an error.

        :raises IngestError: when it cannot be read, or goes beyond the limits.
        """
        limits, uri = self._upload.limits, self._upload.uri
        with self._killed_when_late(process):
            try:
                answer = json.loads(process.ask(self._request(), limits.output_bytes))
            except EOFError as error:
                raise IngestError(self._why_it_ended(), path=uri) from error
            except FrameTooLarge as error:
                raise IngestError(f"{uri} holds more text than can be stored: split it.", path=uri) from error
        if "memory" in answer:
            raise IngestError(_too_much_memory(uri, limits), path=uri)
        if "error" in answer:
            raise Refused(answer["error"], path=uri)
        chunks = tuple(Chunk(section=section, text=text) for section, text in answer["chunks"])
        return Contents(answer["title"], chunks, tuple(answer["notes"]))

    def stop(self) -> None:
        """End the process: nobody waits for the result."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    @contextmanager
    def _killed_when_late(self, process: ReaderProcess) -> Iterator[None]:
        with self._lock:
            self._process = process
            if self._is_stopped:
                process.kill()
        timer = Timer(self._upload.limits.seconds, self._kill_late, [process])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._process = None

    def _kill_late(self, process: ReaderProcess) -> None:
        with self._lock:
            if self._process is process:
                self._is_late = True
                process.kill()

    def _request(self) -> bytes:
        upload = self._upload
        return pickle.dumps((upload.data, upload.uri, upload.media_type, upload.declared, upload.limits))

    def _why_it_ended(self) -> str:
        uri, limits = self._upload.uri, self._upload.limits
        if self._is_late:
            return f"{uri} takes longer than {limits.seconds:g} seconds to read: split it."
        return (
            f"{uri} cannot be read: the process that read it broke off, so it may be damaged, or take more "
            f"than {limits.memory_bytes / 1_000_000:g} MB of memory."
        )


class Refused(IngestError):
    """A document that the process has refused in good order, so that it may read the next one."""


def _too_much_memory(uri: str, limits: Limits) -> str:
    return f"{uri} takes more than {limits.memory_bytes / 1_000_000:g} MB of memory to read: split it."
