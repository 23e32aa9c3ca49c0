"""Services on a fresh store, with canned parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services
from vital_shared.tools.base import ToolContext, tool
from vital_shared.workflows.services import Services

FACT = passage("The review of a widget takes 42 days.")

Open = Callable[..., Awaitable[Services]]


def _word(query: str) -> dict[str, Any] | None:
    return {"word": "hello"} if "echo" in query else None


@tool(keywords=("echo",), from_query=_word)
async def echo(word: str) -> str:
    """Say a word."""
    return word


@tool(keywords=("echo",), from_query=_word, requires_approval=False)
async def free_echo(word: str) -> str:
    """Say a word, without asking anybody."""
    return word


@tool()
async def broken(word: str) -> str:
    """Fail."""
    raise RuntimeError(word)


@tool(timeout_seconds=0.01)
async def stuck(word: str) -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return word


@tool()
async def whose(context: ToolContext) -> str:
    """Return the tenant and the run."""
    return f"{context.tenant_id} {context.run_id}"


@pytest.fixture
async def open_services(tmp_path, store_address: str) -> AsyncIterator[Open]:
    """Open services as often as needed, on one store; closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def opened(**parts: Any) -> Services:
            parts.setdefault("database_url", store_address)
            parts.setdefault("models", [CannedModel("It takes 42 days [1].")])
            parts.setdefault("sources", [CannedSource([FACT])])
            parts.setdefault("tools", [echo, free_echo, broken, stuck, whose])
            return await stack.enter_async_context(workflow_services(tmp_path, **parts))

        yield opened


@pytest.fixture
async def services(open_services: Open) -> Services:
    """One canned model and one canned source with one fact."""
    return await open_services()
