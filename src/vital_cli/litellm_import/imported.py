"""The result of an import: tables of a configuration, and remarks on the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ImportedConfiguration"]


@dataclass(slots=True)
class ImportedConfiguration:
    """A configuration of VITAL in the making."""

    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    """Settings of VITAL that are environment variables, and their values."""
    notes: list[str] = field(default_factory=list)
    """Remarks on the rest, each with its place in the file."""

    def note(self, place: str, remark: str) -> None:
        """Note that something was not carried over as it was."""
        line = f"{place}: {remark}"
        if line not in self.notes:
            self.notes.append(line)

    @property
    def tables(self) -> dict[str, Any]:
        """The tables of the file, without empty ones."""
        whole = {"providers": self.providers, "models": self.models, "routes": self.routes}
        return {name: table for name, table in whole.items() if table}
