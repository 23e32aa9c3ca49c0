"""Mutants of Alertmanager's configuration: its routes, receivers and what they say; each is one change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from vital_ops.durations import parse_seconds, write_seconds

__all__ = ["RoutingMutant", "routing_mutants"]

Config = dict[str, Any]

INTERVALS = ("group_wait", "group_interval", "repeat_interval")

LABELS_ADDED = ("alertname", "instance", "severity", "tenant_id", "...")

INHIBITIONS = (
    {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity="warning"'],
        "equal": ["incident"],
    },
    {"source_matchers": ['alertname="EngineDown"'], "target_matchers": ['alertname!="EngineDown"']},
    {"source_matchers": ['severity="critical"'], "target_matchers": ['severity!="critical"'], "equal": []},
    {
        "source_matchers": ['alertname="HighErrorRate"'],
        "target_matchers": ['alertname="AvailabilityBurnsFast"'],
    },
    {"source_matchers": ['alertname="Watchdog"'], "target_matchers": ['alertname="TenantBudget"']},
)


class RoutingMutant(NamedTuple):
    """One change of the configuration."""

    operator: str
    what: str
    config: Config


def routing_mutants(config: Config) -> Iterator[RoutingMutant]:
    """Make all mutants that differ from the configuration."""
    for path in _routes(config["route"], ()):
        for operator, what, change in _changes_of_route(config, path):
            yield from _changed(config, operator, f"route {_name(config, path)}: {what}", path, change)
    for number, receiver in enumerate(config["receivers"]):
        for operator, what, changed in _changes_of_receiver(receiver):
            mutant = deepcopy(config)
            mutant["receivers"][number] = changed
            yield RoutingMutant(operator, f"receiver {receiver['name']}: {what}", mutant)
    for rule in INHIBITIONS:
        yield RoutingMutant("inhibition", f"added: {rule}", {**config, "inhibit_rules": [rule]})


def _routes(route: Config, path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    yield path
    for number, below in enumerate(route.get("routes", ())):
        yield from _routes(below, (*path, number))


def _at(config: Config, path: tuple[int, ...]) -> Config:
    route: Config = config["route"]
    for number in path:
        route = route["routes"][number]
    return route


def _name(config: Config, path: tuple[int, ...]) -> str:
    steps = [_at(config, path[: length + 1]) for length in range(len(path))]
    return " / ".join(each.get("receiver") or each["matchers"][0] for each in steps) or "of all"


Change = Callable[[Config], None]


def _changed(
    config: Config, operator: str, what: str, path: tuple[int, ...], change: Change
) -> Iterator[RoutingMutant]:
    mutant = deepcopy(config)
    change(_at(mutant, path))
    if mutant != config:
        yield RoutingMutant(operator, what, mutant)


def _set(name: str, value: object) -> Change:
    return lambda route: route.update({name: value})


def _without(name: str) -> Change:
    return lambda route: route.pop(name, None)


def _changes_of_route(config: Config, path: tuple[int, ...]) -> Iterator[tuple[str, str, Change]]:
    route = _at(config, path)
    for receiver in config["receivers"]:
        yield "receiver", f"to {receiver['name']}", _set("receiver", receiver["name"])
    for number, matcher in enumerate(route.get("matchers", ())):
        rest = [each for each in route["matchers"] if each != matcher]
        yield "matcher", f"without {matcher}", _set("matchers", rest)
        for other in _other_matchers(matcher):
            changed = [*route["matchers"]]
            changed[number] = other
            yield "matcher", f"{matcher} → {other}", _set("matchers", changed)
    yield "matcher", "one more", _set("matchers", [*route.get("matchers", ()), 'severity="critical"'])
    yield "continue", "turned round", _set("continue", not route.get("continue", False))
    group = route.get("group_by", [])
    yield "grouping", "removed", _without("group_by")
    for label in group:
        yield "grouping", f"without {label}", _set("group_by", [each for each in group if each != label])
    for label in LABELS_ADDED:
        yield "grouping", f"with {label}", _set("group_by", [*group, label])
    yield from _other_intervals(route)
    yield from _other_routes(config, route)


def _other_intervals(route: Config) -> Iterator[tuple[str, str, Change]]:
    for name in INTERVALS:
        yield "interval", f"{name} removed", _without(name)
        if name not in route:
            yield "interval", f"{name} added", _set(name, "7m")
            continue
        seconds = 0.0 if route[name] == "0s" else parse_seconds(route[name])
        for other in {seconds * 0.5, seconds * 2, seconds * 10, 90.0, 3_600.0} - {seconds}:
            yield "interval", f"{name}: {write_seconds(other)}", _set(name, write_seconds(other))


def _other_routes(config: Config, route: Config) -> Iterator[tuple[str, str, Change]]:
    yield "muting", "muted at night", _set("mute_time_intervals", ["night"])
    below = route.get("routes", [])
    for number, each in enumerate(below):
        others = below[:number] + below[number + 1 :]
        yield "routes", f"without route {number}", _set("routes", others)
        yield "routes", f"route {number} first", _set("routes", [each, *others])
        yield "routes", f"route {number} last", _set("routes", [*others, each])
    for receiver in config["receivers"]:
        catching = {"receiver": receiver["name"]}
        yield "routes", f"all to {receiver['name']} first", _set("routes", [catching, *below])
        yield "routes", f"all to {receiver['name']} too", _set("routes", [*below, catching])


def _other_matchers(matcher: str) -> Iterator[str]:
    name, operator, value = re.fullmatch(r'(\w+)(=~|=)"(.*)"', matcher).groups()
    negated = {"=": "!=", "=~": "!~"}[operator]
    yield f'{name}{negated}"{value}"'
    yield f'severity{operator}"{value}"'
    yield f'{name}{operator}"another"'
    yield f'{name}{operator}"{value[:-1]}"' if operator == "=" else f'{name}=~".*"'
    if operator == "=~":
        for part in ("(.+-)?", "(-.+)?"):
            yield f'{name}=~"{value.replace(part, "")}"'


def _changes_of_receiver(receiver: Config) -> Iterator[tuple[str, str, Config]]:
    for kind, integrations in receiver.items():
        if kind == "name":
            continue
        yield "integration", f"without {kind}", {name: receiver[name] for name in receiver if name != kind}
        yield "integration", f"{kind} twice", {**receiver, kind: [*integrations, *integrations]}
        for number, integration in enumerate(integrations):
            for what, changed in _changes_of_integration(integration):
                others = [*integrations]
                others[number] = changed
                yield "integration", f"{kind}: {what}", {**receiver, kind: others}
    yield "integration", "another one", {**receiver, "webhook_configs": [{"url": "http://example.com"}]}


def _changes_of_integration(integration: Config) -> Iterator[tuple[str, Config]]:
    for name, value in integration.items():
        yield f"without {name}", {each: integration[each] for each in integration if each != name}
        if isinstance(value, bool):
            yield f"{name}: {not value}", {**integration, name: not value}
        elif isinstance(value, str):
            for what, text in _other_texts(value):
                yield f"{name}: {what}", {**integration, name: text}
        else:
            for what, changed in _changes_of_integration(value):
                yield f"{name}, {what}", {**integration, name: changed}


def _other_texts(text: str) -> Iterator[tuple[str, str]]:
    others = {
        "emptied": "",
        "another": "Something is wrong",
        "without values": text.replace(".Annotations.summary", ".Labels.alertname"),
        "of other alerts": text.replace(".Alerts.Firing", ".Alerts.Resolved"),
        "of all alerts": text.replace(".Alerts.Firing", ".Alerts"),
        "another status": text.replace('"firing"', '"resolved"'),
        "another label": text.replace(".Labels.severity", ".Labels.team").replace(".tenant_id", ".mode"),
        "fewer listed": text.replace("$number 10", "$number 1"),
        "another time": text.replace(".EndsAt", ".StartsAt"),
        "another severity": text.replace('"critical"', '"warning"'),
        "another link": text.replace(".runbook_url", ".dashboard_url"),
        "no contributors": text.replace(".contributors", ".contributor"),
        "no environment": text.replace(".environment", ".env"),
    }
    yield from ((what, other) for what, other in others.items() if other != text)
