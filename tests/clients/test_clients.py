"""Clients of other projects use their own features against the gateway; the page's tables say what each can."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.clients.conftest import HERE, ROOT, RunProgram
from tests.clients.provider import SAID, SEEN, THOUGHT, VECTOR

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")

FEATURES = ("plain", "stream", "tools", "schema", "images", "embeddings", "cancel", "async")
MORE_FEATURES = ("parallel", "usage", "reasoning", "retries")
FAILURES = ("401", "404", "400", "402", "429", "5xx")
NOT_ASKED_MORE = ("LlamaIndex", "LiteLLM", "pydantic-ai")
"""Clients whose further features are not in the second table."""

STATUSES = dict(zip(FAILURES, (401, 404, 400, 402, 429, 502), strict=True))

PROGRAMS = {
    "`openai` (Python), chat completions": "python/openai_client.own.py",
    "`openai` (Python), Responses": "python/openai_client.own.py responses",
    "`openai` (Node), chat completions": "node/openai.mjs",
    "`openai` (Node), Responses": "node/openai.mjs responses",
    "`anthropic` (Python)": "python/anthropic_client.own.py",
    "`@anthropic-ai/sdk` (Node)": "node/anthropic.mjs",
    "`google-genai` (Python)": "python/google_client.own.py",
    "`@google/genai` (Node)": "node/google.mjs",
    "AI SDK, `@ai-sdk/openai`": "node/ai-sdk.mjs openai",
    "AI SDK, `@ai-sdk/openai-compatible`": "node/ai-sdk.mjs compatible",
    "AI SDK, `@ai-sdk/anthropic`": "node/ai-sdk.mjs anthropic",
    "AI SDK, `@ai-sdk/google`": "node/ai-sdk.mjs google",
    "LangChain, `ChatOpenAI`": "python/langchain_client.py openai",
    "LangChain, `ChatOpenAI` over Responses": "python/langchain_client.py responses",
    "LangChain, `ChatAnthropic`": "python/langchain_client.py anthropic",
    "LangChain, `ChatGoogleGenerativeAI`": "python/langchain_client.py google",
    "LlamaIndex": "python/llama_index_client.py",
    "LiteLLM, `openai/…`": "python/litellm_client.py openai",
    "LiteLLM, `anthropic/…`": "python/litellm_client.py anthropic",
    "LiteLLM, `gemini/…`": "python/litellm_client.py gemini",
    "pydantic-ai, `OpenAIChatModel`": "python/pydantic_ai_client.py chat",
    "pydantic-ai, `GoogleModel`": "python/pydantic_ai_client.py google",
    "OpenAI Agents SDK, Responses": "python/agents_client.py",
    "OpenAI Agents SDK, chat completions": "python/agents_client.py chat",
}
"""The clients of the page, and the programs that use them."""


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table under a heading: the cells of each client."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in found if name in PROGRAMS}


def test_the_page_has_every_client() -> None:
    assert set(rows("Features")) == set(rows("Errors")) == set(PROGRAMS)
    assert set(rows("More features")) == {name for name in PROGRAMS if not name.startswith(NOT_ASKED_MORE)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_client_does_what_the_page_says(run_program: RunProgram, name: str, wire: str) -> None:
    program, *words = PROGRAMS[name].split()
    found = await run_program(HERE / program, *words, wire=wire)
    shown = dict(zip(FEATURES, rows("Features")[name], strict=True))
    more = rows("More features").get(name, ["—"] * len(MORE_FEATURES))
    shown |= dict(zip(MORE_FEATURES, more, strict=True))
    is_python = ".py" in program
    expected = {each for each in shown if shown[each] == "yes" and (is_python or each != "async")}
    assert found.keys() == expected | {"errors"}
    outcomes = {each: _outcome(each, found[each], wire) for each in expected}
    assert outcomes == dict.fromkeys(expected, True), found
    types = dict(zip(FAILURES, rows("Errors")[name], strict=True))
    assert found["errors"] == {each: _named(types[each], STATUSES[each]) for each in FAILURES}


def _named(cell: str, status: int) -> str:
    """Return a cell's exception with its status; a client that has another one shows it: "`Failed` (500)"."""
    name, _, shown = cell.replace("`", "").partition(" (")
    return f"{name} {shown.rstrip(')') or status}"


def _outcome(feature: str, found: Any, wire: str) -> bool:
    """Return whether a feature gave what the provider sent."""
    match feature:
        case "parallel":
            return bool(found == ["the moon", "the sun", SAID])
        case "usage":
            return bool(found == ([120, 30] if wire == "chat" else [120, 40]))
        case "reasoning":
            return bool(found == [THOUGHT, SAID])
        case "plain" | "async" | "retries":
            return bool(found == SAID)
        case "stream":
            return len(found) > 3 and "".join(found) == SAID
        case "tools":
            thing, text = found
            return thing in ("the moon", ["the moon"]) and text in (SAID, "7")
        case "schema":
            return all(each == {"days": 42} for each in (found if isinstance(found, list) else [found]))
        case "images":
            return bool(found == SEEN)
        case "embeddings":
            return bool(found == VECTOR)
        case _:
            return found is True
