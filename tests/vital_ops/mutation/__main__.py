"""Run all mutants of all alerts, keep the scores, and print them: ``python -m tests.vital_ops.mutation``."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.vital_ops.mutation.scoring import written
from tests.vital_ops.mutation.table import table

if __name__ == "__main__":
    keys = tuple(name for name in sys.argv[1:] if not name.startswith("-"))
    if "--table" not in sys.argv:
        with TemporaryDirectory() as folder:
            written(Path(folder), keys or None)
    print(table())  # noqa: T201 - a program of one line
