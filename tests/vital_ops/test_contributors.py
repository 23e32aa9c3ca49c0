"""Messages name what contributes most, a tenant that was never seen before included."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from vital_ops.rules.files import rule_files
from vital_ops.rules.rule import write_yaml
from vital_ops.stack.programs import PROMTOOL, find_program, find_prometheus_3

ODD = 'o"dd\\'
"""A tenant's name that no template and no selector may trip over."""


def said(folder: Path, find, alert: str, minute: int, **series: str) -> str:
    """What promtool has to say of an alert that fires, with its annotations."""
    for name, text in rule_files().items():
        (folder / name).write_text(text)
    test = {
        "rule_files": ["recording.yml", "alerts.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}],
            }
        ],
    }
    (folder / "test.yml").write_text(write_yaml(test, ""))
    done = subprocess.run(
        [find(PROMTOOL), "test", "rules", folder / "test.yml"], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def of_engine(name: str, **labels: str) -> str:
    own = {"job": "vital", "instance": "one:8000"} | labels
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in own.items())}}}"


ALIVE = {of_engine("up"): "1x20", of_engine("vital_metric_series_limit"): "9x20"}


def spent(tenant: str, mode: str) -> str:
    return of_engine("vital_cost_dollars_total", tenant_id=tenant, mode=mode, cost_type="llm")


def asked(mode: str, status: str) -> str:
    known = {"mode": mode, "cache_status": status, "execution": "parallel"}
    return of_engine("vital_workflow_duration_seconds_count", **known)


def entries(name: str, instance: str, tier: str) -> str:
    return of_engine(f"vital_cache_{name}", tier=tier).replace("one:8000", instance)


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
def test_a_budgets_message_names_the_modes_that_have_used_it(tmp_path, find):
    budget = {"tenant_id": ODD, "period": "day"}
    reported = said(
        tmp_path,
        find,
        "TenantBudget",
        12,
        **ALIVE,
        **{of_engine("vital_budget_limit_dollars", **budget): "5x20"},
        **{of_engine("vital_budget_spent_dollars", **budget): "_x9 4.5x11"},
        **{spent(ODD, "1"): "_x9 1x11", spent(ODD, "2"): "_x9 3.5x11", spent("another", "3"): "_x9 70x11"},
    )
    assert 'contributors="2 ($3.50) 1 ($1.00) "' in reported, reported
    assert "another" not in reported


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
def test_a_spikes_message_names_a_tenant_that_spends_for_the_first_time(tmp_path, find):
    overall = of_engine("vital_cost_overall_dollars_total", mode="1", cost_type="llm")
    reported = said(
        tmp_path,
        find,
        "SuddenCostSpike",
        18,
        **ALIVE,
        **{overall: "0+1x20", spent("new", "1"): "_x12 50x8", spent("old", "1"): "0+1x20"},
    )
    assert 'contributors="new ($300.00 an hour) old ($60.00 an hour) "' in reported, reported


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
def test_a_message_of_a_dead_engine_names_all_that_are_down(tmp_path, find):
    series = {of_engine("up"): "1x4 0x30", of_engine("up").replace("one:", "two:"): "0x34"}
    reported = said(tmp_path, find, "EngineDown", 12, **series)
    orders = ("one:8000 (1) two:8000 (1) ", "two:8000 (1) one:8000 (1) ")  # of equal values, any
    assert any(f'contributors="{names}' in reported for names in orders), reported


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
@pytest.mark.parametrize(
    ("alert", "series", "named"),
    [
        (
            "LowCacheHitRate",
            {
                asked(mode, status): f"0+{rise}x60"
                for mode, status, rise in (("1", "miss", 30), ("2", "miss", 60), ("2", "hit", 10))
            }
            | {asked("3", "miss"): "0+900x60"},
            "2 (600) 1 (300) ",
        ),
        (
            "CacheNearCapacity",
            {
                entries(name, instance, tier): f"{number}x60"
                for instance, tier, held in (("one:8000", "memory", 990), ("two:8000", "memory", 500))
                for name, number in (("entries", held), ("capacity_entries", 1000))
            }
            | {entries("entries", "two:8000", "semantic"): "1x60"},
            "one:8000 (99%) two:8000 (50%) ",
        ),
        (
            "HighCacheEvictionRate",
            {
                of_engine(
                    "vital_cache_operations_total", operation="evict", tier=tier, mode=mode
                ): f"0+{rise}x60"
                for tier, mode, rise in (("memory", "2", 600), ("memory", "1", 1200), ("semantic", "1", 60))
            },
            "1 (20 a second) 2 (10 a second) ",
        ),
    ],
)
def test_a_message_about_the_cache_names_what_it_lacks_room_for(tmp_path, find, alert, series, named):
    alive = {name: f"{values.removesuffix('x20')}x60" for name, values in ALIVE.items()}
    reported = said(tmp_path, find, alert, 40, **alive, **series)
    assert f'contributors="{named}"' in reported, reported


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
@pytest.mark.parametrize(
    ("alert", "series", "named"),
    [
        (
            "DeadLetters",
            ALIVE
            | {
                of_engine("vital_store_dead_letters"): "2x20",
                of_engine("vital_charges_flagged_total", flag="clamped"): "0x8 1x12",
                of_engine("vital_charges_flagged_total", flag="estimated"): "0+9x20",
            },
            "writes set aside (2) charges clamped (1",
        ),
        (
            "UsageLimit",
            ALIVE
            | {
                of_engine(
                    f"vital_usage_limit_{each}", level="key", holder=ODD, unit="dollars", period="day"
                ): f"{dollars}x20"
                for each, dollars in (("amount", 5), ("spent", 4.5))
            }
            | {
                spent(ODD, "1"): "_x9 1x11",
                spent(ODD, "2"): "_x9 3.5x11",
                spent("another", "3"): "_x9 70x11",
            },
            "2 ($3.50) 1 ($1.00) ",
        ),
    ],
)
def test_a_message_of_few_words_names_what_is_behind_it(tmp_path, find, alert, series, named):
    reported = said(tmp_path, find, alert, 12, **series)
    assert f'contributors="{named}' in reported, reported


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
def test_a_message_about_dropped_traffic_names_those_that_stopped(tmp_path, find):
    alive = {name: f"{values.removesuffix('x20')}x140" for name, values in ALIVE.items()}

    def requests(tenant: str, values: str) -> dict[str, str]:
        known = {"mode": "1", "outcome": "success"}
        overall = of_engine("vital_workflow_requests_overall_total", user=tenant, **known)
        return {
            of_engine("vital_workflow_requests_total", tenant_id=tenant, **known): values,
            overall: values,
        }

    reported = said(
        tmp_path,
        find,
        "TrafficDropped",
        115,
        **alive,
        **requests("stopped", "0+50x70 3500x70"),
        **requests("forgotten", "0+20x70 stale"),
        **requests("fewer", "0+10x70 702+2x70"),
        **requests("as-always", "0+4x140"),
        **requests("more", "0+1x70 73+3x70"),
    )
    assert 'contributors="stopped (3k) forgotten (1.2k) fewer (480) "' in reported, reported


def test_every_alert_but_the_watchdog_names_its_contributors():
    rules = [
        rule
        for text in rule_files().values()
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert [rule["alert"] for rule in rules if "contributors" not in rule["annotations"]] == ["Watchdog"]
