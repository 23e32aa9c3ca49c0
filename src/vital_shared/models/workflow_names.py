"""The names of workflows, by which they are addressed over HTTP, listed as models and counted."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BUILT_IN", "BUILT_IN_CLASS", "NAME_RULE", "class_name_as_name", "is_name"]

BUILT_IN: Final = "base-workflow"
"""The name of `BaseWorkflow`."""

BUILT_IN_CLASS: Final = "vital_shared.workflows.base_workflow.BaseWorkflow"
"""The name in the records of its runs."""

NAME_RULE: Final = "1 to 64 lower-case letters, digits, - and _, the first a letter or a digit"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_name(text: str) -> bool:
    """Return whether a text may name a workflow."""
    return _NAME.fullmatch(text) is not None


def class_name_as_name(class_name: str) -> str:
    """Return the name of a workflow that is given none: ``OfficeReport`` is ``office-report``.

    It need not be one that `is_name` allows.
    """
    return _WORD_START.sub("-", class_name.strip("_")).lower()
