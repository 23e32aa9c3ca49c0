"""Names of values in the metrics."""

from __future__ import annotations

from collections.abc import Sequence

from vital_cli.terminal import say, show_table
from vital_shared.models.label_value import LabelValue

__all__ = ["show_labels"]


def show_labels(names: Sequence[LabelValue]) -> None:
    """Print one line for each."""
    if not names:
        say("No value has a name yet.")
        return
    show_table([_row(name) for name in names])


def _row(name: LabelValue) -> dict[str, object]:
    return {
        "label": name.label,
        "value": name.value,
        "since": f"{name.since:%Y-%m-%d %H:%M} UTC",
        "last used": f"{name.last_used:%Y-%m-%d %H:%M} UTC" if name.last_used else "never",
        "reserved": "yes" if name.reserved else "no",
    }
