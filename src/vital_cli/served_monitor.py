"""The dashboards and alerts that a served engine shows."""

from __future__ import annotations

from ai_engine.monitoring.monitor import Monitor

__all__ = ["load_monitor"]


def load_monitor() -> Monitor:
    """Load what knows the definitions: it takes a moment, and is seldom needed."""
    from vital_ops.served.monitor import DefinedMonitor  # noqa: PLC0415 - seldom needed

    return DefinedMonitor()
