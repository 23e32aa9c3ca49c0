"""The page about export, erasure, retention and backup: its commands, requests and configuration are executed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

from tests.ai_engine.harness import serving
from typer.testing import CliRunner

from ai_engine.protocols.openai.request import user_of
from vital_cli.main import app
from vital_shared.llm.configuration import load_configuration
from vital_shared.models.retention import RETAINED_KINDS
from vital_shared.testing import CannedModel, workflow_services

PAGE = (Path(__file__).parents[1] / "docs" / "retention.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)


def test_its_commands_run_in_their_order(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    lines = [expanded(line) for block in BLOCKS for line in block.splitlines() if line.startswith("vital")]
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
    assert {shlex.split(line)[1] for line in lines} == {"export", "erase", "backup", "restore"}


def expanded(line: str) -> str:
    """Put the output of commands in their place, as a shell does."""

    def output(command: re.Match[str]) -> str:
        return subprocess.run(
            ["sh", "-c", command[1]], capture_output=True, text=True, check=True
        ).stdout.strip()

    return re.sub(r"\$\((.*?)\)", output, line)


def test_a_user_with_other_characters_is_the_one_whom_requests_have() -> None:
    (line,) = re.findall(r'^vital erase .* "(user-.*)"$', PAGE, flags=re.MULTILINE)
    assert expanded(line) == user_of("Ann Lee")


async def test_its_requests_are_answered(tmp_path) -> None:
    async with (
        workflow_services(tmp_path, models=[CannedModel("42 days.")], store_prompts=True) as services,
        serving(services) as service,
    ):
        run_id = (await service.ask("How long?", user_id="bob", model="canned")).json()["run_id"]
        requests = [shlex.split(block) for block in BLOCKS if block.startswith("curl")]
        for _, address, *options in requests:
            path = address.removeprefix("http://127.0.0.1:8000").replace("$RUN", run_id)
            if "-d" in options:
                body = json.loads(options[options.index("-d") + 1])
                response = await service.client.post(path, json=body)
            else:
                response = await service.client.get(path)
            assert response.status_code == 200, response.text
        shown = (await service.client.get(f"/v1/runs/{run_id}/model-calls")).json()
        assert len(requests) == 4
    assert (shown["calls"][-1]["answer"], shown["not_stored"]) == ("42 days.", 0)


def test_its_configuration_can_be_read_and_names_all_kinds(tmp_path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "vital.toml").write_text(block, encoding="utf-8")
    table = load_configuration(tmp_path / "vital.toml").retention
    assert table.model_fields_set == {*RETAINED_KINDS, "tenants"}
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) == set(RETAINED_KINDS)
