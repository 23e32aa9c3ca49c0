"""Guardrails in runs: models of providers over HTTP, models of the process, tools and searches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.local_server import local_server

from vital_shared import BaseWorkflow
from vital_shared.errors import RunFailed
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.monitoring.metrics import GUARDRAIL_DECISIONS_TOTAL, TOOL_EXECUTIONS_TOTAL
from vital_shared.testing import (
    CannedModel,
    CannedSource,
    ScriptedModel,
    asks_for,
    passage,
    question,
    says,
    workflow_services,
)
from vital_shared.tools.base import tool

EMAIL = "ann.lee@example.org"


@tool(requires_approval=False)
async def note(word: str) -> str:
    """Say a word."""
    return f"noted {word}"


class Echo:
    """A provider that answers with the last words it was sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        said = str(body["messages"][-1]["content"])
        for at in range(0, len(said), 7):
            chunk = {"choices": [{"index": 0, "delta": {"content": said[at : at + 7]}}]}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        return response


@asynccontextmanager
async def provider() -> AsyncIterator[tuple[Echo, str]]:
    echo, app = Echo(), web.Application()
    app.router.add_post("/v1/chat/completions", echo.answer)
    async with local_server(app) as url:
        yield echo, f'[providers.own]\nwire = "openai"\nbase_url = "{url}/v1"\nkey_env = ""\n'


async def run(tmp_path: Path, toml: str, text: str = "How long?", **parts: Any) -> WorkflowOutput:
    config = tmp_path / "vital.toml"
    config.write_text(toml, encoding="utf-8")
    asked = {key: parts.pop(key) for key in ("model", "requested_tools", "mode") if key in parts}
    async with workflow_services(tmp_path, config=config, **parts) as services:
        return await BaseWorkflow(services).execute_typed(question(text, **asked))


async def test_a_provider_gets_no_personal_data_and_the_user_gets_it_back(tmp_path: Path) -> None:
    async with provider() as (echo, toml):
        source = CannedSource([passage(f"Refunds go by {EMAIL} within 42 days.")])
        asked = f"Does {EMAIL} or +49 30 901820 answer?"
        output = await run(
            tmp_path,
            f'{toml}[guardrails]\nmask = ["email", "phone"]\n',
            asked,
            model="own:x",
            sources=[source],
        )
    sent = json.dumps(echo.bodies)
    assert EMAIL not in sent
    assert "901820" not in sent
    assert "<EMAIL_" in sent
    assert EMAIL in output.response
    assert "+49 30 901820" in output.response
    assert "<EMAIL_" not in output.model_dump_json()
    assert GUARDRAIL_DECISIONS_TOTAL.labels("model", "pii", "changed").value > 0


async def test_a_denied_question_reaches_no_model(tmp_path: Path) -> None:
    async with provider() as (echo, toml):
        with pytest.raises(RunFailed, match="denied pattern 1"):
            await run(
                tmp_path,
                f"{toml}[guardrails]\ndeny_input = ['(?i)jailbreak']\n",
                "A Jailbreak?",
                model="own:x",
            )
    assert echo.bodies == []


async def test_a_denied_answer_is_held_back_and_the_run_says_why(tmp_path: Path) -> None:
    async with provider() as (_, toml):
        output = await run(
            tmp_path,
            f"{toml}[guardrails]\ndeny_output = ['forbidden words']\n",
            "Say the forbidden words.",
            model="own:x",
            sources=[CannedSource([passage("It takes 42 days.")])],
        )
    assert "guardrail" in output.degradation_reasons
    assert "forbidden" not in output.response


async def test_models_that_an_application_brings_get_masked_requests_too(tmp_path: Path) -> None:
    model = CannedModel("fine", name="openai:canned")
    await run(
        tmp_path, '[guardrails]\nmask = ["email"]\n', f"Is it {EMAIL}?", model="openai:canned", models=[model]
    )
    assert EMAIL not in "".join(each.model_dump_json() for each in model.requests)


