"""The engine of a drill: models, a tool, a source and a workflow that fail on demand."""

from __future__ import annotations

import os
from pathlib import Path

from vital_ops.drill.faulty_parts import FaultySource, faulty_lookup
from vital_ops.drill.faulty_workflow import FaultyWorkflow
from vital_ops.drill.models import MODELS
from vital_ops.drill.switch import wait_until_released
from vital_ops.scratch_engine import serve_with

if __name__ == "__main__":
    wait_until_released(Path(os.environ["VITAL_DATA_DIR"]))
    serve_with(models=MODELS, tools=[faulty_lookup], sources=[FaultySource()], workflow=FaultyWorkflow)
