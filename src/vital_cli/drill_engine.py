"""The engine of a drill: models, a tool, a source and a workflow that fail when they are told to."""

from __future__ import annotations

from vital_cli.scratch_engine import serve_with
from vital_ops.drill.fragile import FragileSource, fragile_lookup
from vital_ops.drill.fragile_workflow import FragileWorkflow
from vital_ops.drill.models import MODELS

if __name__ == "__main__":
    serve_with(models=MODELS, tools=[fragile_lookup], sources=[FragileSource()], workflow=FragileWorkflow)
