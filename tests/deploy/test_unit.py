"""The systemd unit, which `systemd-analyze` finds right."""

import configparser
import re
import subprocess
from pathlib import Path

from ai_engine.settings import ServerSettings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/vital.service"


class Unit(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read() -> Unit:
    unit = Unit(strict=False)
    unit.read(UNIT)
    return unit


def test_systemd_finds_nothing_to_complain_about(tmp_path):
    text = UNIT.read_text(encoding="utf-8")
    assert "ExecStart=/opt/vital/bin/vital serve" in text
    unit = tmp_path / "vital.service"
    unit.write_text(text.replace("/opt/vital/bin/vital serve", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_stops_no_sooner_than_runs_have_ended():
    settings = ServerSettings()
    stop = int(read()["Service"]["TimeoutStopSec"])
    assert stop >= settings.lame_duck_seconds + settings.shutdown_seconds + 10


def test_it_is_not_root_and_writes_to_its_state_alone():
    service = read()["Service"]
    assert service["DynamicUser"] == service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert "VITAL_DATA_DIR=/var/lib/vital" in service["Environment"]
    assert service["StateDirectory"] == "vital"


def test_the_commands_of_the_page_run_as_the_same_user_on_the_same_data():
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    service = read()["Service"]
    properties = dict(re.findall(r"--property=(\w+)=(\S+)", page))
    assert {"DynamicUser", "User", "StateDirectory", "EnvironmentFile"} <= set(properties)
    assert properties == {name: service[name] for name in properties}
    variables = re.findall(r"--setenv=(\S+)", page)
    assert variables
    assert set(variables) <= set(service["Environment"].split())
