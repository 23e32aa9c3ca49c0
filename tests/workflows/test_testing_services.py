"""Services for tests are the test's own, whatever the environment names."""

import subprocess
import sys

from vital_shared.testing import asks_for, workflow_services


async def test_the_environment_of_the_machine_brings_nothing_in(tmp_path, monkeypatch):
    config = tmp_path / "vital.toml"
    config.write_text('[agents]\nclerk = "no_such_module:clerk"\n')
    monkeypatch.setenv("VITAL_CONFIG", str(config))
    monkeypatch.setenv("VITAL_MODEL", "inhouse:large")
    monkeypatch.setenv("VITAL_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("VITAL_SUPABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    async with workflow_services(tmp_path / "data") as services:
        assert services.settings.config is None
        assert services.settings.model == ""
        assert list(services.sources)


FIRST_RUN = """
import asyncio, sys
from pathlib import Path
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services
from vital_shared.workflows.base_workflow import BaseWorkflow

async def run():
    parts = {"models": [CannedModel("At nine [1].")], "sources": [CannedSource([passage("It opens at nine.")])]}
    async with workflow_services(Path(sys.argv[1]), **parts) as services:
        before = {*sys.modules}
        await BaseWorkflow(services).execute_typed(question("When does it open?", model="canned"))
        print(({*sys.modules} - before) & {"numpy", "py3langid"})

asyncio.run(run())
"""


def test_the_first_search_of_a_process_has_nothing_large_to_load(tmp_path):
    command = [sys.executable, "-c", FIRST_RUN, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_scripted_tool_call_may_have_an_argument_called_name():
    call = asks_for("lookup", name="bob")[0]
    assert (call.name, call.arguments) == ("lookup", {"name": "bob"})
