"""A record that outlives its process: lines of JSON that are in the file once they are written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["LineFile"]


class LineFile:
    """A file of lines; a process that is killed leaves whole ones.

    :param path: made with the first line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, **fields: Any) -> None:
        """Add a line."""
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, json.dumps(fields).encode() + b"\n")
        finally:
            os.close(handle)

    def read(self) -> list[dict[str, Any]]:
        """Return the lines."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text().splitlines()]
