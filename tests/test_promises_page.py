"""The names and numbers of the page of promises are those of the code."""

import inspect
import re
from http import HTTPStatus
from pathlib import Path
from typing import get_args

import pytest
from tests.torture import __main__ as torture_command
from tests.torture.torture import Report

from ai_engine.problems import RUN_STATUSES
from ai_engine.settings import ServerSettings
from vital_shared.models.quality import DegradationReason
from vital_shared.settings import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "promises.md").read_text(encoding="utf-8")
DEFAULTS = dict(re.findall(r"^\| `(VITAL_[A-Z_]+)` \| (\d+) \|$", PAGE, flags=re.MULTILINE))
FIELDS = {
    f"VITAL_{str(name).upper()}": field.default
    for each in (Settings, ServerSettings)
    for name, field in each.model_fields.items()
}
NUMBERS = {"nine": 9}


def row(fault: str) -> str:
    """Return the line of a fault."""
    (found,) = re.findall(rf"^\| \*\*{re.escape(fault)}\*\*.*$", PAGE, flags=re.MULTILINE)
    return found


@pytest.mark.parametrize("name", sorted(set(re.findall(r"VITAL_[A-Z_]+", PAGE))))
def test_each_variable_of_the_page_is_a_setting_and_each_wait_has_its_default(name):
    assert name in FIELDS
    if name.endswith("_SECONDS"):
        assert float(DEFAULTS[name]) == FIELDS[name]


def test_the_reasons_of_an_answer_that_is_not_whole_are_those_that_answers_have():
    (named,) = re.findall(r"says why \((.*?)\)", row("A provider"))
    reasons = re.findall(r"`(\w+)`", named)
    assert len(reasons) == named.count(",") + 1
    assert set(reasons) <= set(get_args(DegradationReason))


@pytest.mark.parametrize(("fault", "kind"), [("A worker", "lost"), ("The engine", "shutting_down")])
def test_runs_that_end_by_a_fault_of_the_engine_get_the_status_of_the_page(fault, kind):
    lines = [line for line in PAGE.splitlines() if line.startswith(f"| **{fault}** ") and f"`{kind}`" in line]
    assert len(lines) == 1
    assert RUN_STATUSES[kind] == HTTPStatus.SERVICE_UNAVAILABLE
    assert "503" in row("A client retries")


def test_the_torture_has_the_load_and_the_promises_of_the_page():
    (clients,) = re.findall(r"the load of (\d+) clients", PAGE)
    assert f'"--at-once", type=int, default={clients}' in inspect.getsource(torture_command)
    (promises,) = re.findall(r"All (\w+) promises were kept", PAGE)
    assert len(re.findall(r"self\._\w+\(\)", inspect.getsource(Report.promises))) == NUMBERS[promises]
