"""Changes of a PromQL expression, each of which a test of its alert has to notice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import promql_parser as promql

from vital_ops.durations import parse_seconds, write_seconds
from vital_shared.monitoring.instrument import Counter, Gauge, Histogram, Instrument
from vital_shared.monitoring.metrics import CATALOGUE

__all__ = ["Change", "changes"]


class Change(NamedTuple):
    """One change of an expression."""

    operator: str
    what: str
    """The place and its change, for reading."""
    expr: str


FACTORS: Final = (0.0, 0.5, 0.9, 0.95, 1.05, 1.1, 2.0, 10.0)
"""Of thresholds, traffic floors, quantiles and other constants."""

SPANS: Final = (0.2, 0.5, 2.0, 10.0)
"""Of windows and offsets."""

COMPARISONS: Final = (">", "<", ">=", "<=", "==", "!=")
ARITHMETIC: Final = ("+", "-", "*", "/")
SETS: Final = ("and", "or", "unless")
AGGREGATIONS: Final = ("sum", "avg", "max", "min", "count")

FUNCTIONS: Final = {
    "rate": ("increase", "irate", "delta"),
    "increase": ("rate", "irate", "delta"),
    "last_over_time": ("max_over_time", "min_over_time", "avg_over_time"),
    "max_over_time": ("min_over_time", "avg_over_time", "last_over_time"),
    "min_over_time": ("max_over_time", "avg_over_time", "last_over_time"),
}

OFFSETS_ADDED: Final = ("10m", "1h")
"""Offsets of what is asked for as it is now."""

ONE_SIDED: Final = ("-", "/", "and", "or", "unless")
"""Operations that give something else when their sides are exchanged."""

CLAMPS: Final = {">": "clamp_max", ">=": "clamp_min", "<": "clamp_min", "<=": "clamp_max"}
"""The function that spoils a comparison with a number."""

LABELS_ADDED: Final = ("instance", "mode", "status", "outcome")

QUOTED: Final = re.compile(r'"(?:\\.|[^"\\])*"')


def changes(expr: str) -> Iterator[Change]:
    """Make all changes that parse, each once."""
    expr = str(promql.parse(expr))
    seen = {expr}
    for operator, make in _OPERATORS.items():
        for what, changed in make(expr):
            if changed not in seen and _parses(changed):
                seen.add(changed)
                yield Change(operator, what, changed)


def _parses(expr: str) -> bool:
    try:
        promql.parse(expr)
    except ValueError:
        return False
    return True


Made = Iterator[tuple[str, str]]


def _bare(expr: str) -> str:
    """Blank out what stands in quotes, so that positions stay."""
    return QUOTED.sub(lambda found: '"' + "_" * (len(found[0]) - 2) + '"', expr)


def _replaced(expr: str, found: re.Match[str], text: str) -> tuple[str, str]:
    before, after = expr[: found.start()], expr[found.end() :]
    shown = expr[max(found.start() - 24, 0) : found.end()].strip()
    return f"…{shown} → {text.strip() or 'nothing'}", before + text + after


def _numbers(expr: str) -> Made:
    for found in re.finditer(r"(?<![\w.\[:])\d+(?:\.\d+)?(?![\w.])", _bare(expr)):
        for factor in FACTORS:
            yield _replaced(expr, found, f"{float(found[0]) * factor:.10g}")
        yield _replaced(expr, found, "1" if float(found[0]) == 0 else "-1")


def _swapped(expr: str, pattern: str, words: tuple[str, ...]) -> Made:
    for found in re.finditer(pattern, _bare(expr)):
        for word in words:
            if word != found[0]:
                yield _replaced(expr, found, word)


def _comparisons(expr: str) -> Made:
    yield from _swapped(expr, r"(?<= )(?:>=|<=|==|!=|>|<)(?= )", COMPARISONS)


def _arithmetic(expr: str) -> Made:
    yield from _swapped(expr, r"(?<= )[-+*/](?= )", ARITHMETIC)


def _sets(expr: str) -> Made:
    yield from _swapped(expr, r"\b(?:and|or|unless)\b", SETS)


def _aggregations(expr: str) -> Made:
    yield from _swapped(expr, r"\b(?:sum|avg|max|min|count)\b(?= ?(?:by|without)? ?\()", AGGREGATIONS)


def _functions(expr: str) -> Made:
    for name, others in FUNCTIONS.items():
        yield from _swapped(expr, rf"\b{name}\b(?=\()", others)


def _spans(expr: str) -> Made:
    for found in re.finditer(r"(?<=\[)\w+(?=[:\]])|(?<=offset )\w+", _bare(expr)):
        seconds = (
            parse_seconds(found[0]) if found[0].count("h") + found[0].count("m") < 2 else _long(found[0])
        )
        for span in {seconds * factor for factor in SPANS} | {60.0, 3_000.0}:
            yield _replaced(expr, found, write_seconds(span))


def _long(text: str) -> float:
    return float(sum(parse_seconds(piece) for piece in re.findall(r"\d+[a-z]+", text)))


def _offsets(expr: str) -> Made:
    for found in re.finditer(r" offset \w+", _bare(expr)):
        yield _replaced(expr, found, "")
    for found in re.finditer(r"[\w:]+\{[^}]*\}(?:\[\w+\])?(?! offset)(?![\[\w])", _bare(expr)):
        for by in OFFSETS_ADDED:
            yield _replaced(expr, found, f"{expr[found.start() : found.end()]} offset {by}")


def _bools(expr: str) -> Made:
    """Let a comparison give 1 and 0 in place of what it compares."""
    for found in re.finditer(r"(?<= )(?:>=|<=|==|!=|>|<)(?= (?!bool))", _bare(expr)):
        yield _replaced(expr, found, f"{found[0]} bool")


def _sides(expr: str) -> Made:
    """Exchange the sides of an operation. The conditions of an outage are the same in either order."""
    for node in _nodes(promql.parse(expr)):
        whole = str(node)
        if whole.startswith("absent("):
            continue
        if isinstance(node, promql.BinaryExpr) and str(node.op) in ONE_SIDED and expr.count(whole):
            left, right = str(node.lhs), str(node.rhs)
            middle = whole[len(left) : len(whole) - len(right)]
            yield f"{whole} → sides exchanged", expr.replace(whole, f"{right}{middle}{left}", 1)


def _clamps(expr: str) -> Made:
    """Bound what is compared with a number by this number, so that it is above, or below, no longer."""
    for node in _nodes(promql.parse(expr)):
        if not isinstance(node, promql.BinaryExpr) or not isinstance(node.rhs, promql.NumberLiteral):
            continue
        whole, left, sign = str(node), str(node.lhs), str(node.op)
        name = CLAMPS.get(sign if sign != "==" else ">=" if node.rhs.val > 0 else "<=")
        if name and expr.count(whole):
            clamped = f"{name}({left}, {node.rhs})"
            yield f"{left} → {clamped}", expr.replace(whole, clamped + whole[len(left) :], 1)


def _grouping(expr: str) -> Made:
    bare = _bare(expr)
    for found in re.finditer(r"\b(?:by|on|ignoring|without) ?\(([^)]*)\)", bare):
        yield _replaced(expr, found, "")
        names = [name.strip() for name in found[1].split(",") if name.strip()]
        word = found[0].partition("(")[0]
        if word.strip() == "by":
            yield _replaced(expr, found, f"without{found[0].removeprefix('by')}")
        for name in names:
            yield _replaced(expr, found, f"{word}({', '.join(each for each in names if each != name)})")
        for name in LABELS_ADDED if word.strip() == "by" else ():
            if name not in names and _has(expr, found.end(), name):
                yield _replaced(expr, found, f"{word}({', '.join((*names, name))})")
    for found in re.finditer(r"\b(sum|max|min|avg|count)(?=\()", bare):
        for name in LABELS_ADDED:
            if _has(expr, found.end(), name):
                yield _replaced(expr, found, f"{found[0]} by ({name}) ")


def _has(expr: str, start: int, label: str) -> bool:
    """Say whether the series that are added up have a label: another would change nothing."""
    found = re.search(r"(vital[_:][\w:]+|up|alertmanager_\w+)\{", expr[start:])
    names = {name: metric for metric in CATALOGUE for name in _series(metric)}
    if found is None or ":" in found[1]:
        return False  # what rules record has the labels that they keep
    if label == "instance":
        return True
    metric = names.get(found[1])
    return metric is not None and label in {each.name for each in metric.label_set}


def _matchers(expr: str) -> Made:
    for found in re.finditer(r'(\w+)(=~|!~|!=|=)"([^"]*)"(,?)', expr):
        name, operator, value, comma = found.groups()
        negated = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}[operator]
        yield _replaced(expr, found, "")
        yield _replaced(expr, found, f'{name}{negated}"{value}"{comma}')
        yield _replaced(expr, found, f'{name}{operator}"another"{comma}')
        values = value.split("|")
        for left_out in values if len(values) > 1 else ():
            rest = "|".join(each for each in values if each != left_out)
            yield _replaced(expr, found, f'{name}{operator}"{rest}"{comma}')
        yield from (_replaced(expr, found, text) for text in _other_values(name, operator, value, comma))


def _other_values(name: str, operator: str, value: str, comma: str) -> Iterator[str]:
    others = {
        "outcome": ("success", "degraded", "failed", "cancelled", "rejected"),
        "status": ("success", "failed", "timeout", "denied"),
        "mode": ("1", "2", "3", "4"),
        "cache_status": ("hit", "miss", "bypass"),
        "operation": ("hit", "miss", "bypass", "write", "evict", "expire"),
        "quantile": ("0.5", "0.95", "0.99"),
        "reason": ("overload", "auth", "budget", "rate_limit"),
        "le": ("0.5", "0.8", "1.0", "5.0"),
        "flag": ("clamped", "estimated"),
        "window": ("5m", "30m", "1h", "6h", "3d"),
        "slo": ("availability", "first_token", "quality"),
        "answerable": ("true", "false"),
        "alertstate": ("pending",),
    }.get(name, ())
    for other in others:
        if other != value:
            yield f'{name}="{other}"{comma}'
        if operator == "=~" and other not in value.split("|"):
            yield f'{name}=~"{value}|{other}"{comma}'


def _metrics(expr: str) -> Made:
    """Ask for another metric of the same kind."""
    series = {name: metric for metric in CATALOGUE for name in _series(metric)}
    for found in re.finditer(r"\bvital_\w+", _bare(expr)):
        metric = series.get(found[0])
        if metric is None:
            continue
        part = found[0].removeprefix(metric.name)
        others = [each for each in CATALOGUE if type(each) is type(metric) and each is not metric]
        asked = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", expr[found.end() : expr.find("}", found.end())]))
        alike = [each for each in others if asked - {"le", "job"} <= {label.name for label in each.label_set}]
        for other in alike[:4]:
            yield _replaced(expr, found, other.name + part)
        for other_part in ("_sum", "_count", "_bucket") if isinstance(metric, Histogram) else ():
            yield _replaced(expr, found, metric.name + other_part)


def _series(metric: Instrument[object]) -> tuple[str, ...]:
    if isinstance(metric, Histogram):
        return tuple(f"{metric.name}_{part}" for part in ("bucket", "count", "sum"))
    return (metric.name,) if isinstance(metric, (Counter, Gauge)) else ()


def _operands(expr: str) -> Made:
    """Leave one side of an operation out, or a call around its argument."""
    for node in _nodes(promql.parse(expr)):
        whole = str(node)
        for part in _parts(node):
            text = str(part)
            if expr.count(whole) and whole != text:
                yield f"{whole} → {text}", expr.replace(whole, text, 1)


def _parts(node: promql.Expr) -> tuple[promql.Expr, ...]:
    match node:
        case promql.BinaryExpr():
            return (node.lhs, node.rhs)
        case promql.AggregateExpr():
            return (node.expr,)
        case promql.Call():
            return tuple(node.args)
    return ()


def _nodes(node: promql.Expr) -> Iterator[promql.Expr]:
    yield node
    below = (node.expr,) if isinstance(node, (promql.ParenExpr, promql.UnaryExpr)) else _parts(node)
    for part in below:
        yield from _nodes(part)


_OPERATORS: Final[dict[str, Callable[[str], Made]]] = {
    "number": _numbers,
    "comparison": _comparisons,
    "arithmetic": _arithmetic,
    "set operator": _sets,
    "aggregation": _aggregations,
    "function": _functions,
    "span": _spans,
    "offset": _offsets,
    "grouping": _grouping,
    "matcher": _matchers,
    "metric": _metrics,
    "operand": _operands,
    "bool": _bools,
    "sides": _sides,
    "clamp": _clamps,
}
