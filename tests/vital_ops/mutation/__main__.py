"""Run all mutants of all alerts, and print the page of their scores; ``--table`` prints it from the last run.

``python -m tests.vital_ops.mutation [ALERT ...] > docs/alerts.md``
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.vital_ops.mutation.mutants import every_alert
from tests.vital_ops.mutation.scoring import write_scores
from tests.vital_ops.mutation.table import table

if __name__ == "__main__":
    keys = tuple(name for name in sys.argv[1:] if not name.startswith("-"))
    if "--table" not in sys.argv:
        with TemporaryDirectory() as folder:
            write_scores(Path(folder), keys or every_alert())
    sys.stdout.write(table())
