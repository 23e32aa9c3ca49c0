"""Odd texts wherever a text enters the service: stored or refused in a sentence, on both databases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select
from tests.ai_engine.harness import Service, asked, serving
from tests.run_record import run_record
from tests.store.conftest import url

from vital_shared.models.citation import Passage
from vital_shared.retrieval.usable_passages import usable_passage
from vital_shared.store.run_record import to_record, to_row
from vital_shared.store.tables import runs
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services
from vital_shared.tools.base import tool

__all__ = ["url"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)

TEXTS = {
    "NUL": "a\0b",
    "half a surrogate": "a\ud800b",
    "the other half": "\udfff",
    "a surrogate's halves": "\ud83d\ude00",
    "controls": "\x01\x1b\x85\u2028\u202e",
    "a megabyte": "word " * 200_000,
}


def bodies(text: str) -> list[tuple[str, str, Any]]:
    """Return requests with the text in each place that takes one."""
    run = {"query": "How long?", "mode": 2, "tenant_id": "acme", "user_id": "ann", "model": "canned"}
    chat = {"model": "generalist", "messages": [{"role": "user", "content": "How long?"}]}
    agent = {"id": "odd", "name": "Odd", "system_prompt": "Answer."}
    agui = {"threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {}}
    agui |= {"messages": [{"id": "1", "role": "user", "content": "How long?"}]}
    alert = {
        "status": "firing",
        "labels": {"alertname": "A"},
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f",
        "generatorURL": "http://x",
    }
    return [
        *(
            ("POST", "/v1/runs", run | {field: text})
            for field in ("query", "user_id", "tenant_id", "session_id")
        ),
        *(("POST", "/v1/runs", run | {field: text}) for field in ("model", "agent_id", "mode", "execution")),
        ("POST", "/v1/runs", run | {"metadata": {"key": text}}),
        ("POST", "/v1/runs", run | {"metadata": {text: {"deep": [text]}}}),
        ("POST", "/v1/runs", run | {text: text}),
        ("POST", "/v1/runs", run | {"messages": [{"role": "user", "content": text}]}),
        ("POST", "/v1/runs", run | {"mode": 4, "session_id": "s", "query": f"Why {text[:1000]}?"}),
        ("POST", "/v1/runs", run | {"requested_tools": [{"name": text}]}),
        ("POST", "/v1/runs", run | {"requested_tools": [{"name": "echo", "arguments": {"word": text}}]}),
        ("POST", "/v1/runs", run | {"requested_tools": [{"name": "echo", "arguments": {text: "x"}}]}),
        ("POST", "/v1/runs/run_1/approval", {"approved": [text]}),
        *(
            ("PUT", "/v1/agents/odd", agent | {field: text})
            for field in ("name", "description", "system_prompt")
        ),
        *(("PUT", "/v1/agents/odd", agent | {field: [text]}) for field in ("fallbacks", "tools", "sources")),
        ("PUT", "/v1/agents/odd", agent | {"model": text}),
        ("PUT", "/v1/budgets/acme", {text: 1}),
        ("PUT", "/v1/budgets/acme", {"models": [text]}),
        ("POST", "/v1/chat/completions", chat | {"user": text}),
        ("POST", "/v1/chat/completions", chat | {"model": text}),
        ("POST", "/v1/chat/completions", chat | {"messages": [{"role": "user", "content": text}]}),
        (
            "POST",
            "/v1/chat/completions",
            chat | {"messages": [{"role": "system", "content": text}, *chat["messages"]]},
        ),
        ("POST", "/v1/agui", agui | {"threadId": text}),
        ("POST", "/v1/agui", agui | {"runId": text}),
        ("POST", "/v1/agui", agui | {"messages": [{"id": "1", "role": "user", "content": text}]}),
        ("POST", "/v1/agui", agui | {"state": {text: text}, "forwardedProps": {text: text}}),
        ("POST", "/v1/agui", agui | {"context": [{"description": text, "value": text}]}),
        (
            "POST",
            "/v1/alerts",
            {
                "version": "4",
                "receiver": "vital",
                "alerts": [alert | {"labels": {"alertname": text, "x": text}}],
            },
        ),
        (
            "POST",
            "/v1/alerts",
            {"version": "4", "receiver": "vital", "alerts": [alert | {"annotations": {"summary": text}}]},
        ),
    ]


def addresses(text: str) -> list[str]:
    name = quote(text[:3000].encode("utf-8", "surrogatepass"), safe="")
    return [
        *(f"/v1/{kind}/{name}" for kind in ("runs", "agents", "documents", "models", "budgets")),
        f"/v1/runs/{name}/events",
        *(
            f"/v1/{kind}?tenant_id={name}&{name}={name}"
            for kind in ("agents", "documents", "costs", "alerts")
        ),
        f"/runbooks/{name}",
    ]


@tool()
async def echo(word: str) -> str:
    """Say a word, and what no database can hold."""
    return f"{word} \0 \ud800"


def shortcoming(response: Response) -> str | None:
    """Say in what an answer is neither a success nor a refusal in a sentence."""
    if response.status_code < 400:
        return None
    body = response.json()
    sentence = body["error"]["message"] if "error" in body else body["detail"]
    named = body["error"]["param"] if "error" in body else body.get("errors", response.status_code != 400)
    if (
        response.status_code >= 500
        or not named
        or not sentence.endswith((".", "it out", "check its id", "documents", "memory", "search"))
    ):
        return f"{response.status_code} {response.text[:300]}"
    return None


@pytest.fixture
async def service(tmp_path, url) -> AsyncIterator[Service]:
    parts = {
        "models": [CannedModel("It takes \0 42 \ud800 days [1].")],
        "sources": [CannedSource([passage("The review takes 42 days \0 \ud800.", score=float("nan"))])],
        "tools": [echo],
        "database_url": url,
    }
    async with workflow_services(tmp_path, **parts) as services, serving(services) as started:
        yield started


@pytest.mark.parametrize("name", TEXTS)
async def test_a_body_is_stored_or_refused_in_a_sentence(service, name):
    text, failures = TEXTS[name], []
    for method, path, body in bodies(text):
        response = await service.client.request(
            method, path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        if found := shortcoming(response):
            failures.append((method, path, str(body)[:150], found))
    for path in addresses(text):
        response = await service.client.get(path)
        if response.status_code >= 500:
            failures.append(("GET", path[:80], response.text[:200]))
    assert not failures, "\n".join(map(str, failures))
    async with service.services.database.connect() as connection:
        statuses = await connection.execute(select(runs.c.status).distinct())
        assert set(statuses.scalars()) <= {"completed"}


@pytest.mark.parametrize("name", TEXTS)
async def test_headers_and_documents_are_taken_or_refused(service, name):
    raw = TEXTS[name].encode("utf-8", "surrogatepass")
    value = raw[:200].translate(None, b"\0\r\n\x01\x1b").strip()
    for header in ("Idempotency-Key", "X-Request-Id", "traceparent", "Accept", "Last-Event-ID", "User-Agent"):
        response = await service.client.post("/v1/runs", json=asked("Hi"), headers={header: value})
        assert response.status_code < 500, (header, response.text)
    for media_type in ("text/markdown", "text/html"):
        response = await service.client.post(
            f"/v1/documents?filename={quote(raw[:300])}.md",
            content=b"# " + raw + b"\n\n" + raw,
            headers={"Content-Type": media_type},
        )
        assert response.status_code < 500, (media_type, response.text)
        assert "í" not in response.text  # a half read in another encoding
    assert (await service.client.get("/v1/documents")).status_code == 200


async def test_the_field_with_half_a_surrogate_is_named(service):
    body = json.dumps(asked("Hi", metadata={"a": [{"b": "\ud800"}]})).encode()
    response = await service.client.post(
        "/v1/runs", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "metadata.a.0.b"
    assert "half of a surrogate pair" in response.json()["detail"]


async def test_what_was_cleaned_is_read_back_as_it_was_answered(service):
    output = (await service.ask(enable_rag=True)).json()
    assert "\ufffd" in output["response"]
    assert "\ufffd" in output["citations"][0]["quote"]
    again = (await service.client.get(f"/v1/runs/{output['run_id']}")).json()
    assert again["output"] == output


TEXT = st.text(st.sampled_from("ab \0\ud800\udc00\ue000é"), max_size=9)
JSON = st.recursive(
    TEXT, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2)
)


def is_whole(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(metadata=st.dictionaries(TEXT, JSON, max_size=3), content=TEXT)
def test_a_question_of_the_library_is_stored_as_it_is_or_refused(metadata, content):
    messages = ({"role": "user", "content": content},)
    if not is_whole(metadata) or not is_whole(content):
        with pytest.raises(
            ValidationError, match=r"(metadata|messages\.0\.content)\n.*half of a surrogate pair"
        ):
            question("Hi", mode="4", metadata=metadata, messages=messages)
        return
    asked_for = question("Hi", mode="4", metadata=metadata, messages=messages)
    record = run_record(asked_for, NOW)
    assert to_record(to_row(record)) == record


@given(text=TEXT, score=st.floats())
def test_passages_that_others_find_can_be_written_and_read(text, score):
    found = Passage(
        id=text, document_id=text, title=text, source=text, uri=text, section=text, text=text, score=score
    )
    usable = usable_passage(found)
    assert Passage.model_validate_json(usable.model_dump_json()) == usable
    assert "\0" not in usable.text
    assert usable_passage(usable) is usable
