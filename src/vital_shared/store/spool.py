"""Files of what the store could not take before the process ended; the next start enters them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import LOCAL_WRITE_FAILURES_TOTAL
from vital_shared.store.locked_files import abandoned_files, append_whole, create_locked_file
from vital_shared.store.loss_log import loss_of_line
from vital_shared.store.settlement import Settlement

__all__ = ["Spool"]

logger = get_logger(__name__)


class Spool:
    """The files of one data folder. All of it blocks: long calls belong into a thread.

    :param folder: the folder of the files; it is made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: IO[str] | None = None

    def append(self, settlements: Iterable[Settlement]) -> None:
        """Keep values in the own file; `close` brings them to the disk itself.

        :raises OSError: when the disk does not take them; then none of them is in the file.
        """
        if self._own is None:
            _, self._own = create_locked_file(self._folder)
        append_whole(self._own, "".join(f"{each.to_json()}\n" for each in settlements))

    def read_abandoned(self) -> Iterator[tuple[Path, tuple[Settlement, ...]]]:
        """Read the files that no living process holds; each stays locked until the next is read.

        A file has to be removed by the caller, once all of it is in the store.
        """
        for path, file in abandoned_files(self._folder):
            yield path, tuple(_read(path, file))

    def close(self) -> None:
        """Let go of the own file, for the next start."""
        own, self._own = self._own, None
        if own is None:
            return
        with own:
            try:
                os.fsync(own.fileno())
            except OSError:  # the kernel still has it: it can be read unless the machine fails, too
                LOCAL_WRITE_FAILURES_TOTAL.labels("spool").inc()
                logger.exception("spool_not_synced")


def _read(path: Path, lines: Iterable[str]) -> Iterator[Settlement]:
    for number, line in enumerate(lines, 1):
        try:
            yield Settlement.model_validate_json(line)
        except ValidationError as error:  # torn: the process died while it wrote the line
            # Neither the line nor the error's text, which quotes it: they hold what a person has written.
            logger.error(  # noqa: TRY400 - the traceback quotes it, too
                "spool_line_unreadable",
                path=str(path),
                line=number,
                bytes=len(line),
                reason=error.errors(include_input=False, include_context=False)[0]["type"],
                owed=loss_of_line(line),
            )
