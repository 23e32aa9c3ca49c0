"""The engine of a drill: models, a tool, a source and a workflow that fail on demand."""

from __future__ import annotations

import os
from pathlib import Path

from vital_cli.scratch_engine import serve_with
from vital_ops.drill.fragile import FragileSource, fragile_lookup
from vital_ops.drill.fragile_workflow import FragileWorkflow
from vital_ops.drill.models import MODELS
from vital_ops.drill.switch import wait_until_released

if __name__ == "__main__":
    wait_until_released(Path(os.environ["VITAL_DATA_DIR"]))
    serve_with(models=MODELS, tools=[fragile_lookup], sources=[FragileSource()], workflow=FragileWorkflow)
