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
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationError, model_validator

from vital_ops.promql import write_number
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.thresholds import Threshold, Thresholds
from vital_shared.errors import ConfigurationError
from vital_shared.models.base import Frozen
from vital_shared.monitoring.metrics import CATALOGUE
from vital_shared.wrong_field import WrongField

__all__ = ["DEFAULT_CONFIG", "OpsConfig", "load_config", "scaled"]

SHORTEST_SPAN_SECONDS: Final = 1.0
"""The shortest span of a drill: a few scrapes."""

_MATCHER: Final = r'(?!__)[a-zA-Z_][a-zA-Z0-9_]*="[^"\\{}$%`\x00-\x1f\x7f]*"'
"""An equality matcher whose value needs no escaping: not in queries, templates, variables or YAML."""

_OWN_JOBS: Final = frozenset({"prometheus", "alertmanager"})
"""Jobs under which Prometheus scrapes itself and Alertmanager."""

_METRIC_LABELS: Final = frozenset(label.name for metric in CATALOGUE for label in metric.label_set) - {
    "environment"
} | {
    "alertname",
    "alertstate",
    "instance",
    "le",
    "quantile",
    "slo",
    "window",
}
"""Labels of the engines' metrics and of what rules record, which the engines themselves cannot have."""

_THRESHOLDS: Final[Thresholds] = {alert.key: alert.threshold for alert in EVERY_ALERT}


def _check_environment(name: str) -> str:
    if not re.fullmatch(r"[\w .:/-]*", name):
        raise ValueError("write a name of letters, digits, spaces and . _ : / -")
    return name


def _check_address(address: str) -> str:
    if not re.fullmatch(r"""https?://[^\s"'`{}$<>\\^|]+""", address):
        raise ValueError(
            "write an address that begins with http:// or https://, without spaces, quotes, braces and $"
        )
    return address


def _check_selector(selector: str) -> str:
    if not re.fullmatch(f"{_MATCHER}(,{_MATCHER})*", selector):
        raise ValueError(
            'write labels and their values with commas between them, as in job="vital",cluster="eu"'
        )
    names = [name for name, _ in _matchers(selector)]
    for name, value in _matchers(selector):
        if not value:
            raise ValueError(f'{name}="" selects what has no such label, and not the engines')
        if names.count(name) > 1:
            raise ValueError(f"{name} is there twice")
        if name in _METRIC_LABELS:
            raise ValueError(f"{name} is a label of metrics; select engines by labels of their own")
        if name == "job" and value in _OWN_JOBS:
            raise ValueError(f'Prometheus scrapes itself under job="{value}"; give the engines another job')
    return selector


def _matchers(selector: str) -> list[tuple[str, str]]:
    return re.findall(r'(\w+)="([^"]*)"', selector)


Environment: TypeAlias = Annotated[str, AfterValidator(_check_environment)]
Address: TypeAlias = Annotated[str, AfterValidator(_check_address)]
AddressOrNone: TypeAlias = Annotated[str, AfterValidator(lambda address: address and _check_address(address))]
EngineSelector: TypeAlias = Annotated[str, AfterValidator(_check_selector)]


class OpsConfig(Frozen):
    """The configuration of rules, their tests, alerts and dashboards."""

    environment: Environment = Field(default="", max_length=100)
    """The environment's name, in every alert's labels and message; empty: not named."""
    selector: EngineSelector = 'job="vital"'
    """The labels of the engines that are watched, as Prometheus writes equality matchers."""
    grafana_url: Address = "http://127.0.0.1:3000"
    """The address of Grafana, for links to panels."""
    runbook_url: Address = "http://127.0.0.1:8000/runbooks"
    """The address below which each alert's runbook is found by the alert's name."""
    engine_url: Address = "http://127.0.0.1:8000"
    """The address of an engine, for the commands in runbooks."""
    prometheus_url: Address = "http://prometheus:9090"
    """The address of Prometheus as Grafana reaches it, as are the next two."""
    alertmanager_url: Address = "http://alertmanager:9093"
    traces_url: AddressOrNone = ""
    """The address of Tempo or Jaeger, which exemplars link to; empty: no traces are kept."""
    traces_type: Literal["tempo", "jaeger"] = "tempo"
    prometheus_external_url: Address = "http://127.0.0.1:9090"
    """The address under which people reach Prometheus, for links to an alert's expression."""
    alertmanager_external_url: Address = "http://127.0.0.1:9093"
    """The address under which people reach Alertmanager, for links to silence an alert."""
    thresholds: Thresholds = _THRESHOLDS
    """The numbers of each alert; by default those that stand with it in `vital_ops.rules`."""

    @property
    def target_labels(self) -> dict[str, str]:
        """The labels by which the engines are selected, ``job`` among them."""
        return dict(_matchers(self.selector))

    @model_validator(mode="after")
    def _check_environments(self) -> OpsConfig:
        """Refuse two names of one environment: alerts would have one and the engines' series the other."""
        selected = self.target_labels.get("environment", self.environment)
        if self.environment not in ("", selected):
            raise ValueError("environment: it has two values, its own and that in selector")
        return self

    @model_validator(mode="after")
    def _check_values(self) -> OpsConfig:
        """Refuse values with which an alert never fires, and alerts that would be one."""
        known: dict[tuple[object, ...], str] = {}
        for alert in EVERY_ALERT:
            at = self.thresholds.get(alert.key)
            if at is None:
                continue
            if at.value >= alert.below:
                raise ValueError(
                    f"{alert.key}.value: with {write_number(at.value)} the alert never fires, or always; "
                    f"write a number below {write_number(alert.below)}"
                )
            if alert.only_value is not None and at.value != alert.only_value:
                raise ValueError(
                    f"{alert.key}.value: it is {write_number(alert.only_value)} and cannot be another: "
                    f"the alert fires when {alert.fires_when}"
                )
            if alert.own and (other := known.setdefault((alert.name, at.value), alert.key)) != alert.key:
                raise ValueError(f"{other} and {alert.key} have the same value, and are one alert")
        return self

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
    wrong = WrongField.first(error)
    separator = "." if ":" in where and wrong.place else ": "
    return ConfigurationError(f"{where}{separator}{wrong.sentence}.")
