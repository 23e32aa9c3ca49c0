"""Panels over several replicas."""

import json
import subprocess

import pytest

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.promql import scoped
from vital_ops.stack.programs import PROMTOOL, find_program

METRICS = {
    ("size", 0): "vital_cache_entries",
    ("size", 1): "vital_cache_capacity_entries",
    ("memory", 0): "vital_cache_bytes",
}


@pytest.mark.parametrize(("key", "number"), METRICS)
def test_replicas_over_one_redis_count_its_entries_once(tmp_path, key, number):
    board = next(each for each in boards(DEFAULT_CONFIG) if each.uid == "vital-cache")
    panel = next(each for each in board.all_panels if each.key == key)
    metric = METRICS[key, number]
    series = [
        {"series": f'{metric}{{instance="{instance}",tier="{tier}"}}', "values": str(value)}
        for instance in "ab"
        for tier, value in (("memory", 3), ("redis", 5))
    ]
    expected = {
        "expr": scoped(panel.queries[number].expr, ""),
        "eval_time": "0m",
        "exp_samples": [
            {"labels": '{tier="memory"}', "value": 6},
            {"labels": '{tier="redis"}', "value": 5},
        ],
    }
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [expected]}]
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [], "tests": tests}))
    done = subprocess.run(
        [find_program(PROMTOOL), "test", "rules", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
