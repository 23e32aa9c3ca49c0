"""The engine of a comparison: its parts take a given time."""

from __future__ import annotations

from vital_ops.compare.latencies import FIRST_SOURCE, SECOND_SOURCE
from vital_ops.compare.paced import LONG, PACED, PacedModel, PacedSource, PacedWorkflow
from vital_ops.scratch_engine import serve_with

if __name__ == "__main__":
    serve_with(
        models=[PacedModel(PACED, is_long=False), PacedModel(LONG, is_long=True)],
        sources=[PacedSource(name) for name in (FIRST_SOURCE, SECOND_SOURCE)],
        workflow=PacedWorkflow,
    )
