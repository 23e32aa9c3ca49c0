"""Spans and metrics against the published conventions: names, types, requirement levels, values, buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv._incubating.attributes import (
    error_attributes,
    gen_ai_attributes,
    server_attributes,
    session_attributes,
    user_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind
from tests.ai_engine.harness import serving
from tests.local_server import local_server
from tests.monitoring.genai_conventions import BUCKETS, METRICS, SPANS, Attribute
from tests.tracing import Metrics, Spans

from vital_shared import BaseWorkflow
from vital_shared.models.call_parameters import read_parameters
from vital_shared.monitoring.spans import PROVIDERS
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services

FACT = passage("The review of a widget takes 42 days.")

CONFIGURATION = """
[providers.openai]
base_url = "{url}/v1"
key_env = "OTEL_TEST_KEY"

[models."openai:gpt-5"]
max_output_tokens = 321
temperature = 0.25
options = {{ top_p = 0.9, seed = 7, stop = ["END"], frequency_penalty = 0.5, presence_penalty = 1, n = 1 }}
"""

CHUNKS = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    *[{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("It ", "takes ", "42 ", "days.")],
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24}},
]


async def _completions(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    if body["model"] == "broken":
        return web.json_response({"error": {"message": "no", "code": "invalid"}}, status=400)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-request-id": "req_1"})
    await response.prepare(request)
    origin = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "model": "gpt-5-2026-08-07"}
    for chunk in CHUNKS:
        await response.write(f"data: {json.dumps(origin | chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TEST_KEY", "sk-test")


async def run_against_a_provider(data: Path, *models: str, **asked: Any) -> str:
    """Run a question once for each model of a provider over HTTP, and return its address."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _completions)
    async with local_server(app) as url:
        config = data / "vital.toml"
        config.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        async with workflow_services(data, config=config, sources=[CannedSource([FACT])]) as services:
            for model in models:
                await BaseWorkflow(services).execute_typed(question("How long?", model=model, **asked))
        return url


def names_of(*modules: ModuleType) -> set[str]:
    return {value for each in modules for value in vars(each).values() if isinstance(value, str)}


REGISTRY = names_of(
    gen_ai_attributes, server_attributes, error_attributes, session_attributes, user_attributes
)


def values_of(enumeration: type[Enum]) -> set[str]:
    return {each.value for each in enumeration}


ADDED_PROVIDERS = {"moonshot_ai"}
"""Providers that the registry has got since the package was made."""


def differences(
    attributes: Mapping[str, Any], table: Mapping[str, Attribute], *, failed: bool
) -> Iterator[str]:
    for name, value in attributes.items():
        if name.startswith("vital."):
            continue
        if name not in table:
            yield f"{name} is not in the conventions"
        elif not isinstance(value, table[name].type):
            yield f"{name} is a {type(value).__name__}"
        elif table[name].level == "opt_in":
            yield f"{name} holds content"
    for name, attribute in table.items():
        if attribute.level == "required" and name not in attributes:
            yield f"{name} is missing"
    if failed != ("error.type" in attributes):
        yield "error.type goes with failures, and with nothing else"
    if "server.address" in attributes and "server.port" not in attributes:
        yield "server.port is missing"


def spans_differ(spans: tuple[ReadableSpan, ...]) -> list[str]:
    """Return where spans of the conventions' operations differ from them."""
    found = []
    for span in spans:
        attributes = dict(span.attributes or {})
        operation = attributes.get("gen_ai.operation.name")
        if operation is not None:
            failed = not span.status.is_ok and not span.status.is_unset
            found += [
                f"{span.name}: {each}" for each in differences(attributes, SPANS[operation], failed=failed)
            ]
            subject = {
                "chat": "gen_ai.request.model",
                "embeddings": "gen_ai.request.model",
                "execute_tool": "gen_ai.tool.name",
                "retrieval": "gen_ai.data_source.id",
                "invoke_agent": "gen_ai.agent.name",
                "invoke_workflow": "gen_ai.workflow.name",
            }[operation]
            if span.name != f"{operation} {attributes[subject]}":
                found.append(f"{span.name} is named otherwise")
    return found


def test_every_name_of_our_tables_is_in_the_registry() -> None:
    tables = (*SPANS.values(), *METRICS.values())
    assert {name for table in tables for name in table} <= REGISTRY
    assert set(SPANS) <= values_of(gen_ai_attributes.GenAiOperationNameValues)
    assert set(METRICS) <= names_of(gen_ai_metrics)


def test_providers_have_the_registrys_names() -> None:
    known = values_of(gen_ai_attributes.GenAiProviderNameValues) | ADDED_PROVIDERS
    assert set(PROVIDERS.values()) <= known


