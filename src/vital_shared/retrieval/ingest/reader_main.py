"""The process that reads documents: one after another, from stdin to stdout, until stdin ends.

It has neither secrets nor the right to write files, and the system kills it first when memory is short.
"""

from __future__ import annotations

import csv
import json
import os
import pickle
import resource
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Final

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.frames import read_frame, write_frame
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.read import read

__all__ = ["main"]

NICENESS: Final = 5
"""Questions come before documents."""

SPARE_SECONDS: Final = 10
"""CPU time beyond the limit, after which the process ends although nobody ends it."""

MAX_CELL_CHARACTERS: Final = 2**31 - 1
"""The largest limit that Python's reader of CSV takes on every system: a document has limits of its own."""


def main() -> None:
    """Answer requests to read a document; see `ReaderPool` for the other side."""
    _give_way()
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    while True:
        try:
            request = read_frame(stdin)
        except EOFError:
            return
        try:
            answer = _answer(pickle.loads(request))  # noqa: S301 - it comes from the process that started this
        except MemoryError:
            write_frame(stdout, b'{"memory": true}')
            return
        write_frame(stdout, answer)


def _answer(request: tuple[bytes, str, str, str | None, Limits]) -> bytes:
    data, uri, media_type, declared, limits = request
    _limit(limits)
    try:
        contents = read(data, uri=uri, media_type=media_type, declared=declared, limits=limits)
    except IngestError as error:
        return json.dumps({"error": error.message}).encode()
    chunks = [(chunk.section, chunk.text) for chunk in contents.chunks]
    answer = {"title": contents.title, "chunks": chunks, "notes": contents.notes}
    return json.dumps(answer).encode()


def _give_way() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with suppress(OSError):  # not on every system
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _limit(limits: Limits) -> None:
    """Limit memory and CPU time; only the soft limits, which the next request may set anew."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_seconds = usage.ru_utime + usage.ru_stime
    seconds = ceil(used_seconds + limits.seconds) + SPARE_SECONDS
    for kind, limit in ((resource.RLIMIT_DATA, limits.memory_bytes), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(kind)
        with suppress(ValueError, OSError):  # below what is used already: the time limit remains
            resource.setrlimit(kind, (limit, hard))


if __name__ == "__main__":
    main()
