"""The table of scores, for the documentation."""

from __future__ import annotations

import json
from typing import Final

from tests.vital_ops.mutation.scoring import SCORES

__all__ = ["HEAD", "table"]

HEAD: Final = """\
# Alerts and their tests

How many changes of each alert's rule make one of its tests fail. Each number, comparison, window, aggregation,
grouping, matcher, metric, label and receiver is changed in several ways, in the alert and in what it reads that
rules record. Whether a change that nothing notices is equivalent to the alert is not judged. `python -m tests.vital_ops.mutation` runs all of them and prints this page; `--table` prints it from the last
run; `make test` runs a sample of each alert's changes.
"""


def table() -> str:
    """Write the page."""
    rows = ["| alert | changes | noticed | score |", "| --- | ---: | ---: | ---: |"]
    for key, each in json.loads(SCORES.read_text()).items():
        rows.append(
            f"| {key} | {each['mutants']} | {each['killed']} | {each['killed'] / each['mutants']:.1%} |"
        )
    return f"{HEAD}\n" + "\n".join(rows)
