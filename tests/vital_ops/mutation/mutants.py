"""All mutants of one alert: of its expression, of what it reads that rules record, and of what it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import yaml
from tests.vital_ops.mutation.operators import changes

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.durations import parse_seconds, write_seconds
from vital_ops.rules.alert_rule import alert_rule
from vital_ops.rules.files import rule_files
from vital_ops.rules.groups import EVERY_ALERT

__all__ = ["Mutant", "RuleSet", "bystander", "every_alert", "mutants", "reads", "rule_set"]

Rule = dict[str, Any]

PLACE: Final = '"place"'
"""A value for what a query is filled with, so that it can be read."""

OWN_NAME: Final = re.compile(r'(\balertname(?:=~|!~|!=|=))"([^"]*)"')
"""A matcher of alerts' names, whichever its operator."""

HOLD_FACTORS: Final = (0.5, 2.0, 10.0)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An alert, and what it reads that rules record."""

    key: str
    """The alert's name, and the labels that distinguish it from others of that name."""
    alert: Rule
    group: str
    recordings: tuple[Rule, ...]
    beside: tuple[Rule, ...] = ()
    """What rules record under the same names, and the alert must not read."""
    namesakes: tuple[Rule, ...] = ()
    """Other alerts of its name, whose state it must not take for its own."""

    @property
    def name(self) -> str:
        """The alert's name."""
        return str(self.alert["alert"])


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of an alert."""

    operator: str
    what: str
    rules: RuleSet
    recording: int | None = None
    """The number of the recording that is changed; None: the alert itself is."""
    evaluates_alike: bool = False
    """Only what it says is changed, and to whom."""

    def renamed(self, expr: str, number: int) -> str:
        """Let an expression read what differs from the alert's own recordings under names of its own."""
        for original in self._differing:
            expr = _renamed(expr, original, number)
        return expr

    @property
    def _differing(self) -> tuple[Rule, ...]:
        """The recording that is changed as it was, and those that read it, directly or through others."""
        if self.recording is None:
            return ()
        first, *rest = rule_set(self.rules.key).recordings[self.recording :]
        found = [first]
        for each in rest:
            if any(reads(each["expr"], other) for other in found):
                found.append(each)
        return tuple(found)

    def named(self, number: int) -> tuple[list[Rule], Rule]:
        """Return its recordings and its alert, under names of their own, so that many can live in one file."""
        changed = () if self.recording is None else (self.rules.recordings[self.recording],)
        copies = [
            {**each, "record": f"{each['record']}__m{number}", "expr": self.renamed(each["expr"], number)}
            for each in (*changed, *self._differing[1:])
        ]
        return copies, self._alert(self.rules.alert, number)

    def namesakes(self, number: int) -> list[Rule]:
        """Return the other alerts of its name, under the name that it has in the file."""
        return [self._alert(alert, number) for alert in self.rules.namesakes]

    def _alert(self, alert: Rule, number: int) -> Rule:
        name = f"{self.rules.name}__m{number}"
        expr = self.renamed(alert["expr"], number)
        return {
            **{part: text for part, text in alert.items() if part != "annotations"},
            "alert": name,
            "expr": _apart(self.rules.name, name, expr),
        }


def _apart(alert: str, name: str, expr: str) -> str:
    """Let a mutant see its own state and that of alerts that are no mutants, whatever it asks for."""
    expr = OWN_NAME.sub(lambda found: f'{found[1]}"{name}"' if found[2] == alert else found[0], expr)
    return expr.replace("ALERTS{", f'ALERTS{{alertname=~"{name}|[^_]*",')


def bystander(rules: RuleSet) -> Rule:
    """Return another alert, with the same labels, that fires all the time: its state is not the alert's."""
    shown = re.search(r"last_over_time\(.+?\[1d\]\)", rules.alert["expr"])
    expr = f"{shown[0]} * 0 + 1" if shown else "vector(1)"
    return {"alert": "Bystander", "expr": expr, "labels": rules.alert["labels"]}


