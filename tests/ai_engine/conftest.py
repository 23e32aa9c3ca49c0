"""Services with canned models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service, SteppedModel, serving

from vital_shared import BaseWorkflow
from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services


@pytest.fixture
async def serve(tmp_path) -> AsyncIterator[Serve]:
    """Start services as often as needed, on one store; stopped at the end of the test."""
    async with AsyncExitStack() as stack:

        async def started(
            models: Iterable[Any] = (),
            settings: dict[str, Any] | None = None,
            workflows: Mapping[str, type[BaseWorkflow]] | None = None,
            **parts: Any,
        ) -> Service:
            parts.setdefault("sources", [CannedSource([passage("The review takes 42 days.")])])
            services = await stack.enter_async_context(
                workflow_services(tmp_path, models=[CannedModel("It takes 42 days [1]."), *models], **parts)
            )
            return await stack.enter_async_context(serving(services, workflows=workflows, **(settings or {})))

        yield started


@pytest.fixture
def model() -> SteppedModel:
    return SteppedModel()


@pytest.fixture
async def service(serve: Serve, model: SteppedModel) -> Service:
    """A service with a canned and a stepped model."""
    return await serve([model])


@pytest.fixture
def fuzzed(tmp_path) -> Iterator[Callable[[Any], int]]:
    """Post one body after another to one service, from a test that is not asynchronous; gives the statuses."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> Service:
            services = await stack.enter_async_context(workflow_services(tmp_path, models=[CannedModel()]))
            return await stack.enter_async_context(serving(services))

        async def post(body: Any) -> int:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            response = await service.client.post(
                "/v1/runs", content=content, headers={"Content-Type": "application/json"}
            )
            return response.status_code

        service = runner.run(opened())
        yield lambda body: runner.run(post(body))
        runner.run(stack.aclose())
