"""When an alert fires: all numbers of all alerts, in one table that a file can change.

A file is TOML, with a table for each alert that differs::

    [HighErrorRate]
    value = 0.02
    window = "10m"
    for = "5m"
    least_events = 50
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError

from vital_ops.durations import parse_seconds, write_seconds
from vital_shared.errors import ConfigurationError
from vital_shared.models.base import Frozen

__all__ = ["DEFAULTS", "LEAST_DOLLARS_PER_HOUR", "Seconds", "Threshold", "Thresholds", "load", "scaled"]

LEAST_EVENTS: Final = 20
"""Fewer in a window tell nothing about a share or a percentile."""

LEAST_DOLLARS_PER_HOUR: Final = 1.0
"""What costs less is no spike, whatever it cost before."""

FLOOR_SECONDS: Final = 1.0
"""No shorter than a few scrapes of a drill."""

Seconds: TypeAlias = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(lambda span: parse_seconds(span) if isinstance(span, str) else span),
    PlainSerializer(write_seconds, return_type=str, when_used="json"),
]
"""A span of time, ``5m`` in a file."""


class Threshold(Frozen):
    """The numbers of one alert."""

    value: float = Field(gt=0)
    """What is compared with: a share, seconds, dollars, a number each second."""
    window: Seconds
    """Over so long it is judged."""
    hold: Seconds = Field(alias="for")
    """For so long the condition has to hold before the alert fires."""
    least_events: int = Field(default=0, ge=0)
    """With fewer in a window there is no judgement."""
    before: Seconds = 3_600.0
    """How long before the window that lies that it is compared with, where there is one."""

    @property
    def range(self) -> str:
        """The window, as Prometheus writes it."""
        return write_seconds(self.window)


Thresholds: TypeAlias = Mapping[str, Threshold]
"""By the alerts' names."""


def _threshold(value: float, window: str, hold: str, least_events: int = LEAST_EVENTS) -> Threshold:
    return Threshold.model_validate(
        {"value": value, "window": window, "for": hold, "least_events": least_events}
    )


DEFAULTS: Final[Thresholds] = {
    "HighErrorRate": _threshold(0.05, "5m", "5m"),
    "HighLatency": _threshold(10, "5m", "5m"),
    "VeryHighLatency": _threshold(30, "5m", "5m"),
    "LowCacheHitRate": _threshold(0.40, "10m", "15m"),
    "CacheNearCapacity": _threshold(0.95, "10m", "10m", 0),
    "HighCacheEvictionRate": _threshold(10, "10m", "10m", 0),
    "HighDailyCost": _threshold(100, "24h", "1h", 0),
    "SuddenCostSpike": _threshold(2, "10m", "10m", 0),
    "LowQualityScore": _threshold(0.8, "10m", "10m"),
    "HighDegradationRate": _threshold(0.20, "10m", "10m"),
    "HighToolFailureRate": _threshold(0.10, "10m", "10m"),
    "HighRAGFailureRate": _threshold(0.05, "10m", "10m"),
}
"""Those of the twelve alerts."""


def load(path: Path) -> Thresholds:
    """Read the thresholds that differ from a file, and take the others as they are.

    :raises ConfigurationError: when the file cannot be read, or has something that is no threshold.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The thresholds of {path} cannot be read: {error}") from error
    return {**DEFAULTS} | {name: _changed(path, name, table) for name, table in tables.items()}


def scaled(thresholds: Thresholds, faster: float, longest: float) -> Thresholds:
    """Let time pass faster, for a drill: all spans are divided, to no less than a second.

    :param longest: seconds that none is longer than.
    """

    def scale(seconds: float) -> float:
        return round(min(max(seconds / faster, FLOOR_SECONDS), longest), 3)

    return {
        name: each.model_copy(
            update={
                "window": scale(each.window),
                "hold": scale(each.hold),
                "before": scale(each.before),
            }
        )
        for name, each in thresholds.items()
    }


def _changed(path: Path, name: str, table: Any) -> Threshold:
    if name not in DEFAULTS:
        raise ConfigurationError(f"{path}: there is no alert {name}; there are {', '.join(DEFAULTS)}.")
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: write the thresholds of {name} as a table, [{name}].")
    try:
        return Threshold.model_validate(DEFAULTS[name].model_dump(by_alias=True) | table, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{path}: {name}.{field}: {first['msg']}.") from error