@cache
def _groups() -> tuple[tuple[str, tuple[Rule, ...]], ...]:
    groups = [group for text in rule_files().values() for group in yaml.safe_load(text)["groups"]]
    return tuple((group["name"], tuple(group["rules"])) for group in groups)


def every_alert() -> tuple[str, ...]:
    """Return the keys of all alerts, in the order of their rules."""
    return tuple(_key(rule) for _, rules in _groups() for rule in rules if "alert" in rule)


def _key(rule: Rule) -> str:
    for alert in EVERY_ALERT:
        built = alert_rule(alert, DEFAULT_CONFIG, "")
        if built.name == rule["alert"] and built.labels == rule["labels"]:
            return alert.key
    return str(rule["alert"])


@cache
def rule_set(key: str) -> RuleSet:
    """Return an alert, and the recordings that it reads."""
    recorded = [rule for _, rules in _groups() for rule in rules if "record" in rule]
    (found,) = [
        (name, rule) for name, rules in _groups() for rule in rules if "alert" in rule and _key(rule) == key
    ]
    group, rule = found
    read = _all_read(rule["expr"], recorded)
    names = {each["record"] for each in read}
    beside = tuple(each for each in recorded if each["record"] in names and each not in read)
    alerts = [rule for _, rules in _groups() for rule in rules if "alert" in rule]
    namesakes = tuple(each for each in alerts if each["alert"] == rule["alert"] and each != rule)
    return RuleSet(key, rule, group, read, beside, namesakes)


