"""Show a comparison on the dashboards: the Prometheus of `vital up` reads the comparison's engine too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vital_ops.stack.stack import ENGINES
from vital_shared.errors import ConfigurationError

__all__ = ["annotated"]

FILE: Final = "compare.json"


@contextmanager
def annotated(engine: str, folder: Path | None) -> Iterator[None]:
    """Have an engine read, meanwhile.

    :param engine: its address.
    :param folder: the folder of a stack that runs; None: nothing is shown.
    :raises ConfigurationError: when there has never been a stack.
    """
    if folder is None:
        yield
        return
    if not (folder / ENGINES).is_dir():
        raise ConfigurationError(
            f"There is no stack in {folder}: start `vital up` with the same VITAL_DATA_DIR first."
        )
    file = folder / ENGINES / FILE
    file.write_text(json.dumps([{"targets": [urlsplit(engine).netloc]}]), encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
