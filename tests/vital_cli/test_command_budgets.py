"""`vital budgets`."""

import json

import pytest


def show(vital, tenant="acme"):
    return json.loads(vital("budgets", "show", tenant, "--json").stdout)


def test_limits_are_set_shown_and_listed_to_the_last_digit(vital, empty_dir):
    done = vital(
        "budgets", "set", "acme", "--daily", "10.000000001", "--monthly", "200", "--per-minute", "60"
    )
    assert done.exit_code == 0
    shown = show(vital)
    assert (shown["daily"]["limit_dollars"], shown["daily"]["left_dollars"]) == (
        "10.000000001",
        "10.000000001",
    )
    assert (shown["monthly"]["limit_dollars"], shown["requests_per_minute"]) == ("200", 60)
    assert json.loads(vital("budgets", "list", "--json").stdout) == [shown]
    assert "$0 of $10.000000001" in vital("budgets", "list").stdout
    assert "$0 of $200" in vital("budgets", "show", "acme").stdout


def test_a_limit_that_is_not_given_stays_and_none_lifts_one(vital, empty_dir):
    vital("budgets", "set", "acme", "--daily", "10", "--monthly", "200")
    assert vital("budgets", "set", "acme", "--per-minute", "5").exit_code == 0
    assert vital("budgets", "set", "acme", "--daily", "none").exit_code == 0
    shown = show(vital)
    assert shown["daily"] is None
    assert (shown["monthly"]["limit_dollars"], shown["requests_per_minute"]) == ("200", 5)


def test_a_weight_and_models_are_set_and_lifted(vital, empty_dir):
    vital("budgets", "set", "acme", "--weight", "3", "--models", "large, small")
    assert (show(vital)["weight"], show(vital)["models"]) == (3, ["large", "small"])
    vital("budgets", "set", "acme", "--models", "none")
    assert (show(vital)["weight"], show(vital)["models"]) == (3, None)


def test_setting_nothing_is_refused_for_a_tenant_with_limits_too(vital, empty_dir):
    vital("budgets", "set", "acme", "--daily", "10")
    done = vital("budgets", "set", "acme")
    assert done.exit_code == 2
    assert "no limit is given" in done.stderr


def test_deleted_limits_are_gone(vital, empty_dir):
    vital("budgets", "set", "acme", "--daily", "10")
    assert vital("budgets", "delete", "acme").exit_code == 0
    assert "No tenant has limits" in vital("budgets", "list").stderr
    for command in ("show", "delete"):
        done = vital("budgets", command, "acme")
        assert done.exit_code == 2
        assert "acme has no limits" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acme",), "no limit is given"),
        (("acme", "--daily", "ten"), "daily_dollars"),
        (("acme", "--daily", "-1"), "daily_dollars"),
        (("acme", "--monthly", "0.0000000001"), "monthly_dollars"),
        (("acme", "--per-minute", "0"), "requests_per_minute"),
        (("acme", "--per-minute", "1.5"), "requests_per_minute"),
        (("acme", "--weight", "0"), "weight"),
        (("acme", "--weight", "101"), "weight"),
        (("a b", "--daily", "1"), "a tenant's id"),
    ],
)
def test_limits_that_cannot_be_are_refused_in_one_sentence(vital, empty_dir, arguments, said):
    done = vital("budgets", "set", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "No tenant has limits" in vital("budgets", "list").stderr
