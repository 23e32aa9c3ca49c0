"""Render the subset of Helm's templates that the charts keep to: values, the release, ``toJson``, and literal texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

__all__ = ["render"]

ACTION = re.compile(r"\{\{\s*(.*?)\s*\}\}")
REFERENCE = re.compile(r"\.(Values|Release|Chart)((?:\.\w+)+)( \| toJson)?")


def render(chart: Path, release: str = "vital", values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the documents of a chart; a template with more than the subset is an error.

    :param values: take the place of the chart's own, key by key at the top.
    """
    read = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    facts = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    context = {
        "Values": read | (values or {}),
        "Release": {"Name": release, "Namespace": "default"},
        "Chart": {name[0].upper() + name[1:]: value for name, value in facts.items()},
    }
    documents = []
    for path in sorted((chart / "templates").iterdir()):
        text = ACTION.sub(lambda found: _value(found[1], context), path.read_text(encoding="utf-8"))
        if path.suffix == ".yaml":
            documents += yaml.safe_load_all(text)
    return documents


def _value(action: str, context: dict[str, Any]) -> str:
    if action.startswith('"'):
        return str(json.loads(action))
    found = REFERENCE.fullmatch(action)
    assert found, f"no value is substituted: {action}"
    value: Any = context[found[1]]
    for name in found[2][1:].split("."):
        value = value[name]
    if found[3]:
        return json.dumps(value)
    assert not isinstance(value, dict | list), action
    return str(value).lower() if isinstance(value, bool) else str(value)