async def test_a_tool_call_of_a_masked_model_gets_the_originals(tmp_path: Path) -> None:
    seen: list[str] = []

    @tool(requires_approval=False)
    async def mail(word: str) -> str:
        """Send a mail."""
        seen.append(word)
        return "sent"

    class Calling(ScriptedModel):
        async def stream(self, request: Any) -> Any:
            if request.task == "answer" and not request.exchanges:
                (masked,) = (each for each in request.question.split() if each.startswith("<EMAIL_"))
                self._scripts = [asks_for("mail", word=masked)]
            else:
                self._scripts = [says("done")]
            async for event in super().stream(request):
                yield event

    model = Calling(name="openai:scripted")
    await run(
        tmp_path,
        '[guardrails]\nmask = ["email"]\n',
        f"Mail {EMAIL} now",
        model=model.name,
        models=[model],
        tools=[mail],
    )
    assert seen == [EMAIL]


@pytest.mark.parametrize(
    ("rules", "word"),
    [('[guardrails.keys."*"]\ntools = []', "any"), ("deny_output = ['noted bad']", "bad")],
)
async def test_a_refused_tool_call_is_denied_with_the_reason(tmp_path: Path, rules: str, word: str) -> None:
    output = await run(
        tmp_path,
        f"[guardrails]\n{rules}\n",
        model="canned",
        models=[CannedModel("fine")],
        tools=[note],
        requested_tools=({"name": "note", "arguments": {"word": word}},),
    )
    (result,) = output.tool_results
    assert (result.status, result.content) == ("denied", "")
    assert "denied pattern" in (result.error or "") or "may not use" in (result.error or "")
    assert TOOL_EXECUTIONS_TOTAL.labels("note", "denied").value > 0


async def test_a_refused_search_is_degraded(tmp_path: Path) -> None:
    output = await run(
        tmp_path,
        "[guardrails]\ndeny_output = ['poisoned']\n",
        model="canned",
        models=[CannedModel("fine")],
        sources=[CannedSource([passage("a poisoned document")])],
    )
    assert "rag_failed" in output.degradation_reasons
    assert GUARDRAIL_DECISIONS_TOTAL.labels("retrieval", "pattern", "refused").value > 0


async def test_a_hook_of_ones_own_decides(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    async def decide(request: web.Request) -> web.Response:
        body = await request.json()
        asked.append(body)
        if body["when"] == "after" and body["stage"] == "model":
            return web.json_response({"allow": True, "texts": [each.upper() for each in body["texts"]]})
        return web.json_response({"allow": True})

    app = web.Application()
    app.router.add_post("/check", decide)
    async with local_server(app) as url:
        output = await run(
            tmp_path,
            f'[guardrails.hook]\nurl = "{url}/check"\n',
            model="canned",
            models=[CannedModel("quite fine")],
        )
    assert output.response == "QUITE FINE"
    assert {(each["stage"], each["when"]) for each in asked} >= {("model", "before"), ("model", "after")}
    assert asked[0]["tenant_id"] == "acme"
    assert asked[0]["run_id"] == output.run_id


@pytest.mark.parametrize(
    "body", ["no JSON", '{"allow": "maybe"}', '{"allow": true, "texts": []}', '{"allow": false}']
)
async def test_a_hook_without_a_usable_verdict_refuses(tmp_path: Path, body: str) -> None:
    async def decide(_: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_post("/check", decide)
    async with local_server(app) as url:
        with pytest.raises(RunFailed):
            await run(
                tmp_path,
                f'[guardrails.hook]\nurl = "{url}/check"\n',
                model="canned",
                models=[CannedModel("fine")],
            )


async def test_an_absent_hook_refuses(tmp_path: Path) -> None:
    toml = '[guardrails]\ntimeout_seconds = 0.5\n[guardrails.hook]\nurl = "http://127.0.0.1:9/"\n'
    with pytest.raises(RunFailed, match="guardrail"):
        await run(tmp_path, toml, model="canned", models=[CannedModel("fine")])
