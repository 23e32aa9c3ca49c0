"""The numbers of an alert: its threshold, window, hold time and traffic floor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer

from vital_ops.durations import parse_seconds, write_seconds
from vital_shared.models.base import Frozen

__all__ = ["MIN_EVENTS", "Threshold", "Thresholds", "numbers"]

MIN_EVENTS: Final = 20
"""Fewer events in a window do not support a share or a percentile."""

MIN_SPAN_SECONDS: Final = 0.001
MAX_SPAN_SECONDS: Final = 366 * 86_400.0
"""The shortest and the longest span; Prometheus counts in milliseconds."""

Seconds: TypeAlias = Annotated[
    float,
    Field(ge=MIN_SPAN_SECONDS, le=MAX_SPAN_SECONDS),
    BeforeValidator(lambda span: parse_seconds(span) if isinstance(span, str) else span),
    PlainSerializer(write_seconds, return_type=str, when_used="json"),
]
"""A span of time, ``5m`` in a file."""


def _read_hold(span: object) -> object:
    return 0.0 if span in ("0s", "0m") else parse_seconds(span) if isinstance(span, str) else span


Hold: TypeAlias = Annotated[
    float,
    Field(ge=0, le=MAX_SPAN_SECONDS),
    BeforeValidator(_read_hold),
    PlainSerializer(lambda span: write_seconds(span) if span else "0s", return_type=str, when_used="json"),
]
"""A span of time, ``0m`` for none."""


class Threshold(Frozen):
    """The numbers of one alert."""

    value: float = Field(gt=0, allow_inf_nan=False)
    """The limit: a share, seconds, dollars, or a number each second."""
    window: Seconds
    """The span over which it is computed."""
    hold: Hold = Field(alias="for")
    """The time that the condition has to hold before the alert fires."""
    least_events: int = Field(default=0, ge=0)
    """Events in a window below which the alert does not fire."""
    least_dollars_per_hour: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Spending below which the alert does not fire."""
    before: Seconds = 3_600.0
    """The distance of the earlier window that this one is compared with, where there is one."""
    day: Seconds = 86_400.0
    """The distance of the same hour of the day before."""
    week: Seconds = 604_800.0
    """The distance of the same hour of the week before."""
    unknown_dollars_per_hour: float = Field(default=100 / 24, ge=0, allow_inf_nan=False)
    """The usual spending where nothing is known; see `OpsConfig.threshold`."""

    @property
    def range(self) -> str:
        """The window, as Prometheus writes it."""
        return write_seconds(self.window)


Thresholds: TypeAlias = Mapping[str, Threshold]
"""Thresholds by the alerts' names."""


def numbers(value: float, window: str, hold: str, least_events: int = MIN_EVENTS, **more: float) -> Threshold:
    """Write the numbers of an alert as a file has them, such as ``numbers(0.05, "5m", "5m")``."""
    return Threshold.model_validate(
        {"value": value, "window": window, "for": hold, "least_events": least_events} | more
    )
