"""The rules that a file of tests reads, without all others: promtool evaluates each rule that it is given."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.vital_ops.mutation.mutants import reads
from tests.vital_ops.mutation.running import PROMTOOL_PACE, Dumper, Loader

from vital_ops.stack.programs import PROMTOOL

__all__ = ["needed_rules", "run_tests"]

Group = dict[str, Any]
Rule = dict[str, Any]


def needed_rules(tests: Mapping[str, Any], groups: Iterable[Group]) -> list[Group]:
    """Return the groups with the rules that tests ask about or that these rules read, in their order."""
    groups = list(groups)
    unread = [check["expr"] for test in tests["tests"] for check in test["promql_expr_test"]]
    needed = list[Rule]()
    rest = [rule for group in groups for rule in group["rules"]]
    while unread:
        expr = unread.pop()
        found = [rule for rule in rest if _reads(expr, rule)]
        rest = [rule for rule in rest if rule not in found]
        needed += found
        unread += [rule["expr"] for rule in found]
    some = [{**group, "rules": [rule for rule in group["rules"] if rule in needed]} for group in groups]
    return [group for group in some if group["rules"]]


def _reads(expr: str, rule: Rule) -> bool:
    if "record" in rule:
        return reads(expr, rule)
    return re.search(rf"\b{rule['alert']}\b", expr) is not None


def run_tests(
    text: str, rules: Mapping[str, str], folder: Path, find: Callable[[str], Path | str]
) -> subprocess.CompletedProcess[str]:
    """Run a file of tests on the rules that it needs.

    :param rules: the rule files, by their names.
    :param folder: where both are written.
    """
    tests = yaml.load(text, Loader)
    files = [Path(file).name for file in tests["rule_files"]]
    groups = needed_rules(
        tests, (each for file in files for each in yaml.load(rules[file], Loader)["groups"])
    )
    names = {group["name"] for group in groups}
    order = [group for group in tests["group_eval_order"] if group in names]
    tests |= {"rule_files": ["rules.yml"], "group_eval_order": order}
    (folder / "rules.yml").write_text(yaml.dump({"groups": groups}, Dumper=Dumper))
    (folder / "tests.yml").write_text(yaml.dump(tests, Dumper=Dumper))
    command = [find(PROMTOOL), "test", "rules", folder / "tests.yml"]
    return subprocess.run(
        command, env=os.environ | PROMTOOL_PACE, capture_output=True, text=True, check=False
    )