def _all_read(expr: str, recorded: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the recordings that an expression reads, directly or through others, which come before them."""
    found, exprs = list[Rule](), [expr]
    for each in reversed(recorded):
        if any(reads(reader, each) for reader in exprs):
            found.insert(0, each)
            exprs.append(each["expr"])
    return tuple(found)


def _renamed(expr: str, recording: Rule, number: int) -> str:
    return _asked(recording).sub(
        lambda found: f"{found[1]}__m{number}{found[2] or ''}" if _means(found[2], recording) else found[0],
        expr,
    )


def reads(expr: str, recording: Rule) -> bool:
    """Say whether an expression reads a recording."""
    return any(_means(found[2], recording) for found in _asked(recording).finditer(expr))


def _asked(recording: Rule) -> re.Pattern[str]:
    return re.compile(rf"({re.escape(recording['record'])})(?![\w:])(\{{[^}}]*\}})?")


def _means(matchers: str | None, recording: Rule) -> bool:
    """Say whether matchers, if there are any, are about a recording."""
    labels = [f'{name}="{value}"' for name, value in recording.get("labels", {}).items()]
    return not matchers or matchers == "{}" or all(label in matchers for label in labels)


def mutants(rules: RuleSet) -> Iterator[Mutant]:
    """Make all mutants of an alert; those that read alike are numbered."""
    seen = Counter[tuple[str, str]]()
    for mutant in _all(rules):
        name = mutant.operator, mutant.what
        seen[name] += 1
        yield mutant if seen[name] == 1 else replace(mutant, what=f"{mutant.what} ({seen[name]})")


def _all(rules: RuleSet) -> Iterator[Mutant]:
    yield from _expressions(rules)
    yield from _holds(rules)
    yield from _labels(rules)
    yield from _annotations(rules)
    yield Mutant("name", "renamed", _changed(rules, alert=f"{rules.name}Too"), evaluates_alike=True)
    yield Mutant("group", "in another group", replace(rules, group="vital-other"), evaluates_alike=True)


def _changed(rules: RuleSet, **parts: Any) -> RuleSet:
    alert = {**rules.alert, **parts}
    return replace(rules, alert={name: part for name, part in alert.items() if part is not None})


def _expressions(rules: RuleSet) -> Iterator[Mutant]:
    for change in changes(rules.alert["expr"]):
        yield Mutant(change.operator, change.what, _changed(rules, expr=change.expr))
    for number, recording in enumerate(rules.recordings):
        for change in changes(recording["expr"]):
            what = f"{recording['record']}: {change.what}"
            yield Mutant(change.operator, what, _recorded(rules, number, expr=change.expr), number)
        for name in recording.get("labels", {}):
            labels = {**recording["labels"], name: "another"}
            what = f"{recording['record']}: label {name}"
            yield Mutant("recorded label", what, _recorded(rules, number, labels=labels), number)


def _recorded(rules: RuleSet, number: int, **parts: Any) -> RuleSet:
    recordings = list(rules.recordings)
    recordings[number] = {**recordings[number], **parts}
    return replace(rules, recordings=tuple(recordings))


def _holds(rules: RuleSet) -> Iterator[Mutant]:
    hold = rules.alert.get("for")
    spans = {write_seconds(parse_seconds(hold) * factor) for factor in HOLD_FACTORS} if hold else {"1m"}
    for span in {*spans, "10m", "1d"} - {hold}:
        yield Mutant("for", f"for: {hold} → {span}", _changed(rules, **{"for": span}))
    if hold:
        yield Mutant("for", f"for: {hold} → nothing", _changed(rules, **{"for": None}))
    for span in ("5m", "1h", "1d"):
        yield Mutant("for", f"keep_firing_for: {span}", _changed(rules, keep_firing_for=span))


OTHER_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "severity": ("critical", "warning", "none", "info"),
    "team": ("platform", "performance", "finance", "quality"),
    "notify": ("slack", "pagerduty", "email", "slack-pagerduty", "slack-email", "pagerduty-email", "engine"),
}


def _labels(rules: RuleSet) -> Iterator[Mutant]:
    labels = rules.alert["labels"]
    for name, value in labels.items():
        rest = {each: text for each, text in labels.items() if each != name}
        what = f"label {name} removed"
        yield Mutant("label", what, _changed(rules, labels=rest), evaluates_alike=True)
        for other in {*OTHER_VALUES.get(name, ()), "another"} - {value}:
            changed = _changed(rules, labels={**labels, name: other})
            yield Mutant("label", f"label {name}: {value} → {other}", changed, evaluates_alike=True)
    more = _changed(rules, labels={**labels, "tenant_id": "acme"})
    yield Mutant("label", "label tenant_id added", more, evaluates_alike=True)


def _annotations(rules: RuleSet) -> Iterator[Mutant]:
    annotations = rules.alert["annotations"]
    for name, text in annotations.items():
        rest = {each: other for each, other in annotations.items() if each != name}
        yield Mutant("annotation", f"{name} removed", _changed(rules, annotations=rest), evaluates_alike=True)
        for what, other in {
            "emptied": "",
            "another text": "Something is wrong",
            "another alert's link": text.replace(rules.name, "AnotherAlert").replace(
                "viewPanel=", "viewPanel=9"
            ),
            "without its value": text.replace("$value", "0").replace(".Value", "0"),
            "with another label": re.sub(r"(\$labels|\.Labels)\.\w+", r"\1.another", text),
            "another number": re.sub(r"\d+(?:\.\d+)?", lambda found: f"{float(found[0]) * 2 + 1:g}", text),
            "another format": text.replace("| humanize", "| printf"),
            "without an order": text.replace("sort_desc", ""),
            "the least of them": text.replace("sort_desc(topk", "sort(bottomk"),
            **_other_queries(text),
        }.items():
            if other != text:
                changed = _changed(rules, annotations={**annotations, name: other})
                yield Mutant("annotation", f"{name}: {what}", changed, evaluates_alike=True)


def _other_queries(text: str) -> dict[str, str]:
    """Change the query in an annotation as an expression is changed."""
    found = re.search(r"`(.+)`", text)
    if found is None:
        return {}
    before, after = text[: found.start(1)], text[found.end(1) :]
    filled = found[1].replace("%[1]q", PLACE)
    return {
        f"query: {change.what}": f"{before}{change.expr.replace(PLACE, '%[1]q')}{after}"
        for change in changes(filled)
    }
