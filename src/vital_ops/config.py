"""The configuration of rules, alerts and dashboards: one table that one file can change.

A file is TOML. What concerns all alerts stands at its top, and each alert that differs has a table::

    environment = "production"
    selector = 'job="vital",cluster="eu"'
    grafana_url = "https://grafana.example"

    [HighErrorRate]
    value = 0.02
    window = "10m"
    for = "5m"
    least_events = 50
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError

from vital_ops.durations import parse_seconds, write_seconds
from vital_shared.errors import ConfigurationError
from vital_shared.models.base import Frozen

__all__ = ["DEFAULT_CONFIG", "OpsConfig", "Seconds", "Threshold", "Thresholds", "load_config", "scaled"]

MIN_EVENTS: Final = 20
"""Fewer events in a window do not support a share or a percentile."""

SHORTEST_SPAN_SECONDS: Final = 1.0
"""The shortest span of a drill: a few scrapes."""

_MATCHER: Final = r'[a-zA-Z_]\w*="[^"\\{}]*"'

Seconds: TypeAlias = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(lambda span: parse_seconds(span) if isinstance(span, str) else span),
    PlainSerializer(write_seconds, return_type=str, when_used="json"),
]
"""A span of time, ``5m`` in a file."""


def _read_hold(span: object) -> object:
    return 0.0 if span in ("0s", "0m") else parse_seconds(span) if isinstance(span, str) else span


Hold: TypeAlias = Annotated[
    float,
    Field(ge=0),
    BeforeValidator(_read_hold),
    PlainSerializer(lambda span: write_seconds(span) if span else "0s", return_type=str, when_used="json"),
]
"""A span of time, ``0m`` for none."""


class Threshold(Frozen):
    """The numbers of one alert."""

    value: float = Field(gt=0)
    """The limit: a share, seconds, dollars, or a number each second."""
    window: Seconds
    """The span over which it is computed."""
    hold: Hold = Field(alias="for")
    """The time that the condition has to hold before the alert fires."""
    least_events: int = Field(default=0, ge=0)
    """Events in a window below which the alert does not fire."""
    least_dollars_per_hour: float = Field(default=0, ge=0)
    """Spending below which the alert does not fire."""
    before: Seconds = 3_600.0
    """The distance of the earlier window that this one is compared with, where there is one."""
    day: Seconds = 86_400.0
    """The distance of the same hour of the day before."""
    week: Seconds = 604_800.0
    """The distance of the same hour of the week before."""
    unknown_dollars_per_hour: float = Field(default=100 / 24, ge=0)
    """The usual spending where nothing is known; see `OpsConfig.threshold`."""

    @property
    def range(self) -> str:
        """The window, as Prometheus writes it."""
        return write_seconds(self.window)


Thresholds: TypeAlias = Mapping[str, Threshold]
"""Thresholds by the alerts' names."""


def _threshold(
    value: float, window: str, hold: str, least_events: int = MIN_EVENTS, **more: float
) -> Threshold:
    return Threshold.model_validate(
        {"value": value, "window": window, "for": hold, "least_events": least_events} | more
    )


_THRESHOLDS: Final[Thresholds] = {
    "HighErrorRate": _threshold(0.05, "5m", "5m"),
    "HighLatency": _threshold(10, "5m", "5m"),
    "VeryHighLatency": _threshold(30, "5m", "5m"),
    "LowCacheHitRate": _threshold(0.40, "10m", "15m"),
    "CacheNearCapacity": _threshold(0.95, "10m", "10m", 0),
    "HighCacheEvictionRate": _threshold(10, "10m", "10m", 0),
    "HighDailyCost": _threshold(100, "24h", "1h", 0),
    "SuddenCostSpike": _threshold(2, "10m", "10m", 0, least_dollars_per_hour=1),
    "LowQualityScore": _threshold(0.8, "10m", "10m"),
    "HighDegradationRate": _threshold(0.20, "10m", "10m"),
    "HighToolFailureRate": _threshold(0.10, "10m", "10m"),
    "HighRAGFailureRate": _threshold(0.05, "10m", "10m"),
    "DeadLetters": _threshold(1, "10m", "0m", 0),
    "EngineDown": _threshold(1, "1m", "1m", 0),
    "ReplicaDown": _threshold(1, "5m", "5m", 0),
    "EngineRejecting": _threshold(0.10, "5m", "5m"),
    "NotificationsFailing": _threshold(1, "5m", "5m", 0),
    "TrafficDropped": _threshold(0.20, "15m", "15m", 100),
    "TenantAvailability": _threshold(0.50, "10m", "5m"),
    "WorkerRestarts": _threshold(3, "10m", "0m", 0),
    "TenantBudgetHalf": _threshold(0.5, "10m", "0m", 0),
    "TenantBudgetNearlySpent": _threshold(0.8, "10m", "0m", 0),
    "TenantBudgetSpent": _threshold(1, "10m", "0m", 0),
}


