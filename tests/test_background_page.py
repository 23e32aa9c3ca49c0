"""The page about background runs: its requests, programs and commands are executed."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from tests.ai_engine.harness import serving
from tests.ai_engine.test_webhooks import delivery, receiving

from vital_shared.store.requeue import MAX_ATTEMPTS, QUEUED_FOR
from vital_shared.testing import CannedModel, question, workflow_services

PAGE = (Path(__file__).parents[1] / "docs" / "background.md").read_text(encoding="utf-8")
COMMAND = Path(sys.executable).with_name("vital")
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    (found,) = (text for text in blocks if containing in text)
    return str(found)


def curled() -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers and the body of the page's request."""
    words = shlex.split(block("sh", "curl"))
    headers = [words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H"]
    return dict(headers), json.loads(words[words.index("-d") + 1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    return inherited | {"VITAL_DATA_DIR": str(folder)} | more


def printed(folder: Path, command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(
        [str(COMMAND), *shlex.split(command)[1:]],
        env=environment(folder, VITAL_WEBHOOK_SECRET=SECRET),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


async def test_its_request_is_accepted_and_its_receiver_verifies_the_webhook(tmp_path: Path) -> None:
    headers, body = curled()
    names: dict[str, Any] = {}
    exec(block("python", "def receive"), names)
    secret = printed(tmp_path, block("sh", "vital webhooks").splitlines()[1])
    allowed = {"webhook_secret": SecretStr(SECRET), "webhook_loopback": True}
    async with (
        receiving() as receiver,
        workflow_services(tmp_path, models=[CannedModel()]) as services,
        serving(services, **allowed) as service,
    ):
        response = await service.client.post(
            "/v1/runs", json=body, headers=headers | {"Webhook-Url": receiver.url}
        )
        assert response.status_code == 202
        run_id = response.json()["run_id"]
        assert response.headers["location"] == f"/v1/runs/{run_id}"
        await delivery(service, run_id, "delivered")
        ((sent, message),) = receiver.got
    assert names["receive"](secret, sent, message) == run_id
    shown = json.loads(block("json", "run.completed"))
    assert shown.keys() == json.loads(message).keys()
    assert shown["data"].keys() == json.loads(message)["data"].keys()


async def test_its_program_shouts(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(block("python", "class Shout"), names)
    async with workflow_services(tmp_path) as services:
        output = await names["shout"](names["Shout"](services), question("hello"))
    assert output.response == "HELLO"


def test_its_batch_is_answered(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text(block("json", "custom_id"))
    command = shlex.split(block("sh", "vital batch"))
    done = subprocess.run(
        [str(COMMAND), *command[1:]],
        cwd=tmp_path,
        env=environment(tmp_path / "data"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "questions.results.jsonl").read_text().splitlines()
    assert [json.loads(line)["custom_id"] for line in results] == [None, "de-novo"]
    assert (tmp_path / "questions.results.jsonl.batch").exists()


def test_its_figures_are_right() -> None:
    assert (QUEUED_FOR.days, MAX_ATTEMPTS) == (7, 5)
    assert "has waited for a week" in PAGE
    assert "at most five times" in PAGE
