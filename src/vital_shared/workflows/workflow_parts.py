"""The parts of a workflow that its runs need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NamedTuple

from vital_shared.graph import Plan
from vital_shared.models.durability import Durability
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.find_object import MODULE_PREFIX
from vital_shared.workflows.services import Services
from vital_shared.workflows.traits import WorkflowTraits

__all__ = ["WorkflowParts", "same_workflow", "stored_name", "stored_name_at", "stored_place"]

BUILT_IN: Final = "vital_shared.workflows."


def stored_name(workflow: type) -> str:
    """Return the name of a class in the records of its runs: where it is found.

    A script is named as the file or the module that it is, so that another process can resume its runs.
    """
    module = _script() if workflow.__module__ == "__main__" else workflow.__module__
    return f"{module}.{workflow.__qualname__}"


def _script() -> str:
    """Return the name under which the running script is imported elsewhere."""
    main = sys.modules["__main__"]
    spec, path = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:  # python -m
        return str(spec.name)
    return "__main__" if path is None else f"{MODULE_PREFIX}{Path(path).stem}"


def same_workflow(stored: str, other: str) -> bool:
    """Return whether two stored names are one class, imported from its file or as a module.

    >>> same_workflow("vital_target_letters.Letter", "letters.Letter")
    True
    """
    return stored.removeprefix(MODULE_PREFIX) == other.removeprefix(MODULE_PREFIX)


def stored_place(stored: str) -> str:
    """Return the place of a class by its stored name, as ``--workflow`` takes it.

    >>> stored_place("vital_target_letters.Letter"), stored_place("office.letters.Letter")
    ('letters.py:Letter', 'office.letters:Letter')
    """
    module, _, name = stored.rpartition(".")
    if module.startswith(BUILT_IN):
        return f"vital_shared:{name}"
    if module.startswith(MODULE_PREFIX):
        return f"{module.removeprefix(MODULE_PREFIX)}.py:{name}"
    return f"{module}:{name}"


def stored_name_at(place: str) -> str:
    """Return the name that runs of a class are stored with, by its place; another text is returned as it is.

    >>> stored_name_at("letters.py:Letter"), stored_name_at("office.letters:Letter")
    ('vital_target_letters.Letter', 'office.letters.Letter')
    """
    module, colon, name = place.rpartition(":")
    if not (colon and module):
        return name if colon else place
    file = module.removesuffix(".py")
    return f"{module}.{name}" if file == module else f"{MODULE_PREFIX}{Path(file).name}.{name}"


class WorkflowParts(NamedTuple):
    """The parts of a workflow, for its runs."""

    target: object
    """The object whose methods the nodes are."""

    plan: Plan
    services: Services
    modes: frozenset[WorkflowMode]
    """The modes that it serves."""

    traits: WorkflowTraits

    durable: Durability = "pauses"
    """The part of a run that outlives its process."""

    @property
    def name(self) -> str:
        """The name in the record of its runs: where its class is found."""
        return stored_name(type(self.target))

    @property
    def class_name(self) -> str:
        """The name of its class, for traces."""
        return type(self.target).__name__