async def test_a_whole_run_is_as_the_conventions_have_it(tmp_path: Path, spans: Spans) -> None:
    url = await run_against_a_provider(
        tmp_path,
        "openai:gpt-5",
        "openai:broken",
        mode="3",
        session_id="s1",
        requested_tools=({"name": "calculator", "arguments": {"expression": "6 * 7"}},),
    )
    assert spans_differ(spans.all) == []
    chats = [span for span in spans.of("chat gpt-5") if (span.attributes or {}).get("vital.node") == "answer"]
    (chat,) = chats
    assert chat.kind == SpanKind.CLIENT
    attributes = dict(chat.attributes or {})
    assert {name: value for name, value in attributes.items() if name in EXPECTED} == EXPECTED
    assert attributes["server.port"] == int(url.rpartition(":")[2])
    failed = next(span for span in spans.of("chat broken"))
    assert (failed.attributes or {})["error.type"] == "vital_shared.llm.base.ModelRejected"
    operations = {(span.attributes or {}).get("gen_ai.operation.name") for span in spans.all}
    assert operations >= {"chat", "execute_tool", "retrieval", "invoke_agent", "invoke_workflow"}
    (retrieval, *_) = spans.of("retrieval")
    assert (retrieval.attributes or {})["gen_ai.request.top_k"] > 0


RELAYED = {
    "temperature": 0.25,
    "max_tokens": 321,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["END"],
    "frequency_penalty": 0.5,
    "presence_penalty": 1,
    "n": 2,
    "stream": True,
}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", RELAYED | {"messages": [{"role": "user", "content": "How long?"}]}),
        (
            "/v1/messages",
            {
                "messages": [{"role": "user", "content": "How long?"}],
                "max_tokens": 321,
                "temperature": 0.25,
                "top_p": 0.9,
                "stop_sequences": ["END"],
            },
        ),
    ],
)
async def test_a_relayed_call_is_as_the_conventions_have_it(
    tmp_path: Path, spans: Spans, path: str, fields: dict[str, Any]
) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _completions)
    async with local_server(app) as url:
        config = tmp_path / "vital.toml"
        config.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        async with workflow_services(tmp_path, config=config) as services, serving(services) as service:
            for model in ("gpt-5", "broken"):
                body = {"model": f"openai:{model}", **fields}
                answer = await service.client.post(path, json=body)
                assert answer.status_code == (400 if model == "broken" else 200), answer.text
            await service.engine.hub.drained()
    assert spans_differ(spans.all) == []
    (chat,) = spans.of("chat gpt-5")
    attributes = dict(chat.attributes or {})
    has_all = path.endswith("completions")
    only = {"gen_ai.request.seed", "gen_ai.request.frequency_penalty", "gen_ai.request.presence_penalty"}
    left_out = {"gen_ai.conversation.id"} | (set() if has_all else only)
    wanted = {name: value for name, value in EXPECTED.items() if name not in left_out}
    assert {name: value for name, value in attributes.items() if name in wanted} == wanted
    assert attributes.get("gen_ai.request.choice.count") == (2 if has_all else None)
    assert attributes["server.port"] == int(url.rpartition(":")[2])
    assert attributes["gen_ai.request.stream"] is True
    (failed,) = spans.of("chat broken")
    assert (failed.attributes or {})["error.type"] == "vital_shared.llm.base.ModelRejected"


