"""Alertmanager's way to find the notifications of an alert, over a configuration that was read.

It follows https://prometheus.io/docs/alerting/latest/configuration/#route; `test_routing` compares it with amtool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Notification", "notifications"]

INHERITED = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")

MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


class Notification(NamedTuple):
    """One notification of an alert."""

    places: tuple[tuple[str, str], ...]
    """The kind of each integration behind its receiver, and what is configured of it."""
    group: frozenset[str]
    """The labels that alerts of one notification have in common."""
    wait: str | None
    interval: str | None
    repeat: str | None
    is_muted: bool


def notifications(config: Mapping[str, Any], labels: Mapping[str, str]) -> list[Notification]:
    """Return the notifications of an alert with these labels, in any order; what may inhibit it mutes it."""
    receivers = {each["name"]: each for each in config["receivers"]}
    inhibited = any(
        _match(rule.get("target_matchers", ()), labels) for rule in config.get("inhibit_rules", ())
    )
    return [
        Notification(
            places=tuple(
                (kind, repr(sorted(integration.items())))
                for kind, all_of_kind in receivers[route["receiver"]].items()
                if kind != "name"
                for integration in all_of_kind
            ),
            group=frozenset(route.get("group_by", ())),
            wait=route.get("group_wait"),
            interval=route.get("group_interval"),
            repeat=route.get("repeat_interval"),
            is_muted=inhibited or bool(route["mutes"]),
        )
        for route in _routes(config["route"], labels, {})
    ]


def _routes(
    route: Mapping[str, Any], labels: Mapping[str, str], above: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    if not _match(route.get("matchers", ()), labels):
        return
    own = {**above, **{name: route[name] for name in INHERITED if name in route}}
    found = False
    for below in route.get("routes", ()):
        deeper = [*_routes(below, labels, own)]
        yield from deeper
        found = found or bool(deeper)
        if deeper and not below.get("continue"):
            return
    if not found:
        yield own | {"mutes": route.get("mute_time_intervals", ())}


def _match(matchers: Any, labels: Mapping[str, str]) -> bool:
    return all(_matches(matcher, labels) for matcher in matchers)


def _matches(matcher: str, labels: Mapping[str, str]) -> bool:
    read = MATCHER.fullmatch(matcher)
    assert read is not None, matcher
    name, operator, wanted = read.groups()
    value = labels.get(name, "")
    if operator in ("=", "!="):
        return (value == wanted) == (operator == "=")
    return (re.fullmatch(wanted, value) is not None) == (operator == "=~")
