"""Variables of the environment that are nearly the name of a setting."""

import re
from pathlib import Path

import pytest
from tests.vital_cli.conftest import run_command

from vital_cli.misspelt_variables import KNOWN, misspelt_variables

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_a_command_warns_of_a_variable_that_is_misspelt(tmp_path):
    done = run_command(
        "models", "list", env={"VITAL_DATA_DIR": str(tmp_path), "VITAL_REDIS_ULR": "redis://one"}
    )
    assert done.returncode == 0, done.stderr
    assert "VITAL_REDIS_ULR is no setting, and is ignored. Did you mean VITAL_REDIS_URL?" in done.stderr
    assert "VITAL_DATA_DIR" not in done.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VITAL_DATABSE_URL", "VITAL_DATABASE_URL"),
        ("VITAL_CACHE_ENTRY", "VITAL_CACHE_ENTRIES"),
        ("VITAL_WORKFLOWS", "VITAL_WORKFLOW"),
        ("VITAL_CORS_ORIGIN", "VITAL_CORS_ORIGINS"),
    ],
)
def test_the_setting_that_was_meant_is_named(name, meant):
    assert [*misspelt_variables([name])] == [f"{name} is no setting, and is ignored. Did you mean {meant}?"]


def test_no_setting_of_the_documentation_and_nothing_of_others_is_taken_for_a_mistake():
    documented = set(re.findall(r"VITAL_[A-Z]+(?:_[A-Z]+)*", README))
    assert documented <= KNOWN
    assert not [*misspelt_variables([*documented, "VITAL_TEAM", "VITAL_MY_OWN_THING", "HOME"])]
