"""A rule as Prometheus reads it, and files of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from vital_ops.durations import write_seconds

__all__ = ["AlertRule", "Recording", "Rule", "write_rules", "write_yaml"]

WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus computes."""

    name: str
    expr: str
    """An `QueryExpression`, until it is written for some engines."""
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        """Write it as Prometheus reads it."""
        found: dict[str, Any] = {"record": self.name, "expr": self.expr}
        return found | ({"labels": dict(self.labels)} if self.labels else {})


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert that Prometheus watches for."""

    name: str
    expr: str
    hold: float
    """Seconds that the expression has to hold."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def as_yaml(self) -> dict[str, Any]:
        """Write it as Prometheus reads it."""
        hold = {"for": write_seconds(self.hold)} if self.hold else {}
        notes = {"labels": dict(self.labels), "annotations": dict(self.annotations)}
        return {"alert": self.name, "expr": self.expr} | hold | notes


Rule = Recording | AlertRule


def write_rules(groups: Mapping[str, Iterable[Rule]], comment: str) -> str:
    """Write a rule file."""
    written: Sequence[Any] = [
        {"name": name, "rules": [rule.as_yaml() for rule in rules]} for name, rules in groups.items()
    ]
    return write_yaml({"groups": written}, comment)


def write_yaml(content: Any, comment: str) -> str:
    """Write what a program reads, so that people can read it too."""
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {comment}\n{text}"


class _Dumper(yaml.CSafeDumper):
    """A YAML dumper that writes long texts in blocks, and no references."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
