"""Errors name paths and addresses to operators, and to no client."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.ai_engine.harness import Serve, Service, asked, serving

from vital_cli.problems import report_error
from vital_shared.errors import SourceError, StoreError
from vital_shared.retrieval.sources.pinecone.client import PineconeClient
from vital_shared.store.database import Database
from vital_shared.testing import workflow_services

MESSAGES = [{"role": "user", "content": "How long?"}]

REQUESTS = (
    ("POST", "/v1/runs", asked()),
    ("POST", "/v1/chat/completions", {"model": "mode-2/generalist", "messages": MESSAGES}),
    ("POST", "/v1/responses", {"model": "mode-2/generalist", "input": "How long?"}),
    ("POST", "/v1/messages", {"model": "mode-2/generalist", "max_tokens": 9, "messages": MESSAGES}),
    ("POST", "/v1/agui", {"threadId": "t", "runId": "r", "messages": [{"id": "1"} | MESSAGES[0]]}),
    ("POST", "/v1beta/models/mode-2:generateContent", {"contents": [{"parts": [{"text": "How long?"}]}]}),
    ("GET", "/v1/runs", None),
    ("GET", "/v1/costs", None),
    ("GET", "/v1/documents", None),
    ("GET", "/v1/models", None),
    ("GET", "/readyz", None),
)
"""Requests that need the store, in each dialect."""


async def said(service: Service, address: str) -> list[str]:
    """Ask for everything, see that no answer names an address, and return the answers."""
    answers = [await service.client.request(method, path, json=body) for method, path, body in REQUESTS]
    named = [each.request.url.path for each in answers if address in each.text]
    assert not named
    return [each.text for each in answers]


@pytest.mark.sqlite
async def test_a_store_that_refuses_is_named_to_operators_alone(serve: Serve, tmp_path: Path) -> None:
    service = await serve([])
    for suffix in ("", "-wal", "-shm"):
        await asyncio.to_thread(os.remove, tmp_path / f"vital.db{suffix}")
    with capture_logs() as lines:
        texts = await said(service, str(tmp_path))
    assert "The database refused: unable to open database file" in texts[0]
    reasons = {line["event"]: line.get("reason", "") for line in lines}
    assert str(tmp_path / "vital.db") in reasons["store_unavailable"]
    assert str(tmp_path / "vital.db") in reasons["not_ready"]


async def test_a_terminal_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vital.db").write_text("no database" * 100)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}")
    with pytest.raises(StoreError) as caught:
        await database.ping()
    await database.aclose()
    assert str(tmp_path) not in str(caught.value)
    report_error(caught.value)
    assert f"{tmp_path / 'vital.db'} cannot be reached (file is not a database)" in capsys.readouterr().err


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


async def test_a_server_that_is_away_is_named_to_operators_alone(nobody: str) -> None:
    database = Database(f"postgresql+asyncpg://me:hunter2@{nobody}/vital")
    with pytest.raises(StoreError) as caught:
        await database.ping()
    await database.aclose()
    assert str(caught.value) == "The database cannot be reached: ConnectionRefusedError"
    assert nobody in caught.value.for_operators


async def test_a_provider_that_is_away_is_named_to_operators_alone(
    tmp_path: Path, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_KEY", "sk-mine")
    configuration = tmp_path / "vital.toml"
    configuration.write_text(
        f'[providers.mine]\nwire = "openai"\nbase_url = "http://{nobody}/v1"\nkey_env = "MINE_KEY"\n'
        'attempts = 1\n[models."mine:m"]\nprice = { input = "1", output = "1" }\n'
    )
    opened = workflow_services(tmp_path, config=configuration)
    async with opened as services, serving(services) as service:
        whole = await service.client.post("/v1/runs", json=asked(model="mine:m"))
        chat = {"model": "mine:m", "messages": MESSAGES, "max_tokens": 9}
        relayed = await service.client.post("/v1/chat/completions", json=chat)
        translated = await service.client.post("/v1/messages", json=chat)
        events = await service.events(json=asked(model="mine:m"))
    port = nobody.rpartition(":")[2]
    for text in (whole.text, relayed.text, translated.text, str(events)):
        assert "cannot be reached" in text
        assert port not in text


async def test_a_source_that_is_away_is_named_to_operators_alone(nobody: str) -> None:
    client = PineconeClient(f"http://{nobody}", SecretStr("key"))
    with pytest.raises(SourceError) as caught:
        await client.post("/query", {}, seconds=2)
    await client.aclose()
    assert nobody.rpartition(":")[2] not in str(caught.value)
    assert nobody.rpartition(":")[2] in caught.value.for_operators
