"""The API against requests that its own OpenAPI document allows, or almost allows (schemathesis)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, nullcontext, suppress

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.schemas import BaseSchema
from tests.ai_engine.api.test_openapi import PATHS
from tests.ai_engine.harness import TestServer, serving

from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

OPERATIONS = [(method, path) for path, methods in PATHS.items() for method in sorted(methods)]

REQUESTS = [
    pytest.param(*operation, mode, marks=[] if number % 2 == turn else [pytest.mark.thorough])
    for number, operation in enumerate(OPERATIONS)
    for turn, mode in enumerate(GenerationMode)
]
"""Operations with right and with wrong requests; each run of the tests has one of both for each operation."""

EXAMPLES = 10
REQUEST_SECONDS = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    deadline=None,
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service in a thread of its own."""
    ready, done, urls = threading.Event(), asyncio.Event(), []
    loops: list[asyncio.AbstractEventLoop] = []

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(TestServer, "capture_signals", lambda _: nullcontext())  # for the main thread alone

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            services = await stack.enter_async_context(
                workflow_services(
                    tmp_path_factory.mktemp("fuzz"),
                    models=[CannedModel("It takes 42 days [1].")],
                    sources=[CannedSource([passage("The review takes 42 days.")])],
                )
            )
            service = await stack.enter_async_context(serving(services))
            urls.append(f"http://127.0.0.1:{service.port}")
            ready.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield urls[0]
    loops[0].call_soon_threadsafe(done.set)
    thread.join(60)
    monkeypatch.undo()


@pytest.fixture(scope="module")
def schema(url: str) -> BaseSchema:
    return schemathesis.openapi.from_dict(httpx.get(f"{url}/openapi.json").json())


@pytest.mark.parametrize(("method", "path", "mode"), REQUESTS)
def test_answers_are_as_documented_and_never_a_fault(
    url: str, schema: BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    @BOUNDED
    @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode))
    def exchange(case: schemathesis.Case) -> None:
        response = case.call_and_validate(base_url=url, checks=CHECKS, timeout=REQUEST_SECONDS)
        assert response.status_code in range(200, 500)

    # There is no wrong request where there are no parameters but a header of text.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        exchange()


BODIES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    [
        "query",
        "mode",
        "messages",
        "model",
        "stream",
        "user",
        "threadId",
        "runId",
        "resume",
        "tenant_id",
        "user_id",
        "input",
        "max_tokens",
        "system",
    ]
)


@pytest.mark.parametrize(
    "path", ["/v1/runs", "/v1/chat/completions", "/v1/agui", "/v1/responses", "/v1/messages", "/v1/nothing"]
)
def test_any_json_is_answered_in_the_paths_dialect(url: str, path: str) -> None:
    @BOUNDED
    @given(body=BODIES | st.dictionaries(FIELDS, BODIES))
    def exchange(body: object) -> None:
        headers = {"Content-Type": "application/json"}
        content = json.dumps(body).encode()
        response = httpx.post(url + path, content=content, headers=headers, timeout=REQUEST_SECONDS)
        assert response.status_code in range(200, 500)
        if response.status_code >= 400:
            reported = response.json()
            assert reported["error"]["message"] if "error" in reported else reported["detail"]

    exchange()
