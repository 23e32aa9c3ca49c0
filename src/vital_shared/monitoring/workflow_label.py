"""The names under which workflows are counted: those that they are served by, or made of their classes'."""

from __future__ import annotations

from typing import Final

from vital_shared.models.workflow_names import BUILT_IN_CLASS, class_name_as_name
from vital_shared.monitoring.metrics import WORKFLOW

__all__ = ["NO_WORKFLOW", "name_workflow", "workflow_label"]

NO_WORKFLOW: Final = "none"
"""The workflow of what is counted outside of a run and names none."""

_labels: Final[dict[str, str]] = {}
"""The label of each class, by the name that its runs are stored with."""


def name_workflow(stored_name: str, name: str) -> None:
    """Count a workflow under a name from now on, whose series exist at once.

    :param stored_name: the name in the records of its runs: where its class is found.
    """
    _labels[stored_name] = WORKFLOW.declare(name)


def workflow_label(stored_name: str) -> str:
    """Return the name under which a workflow is counted."""
    found = _labels.get(stored_name)
    if found is None:
        name_workflow(stored_name, class_name_as_name((stored_name or BUILT_IN_CLASS).rpartition(".")[2]))
        found = _labels[stored_name]
    return found