class OpsConfig(Frozen):
    """The configuration of rules, their tests, alerts and dashboards."""

    environment: str = Field(default="", max_length=100)
    """The environment's name, in every alert's labels and message; empty: not named."""
    selector: str = Field(default='job="vital"', pattern=rf"^{_MATCHER}(,{_MATCHER})*$")
    """The labels of the engines that are watched, as Prometheus writes equality matchers."""
    grafana_url: str = Field(default="http://127.0.0.1:3000", pattern=r"^https?://\S+$")
    """The address of Grafana, for links to panels."""
    runbook_url: str = Field(default="http://127.0.0.1:8000/runbooks", pattern=r"^https?://\S+$")
    """The address below which each alert's runbook is found by the alert's name."""
    engine_url: str = Field(default="http://127.0.0.1:8000", pattern=r"^https?://\S+$")
    """The address of an engine, for the commands in runbooks."""
    prometheus_url: str = Field(default="http://prometheus:9090", pattern=r"^https?://\S+$")
    """The address of Prometheus as Grafana reaches it, as are the next two."""
    alertmanager_url: str = Field(default="http://alertmanager:9093", pattern=r"^https?://\S+$")
    traces_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """The address of Tempo or Jaeger, which exemplars link to; empty: no traces are kept."""
    traces_type: Literal["tempo", "jaeger"] = "tempo"
    prometheus_external_url: str = Field(default="http://127.0.0.1:9090", pattern=r"^https?://\S+$")
    """The address under which people reach Prometheus, for links to an alert's expression."""
    alertmanager_external_url: str = Field(default="http://127.0.0.1:9093", pattern=r"^https?://\S+$")
    """The address under which people reach Alertmanager, for links to silence an alert."""
    thresholds: Thresholds = _THRESHOLDS

    @property
    def target_labels(self) -> dict[str, str]:
        """The labels by which the engines are selected, ``job`` among them."""
        return dict(re.findall(r'(\w+)="([^"]*)"', self.selector))

    def threshold(self, alert: str) -> Threshold:
        """Return the numbers of an alert.

        What an hour usually costs is, where nothing is known, a day's limit by the hour.
        """
        usual = {"unknown_dollars_per_hour": round(self.thresholds["HighDailyCost"].value / 24, 6)}
        return self.thresholds[alert].model_copy(update=usual)

    def runbook(self, alert: str) -> str:
        """Return the address of an alert's runbook."""
        return f"{self.runbook_url.rstrip('/')}/{alert}"

    def panel(self, dashboard: str, number: int) -> str:
        """Return the address of one panel.

        :param dashboard: its uid.
        """
        return f"{self.grafana_url.rstrip('/')}/d/{dashboard}?viewPanel={number}"


DEFAULT_CONFIG: Final = OpsConfig()
"""The configuration of the files in the repository."""


def load_config(path: Path, base: OpsConfig = DEFAULT_CONFIG) -> OpsConfig:
    """Read what differs from a file, and take everything else as it is.

    :param base: addresses and the like that the file does not name.
    :raises ConfigurationError: when the file cannot be read, or has something that cannot be configured.
    """
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The configuration of {path} cannot be read: {error}") from error
    common = {name: value for name, value in read.items() if name in OpsConfig.model_fields}
    tables = {name: value for name, value in read.items() if name not in common}
    changed = {name: _changed(path, name, table) for name, table in tables.items()}
    try:
        known = base.model_dump(exclude={"thresholds"})
        return OpsConfig.model_validate(known | common | {"thresholds": {**_THRESHOLDS} | changed})
    except ValidationError as error:
        raise _refusal(str(path), error) from error


def scaled(config: OpsConfig, faster: float, longest: float) -> OpsConfig:
    """Let time pass faster, for a drill: all spans are divided, to no less than a second.

    :param longest: seconds that no window exceeds; the hour before lies no further back than twice that.
    """

    def scale(seconds: float, longest: float = longest) -> float:
        return round(min(max(seconds / faster, SHORTEST_SPAN_SECONDS), longest), 3)

    thresholds = {
        name: each.model_copy(
            update={
                "window": scale(each.window),
                "hold": scale(each.hold),
                "before": scale(each.before, 2 * longest),  # beyond the window itself
                "day": each.day / faster,
                "week": each.week / faster,
            }
        )
        for name, each in config.thresholds.items()
    }
    return config.model_copy(update={"thresholds": thresholds})


def _changed(path: Path, name: str, table: Any) -> Threshold:
    if not isinstance(table, dict) and name not in _THRESHOLDS:
        fields = ", ".join(field for field in OpsConfig.model_fields if field != "thresholds")
        raise ConfigurationError(f"{path}: there is no setting {name}; there are {fields}.")
    if name not in _THRESHOLDS:
        raise ConfigurationError(f"{path}: there is no alert {name}; there are {', '.join(_THRESHOLDS)}.")
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: write the thresholds of {name} as a table, [{name}].")
    try:
        return Threshold.model_validate(_THRESHOLDS[name].model_dump(by_alias=True) | table, strict=False)
    except ValidationError as error:
        raise _refusal(f"{path}: {name}", error) from error


def _refusal(where: str, error: ValidationError) -> ConfigurationError:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    separator = "." if ":" in where else ": "
    return ConfigurationError(f"{where}{separator}{field}: {first['msg']}.")
