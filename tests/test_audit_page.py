"""The page about the audit log: its commands and requests are executed, its actions are all there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

from tests.ai_engine.harness import Service, serving
from typer.testing import CliRunner

from vital_cli.main import app
from vital_shared.models.audit import AuditAction
from vital_shared.testing import workflow_services

PAGE = (Path(__file__).parents[1] / "docs" / "audit.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()
]


def test_its_commands_run(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    commands = [shlex.split(line) for line in LINES if line.startswith("vital")]
    for command in commands:
        done = CliRunner().invoke(app, command[1:])
        assert done.exit_code == 0, done.output
    assert len(commands) == 5


async def test_its_requests_are_answered(tmp_path) -> None:
    async with workflow_services(tmp_path) as services, serving(services) as service:
        requests = [shlex.split(line)[1] for line in LINES if line.startswith("curl")]
        for request in requests:
            assert (await _get(service, request)) == 200
        assert len(requests) == 2


async def _get(service: Service, request: str) -> int:
    path = request.removeprefix("http://127.0.0.1:8000")
    return (await service.client.get(path)).status_code


def test_it_names_all_actions() -> None:
    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE.partition("An entry has the time")[0])) == set(
        get_args(AuditAction)
    )