async def test_the_span_of_a_whole_answer_says_so(tmp_path: Path, spans: Spans) -> None:
    async def whole(_: web.Request) -> web.Response:
        message = {"role": "assistant", "content": "42 days."}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 20, "completion_tokens": 4}
        return web.json_response({"id": "c1", "model": "gpt-5-x", "choices": choices, "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", whole)
    async with local_server(app) as url:
        config = tmp_path / "vital.toml"
        config.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        async with workflow_services(tmp_path, config=config) as services, serving(services) as service:
            body = {"model": "openai:gpt-5", "messages": [{"role": "user", "content": "How long?"}]}
            assert (await service.client.post("/v1/chat/completions", json=body)).status_code == 200
            await service.engine.hub.drained()
    attributes = dict(spans.one("chat gpt-5").attributes or {})
    assert attributes["gen_ai.request.stream"] is False
    assert attributes["gen_ai.response.id"] == "c1"
    assert attributes["gen_ai.response.model"] == "gpt-5-x"
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


EXPECTED = {
    "gen_ai.conversation.id": "s1",
    "gen_ai.request.max_tokens": 321,
    "gen_ai.request.temperature": 0.25,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.seed": 7,
    "gen_ai.request.stop_sequences": ("END",),
    "gen_ai.request.frequency_penalty": 0.5,
    "gen_ai.request.presence_penalty": 1.0,
    "gen_ai.response.id": "chatcmpl-9",
    "gen_ai.response.model": "gpt-5-2026-08-07",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 20,
    "gen_ai.usage.output_tokens": 4,
    "server.address": "127.0.0.1",
}


async def test_metrics_have_the_conventions_names_units_attributes_and_buckets(
    tmp_path: Path, spans: Spans, otel_metrics: Metrics
) -> None:
    await run_against_a_provider(tmp_path, "openai:gpt-5", "openai:broken")  # all chunks in one packet
    in_words = CannedModel("42 days in all.", name="openai:canned")
    async with workflow_services(tmp_path, models=[in_words]) as services:
        await BaseWorkflow(services).execute_typed(question("How long?", model=in_words.name))
    recorded = otel_metrics.read()
    units = _units()
    assert set(recorded) >= set(METRICS)
    for name, table in METRICS.items():
        metric = recorded[name]
        assert metric.unit == units[name]
        for point in metric.data.data_points:
            assert tuple(point.explicit_bounds) == pytest.approx(BUCKETS[name])
            failed = "error.type" in point.attributes
            assert list(differences(point.attributes, table, failed=failed)) == [], name
    points = {
        point.attributes["gen_ai.token.type"]: point
        for point in recorded["gen_ai.client.token.usage"].data.data_points
        if point.attributes["gen_ai.request.model"] == "gpt-5"
    }
    assert points["input"].attributes["gen_ai.response.model"] == "gpt-5-2026-08-07"
    assert {kind: point.sum % 20 for kind, point in points.items()} == {
        "input": 0,
        "output": 4 * points["output"].count,
    }


async def test_examples_in_the_buckets_name_the_span(
    tmp_path: Path, spans: Spans, otel_metrics: Metrics
) -> None:
    async with workflow_services(
        tmp_path, models=[CannedModel("42 days [1].", name="openai:gpt-5")]
    ) as services:
        await BaseWorkflow(services).execute_typed(question("How long?", model="openai:gpt-5"))
    duration = otel_metrics.read()["gen_ai.client.operation.duration"]
    traces = {each.trace_id for point in duration.data.data_points for each in point.exemplars}
    assert spans.one("chat").context.trace_id in traces


async def test_models_that_never_answer_get_no_series_of_their_own(
    tmp_path: Path, spans: Spans, otel_metrics: Metrics
) -> None:
    await run_against_a_provider(tmp_path, "openai:broken")
    duration = otel_metrics.read()["gen_ai.client.operation.duration"]
    models = {point.attributes["gen_ai.request.model"] for point in duration.data.data_points}
    assert "broken" not in models
    assert "other" in models


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"max_completion_tokens": 5, "stop": "x", "n": 2}, {"max_tokens": 5, "stop_sequences": ("x",), "choice_count": 2}),
        ({"max_tokens": 9, "top_k": 3, "stop_sequences": ["a", "b"]}, {"max_tokens": 9, "top_k": 3, "stop_sequences": ("a", "b")}),
        (
            {"generationConfig": {"maxOutputTokens": 7, "topP": 1, "topK": 4, "stopSequences": ["z"]}},
            {"max_tokens": 7, "top_p": 1.0, "top_k": 4, "stop_sequences": ("z",)},
        ),
        ({"response_format": {"type": "json_object"}}, {"output_type": "json"}),
        ({"text": {"format": {"type": "json_schema"}}}, {"output_type": "json"}),
        ({"temperature": "hot", "seed": True, "stop": 4, "top_p": None, "max_tokens": 2**70}, {}),
    ],
)  # fmt: skip
def test_settings_are_read_in_each_providers_words(body: dict[str, Any], read: dict[str, Any]) -> None:
    found = read_parameters(body)._asdict()
    assert {name: value for name, value in found.items() if value is not None} == read


class _Units(NoOpMeter):
    """A meter that notes the units of what it is asked to make."""

    def __init__(self) -> None:
        super().__init__("units")
        self.units: dict[str, str] = {}

    def create_histogram(self, name: str, unit: str = "", *rest: Any, **options: Any) -> Any:
        self.units[name] = unit
        return super().create_histogram(name, unit, *rest, **options)


def _units() -> dict[str, str]:
    meter = _Units()
    for name, create in vars(gen_ai_metrics).items():
        if name.startswith("create_gen_ai_client"):
            create(meter)
    return meter.units


async def test_the_span_of_relayed_embeddings_is_as_the_conventions_have_it(
    tmp_path: Path, spans: Spans
) -> None:
    async def embedded(request: web.Request) -> web.Response:
        if (await request.json())["model"] == "broken":
            return web.json_response({"error": {"message": "no", "code": "invalid"}}, status=400)
        data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
        usage = {"prompt_tokens": 8, "total_tokens": 8}
        return web.json_response({"object": "list", "model": "embedder-2", "data": data, "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/embeddings", embedded)
    async with local_server(app) as url:
        config = tmp_path / "vital.toml"
        config.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        async with workflow_services(tmp_path, config=config) as services, serving(services) as service:
            for model, status in (("embedder", 200), ("broken", 400)):
                body = {"model": f"openai:{model}", "input": "How long?", "encoding_format": "float"}
                assert (await service.client.post("/v1/embeddings", json=body)).status_code == status
            await service.engine.hub.drained()
    assert spans_differ(spans.all) == []
    attributes = dict(spans.one("embeddings embedder").attributes or {})
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.request.encoding_formats"] == ("float",)
    assert attributes["gen_ai.usage.input_tokens"] == 8
    assert "error.type" in (spans.one("embeddings broken").attributes or {})
