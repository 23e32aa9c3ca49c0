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
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.thresholds import Threshold, Thresholds
from vital_shared.errors import ConfigurationError
from vital_shared.models.base import Frozen

__all__ = ["DEFAULT_CONFIG", "OpsConfig", "load_config", "scaled"]

SHORTEST_SPAN_SECONDS: Final = 1.0
"""The shortest span of a drill: a few scrapes."""

_MATCHER: Final = r'[a-zA-Z_]\w*="[^"\\{}]*"'
_THRESHOLDS: Final[Thresholds] = {alert.key: alert.threshold for alert in EVERY_ALERT}


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
    """The numbers of each alert; by default those that stand with it in `vital_ops.rules`."""

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
