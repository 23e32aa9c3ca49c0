"""`vital up`, as a process: one command, one Ctrl-C."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx
import pytest
from tests.ai_engine.api.test_alerts import NOTIFICATION

from vital_ops.stack.ports import check_ports, free_port

HOST = "127.0.0.1"
SECRET = "https://hooks.slack.com/services/T/B/hush"


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port(HOST) for name in ("port", "prometheus-port", "alertmanager-port")}


async def start(folder: Path, ports: dict[str, int]) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    options = [f"--{name}={port}" for name, port in ports.items()]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vital_cli", "up", *options),
        env=inherited | {"VITAL_DATA_DIR": str(folder), "VITAL_SLACK_WEBHOOK_URL": SECRET},
        stdout=PIPE,
        stderr=PIPE,
    )


async def said_until(process: Process, words: str) -> str:
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = await process.stderr.readline()
        assert line, said
        said += line.decode()
    return said


async def test_all_of_it_serves_until_ctrl_c(tmp_path, ports):
    process = await start(tmp_path, ports)
    said = await said_until(process, "Ctrl-C stops all of it.")
    for port in ports.values():
        assert f"http://127.0.0.1:{port}" in said
    assert "Slack" in said
    async with httpx.AsyncClient(timeout=60) as client:
        rules = (await client.get(f"http://{HOST}:{ports['prometheus-port']}/api/v1/rules")).json()
        routes = (await client.get(f"http://{HOST}:{ports['alertmanager-port']}/api/v2/status")).json()
        alerts = f"http://{HOST}:{ports['port']}/v1/alerts"
        assert (await client.post(alerts, json=NOTIFICATION)).status_code == 204
        assert "8 % of the requests fail" in await said_until(process, "HighErrorRate")
    names = {rule["name"] for group in rules["data"]["groups"] for rule in group["rules"]}
    assert {"HighErrorRate", "HighRAGFailureRate"} <= names
    assert "slack-webhook-url" in routes["config"]["original"]
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert SECRET not in said + err.decode()
    check_ports({name: (HOST, port) for name, port in ports.items()})  # nobody listens any more


async def test_ports_that_are_taken_are_reported_in_a_sentence(tmp_path, ports):
    with socket.create_server((HOST, ports["prometheus-port"])):
        process = await start(tmp_path, ports)
        _, err = await process.communicate()
    assert process.returncode == 2
    taken = f"port {ports['prometheus-port']} (Prometheus)"
    reported = (
        f"Error: Other programs use {taken}: stop them, or choose other ports, as `vital up --help` says.\n"
    )
    assert err.decode() == reported
