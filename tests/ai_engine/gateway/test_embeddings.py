"""Embeddings behind a provider, and those of the models on this machine, asked by OpenAI's own client."""

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.harness import serving
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.embedding_models import BGE
from vital_shared.retrieval.pinned_models import BGE_SMALL
from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings
from vital_shared.testing import CannedModel, workflow_services

ANSWER = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5], "extra": True}],
    "model": "embedder-2",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


def answered(answer: Any = ANSWER, **given: Any) -> Reply:
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return Reply([body], headers=protocol.HEADERS, content_type="application/json", **given)


async def test_a_providers_embeddings_come_as_it_wrote_them(gateway: OpenGateway) -> None:
    async with gateway(answered()) as given:
        fields = {"input": ["first", "second"], "dimensions": 2, "user": "ann"}
        answer = await given.client.embeddings.create(
            model="mine:embedder", encoding_format="float", extra_body={"input_type": "query"}, **fields
        )
        assert answer.model_dump(exclude_unset=True) == ANSWER
        sent = fields | {"model": "embedder", "encoding_format": "float", "input_type": "query"}
        assert given.sent == sent
        assert given.provider.requests[-1].path == "/v1/embeddings"
        assert await given.charges() == [("default", "ann", "mine:embedder", 8, 0, 8 * 2_000, "success")]


async def test_vectors_come_in_base64_as_the_client_asks_by_itself(gateway: OpenGateway) -> None:
    encoded = base64.b64encode(np.array([0.25, -0.5], "<f4").tobytes()).decode()
    data = [{"object": "embedding", "index": 0, "embedding": encoded}]
    async with gateway(answered(ANSWER | {"data": data})) as given:
        answer = await given.client.embeddings.create(model="mine:embedder", input="first")
        assert given.sent["encoding_format"] == "base64"
        assert list(answer.data[0].embedding) == [0.25, -0.5]


@pytest.mark.thorough
async def test_an_answer_of_many_megabytes_comes_whole(gateway: OpenGateway) -> None:
    vector = [0.123456789012345] * 1_536
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(500)]
    async with gateway(answered(ANSWER | {"data": data})) as given:
        answer = await given.client.embeddings.create(
            model="mine:embedder", input=["word"] * 500, encoding_format="float"
        )
        assert [len(each.embedding) for each in answer.data] == [1_536] * 500


async def test_tokens_are_counted_as_sent_and_passed_on(gateway: OpenGateway) -> None:
    async with gateway(answered()) as given:
        await given.client.embeddings.create(model="mine:embedder", input=[[1, 2, 3], [4]])
        assert given.sent["input"] == [[1, 2, 3], [4]]


@pytest.mark.parametrize("wrong", [None, [], [""], "", 7, [1.5], [["a"]], ["a", 7], ["a"] * 2_049])
async def test_an_input_that_cannot_be_embedded_is_named(gateway: OpenGateway, wrong: Any) -> None:
    async with gateway(answered()) as given:
        body = {"model": "mine:embedder", "input": wrong}
        answer = await given.service.client.post("/v1/embeddings", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
        assert given.provider.requests == []


async def test_the_refusal_of_embeddings_is_the_providers(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(400, "Too long an input.", code="too_long")) as given:
        with pytest.raises(openai.BadRequestError, match="Too long an input") as raised:
            await given.client.embeddings.create(model="mine:embedder", input="a")
        assert raised.value.code == "too_long"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"data": 7}', b'{"data": [', b""])
async def test_an_answer_without_embeddings_is_the_providers_fault(gateway: OpenGateway, body) -> None:
    async with gateway(answered(body)) as given:
        with pytest.raises(openai.InternalServerError) as raised:
            await given.client.embeddings.create(model="mine:embedder", input="a")
        assert raised.value.status_code == 502


async def test_an_overloaded_provider_is_asked_for_embeddings_again(gateway: OpenGateway) -> None:
    async with gateway(protocol.error(503, "Overloaded."), answered()) as given:
        answer = await given.client.embeddings.create(
            model="mine:embedder", input="a", encoding_format="float"
        )
        assert answer.data[0].embedding == [0.25, -0.5]
        assert len(given.provider.requests) == 2


async def test_a_used_up_budget_refuses_embeddings(gateway: OpenGateway) -> None:
    async with gateway(answered()) as given:
        await given.service.client.put("/v1/budgets/acme", json={"daily_dollars": "0.000001"})
        with pytest.raises(openai.APIStatusError) as raised:
            await given.client.embeddings.create(
                model="mine:embedder", input="word " * 100, extra_headers={"X-Tenant-ID": "acme"}
            )
        assert raised.value.status_code == 402
        assert given.provider.requests == []


async def test_the_provider_is_let_go_when_the_client_of_embeddings_goes(gateway: OpenGateway) -> None:
    async with gateway(Reply([asyncio.Event()], content_type="application/json")) as given:
        body = {"model": "mine:embedder", "input": "a"}
        asking = asyncio.create_task(given.service.client.post("/v1/embeddings", json=body))
        await asyncio.wait_for(given.provider.asked.wait(), 20)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await asyncio.wait_for(given.provider.closed.wait(), 20)


async def test_a_provider_without_embeddings_is_refused_in_words(gateway: OpenGateway, monkeypatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant")
    async with gateway(answered()) as given:
        with pytest.raises(openai.BadRequestError, match="anthropic"):
            await given.client.embeddings.create(model="anthropic:claude", input="a")


async def test_a_call_for_embeddings_is_a_run_without_its_texts(gateway: OpenGateway) -> None:
    async with gateway(answered()) as given:
        await given.client.embeddings.create(model="mine:embedder", input="A secret word: heliotrope.")
        (run,) = await given.runs()
        assert (run["status"], run["workflow"], run["model"]) == ("completed", "gateway", "mine:embedder")
        assert "heliotrope" not in (await given.service.client.get(f"/v1/runs/{run['id']}")).text


# Models on this machine


@pytest.fixture(scope="session")
def bge() -> Embedder:
    return Embedder(install(Settings().models_path, [BGE_SMALL])[BGE_SMALL.name], BGE)


@pytest.fixture
def embedded(tmp_path: Path, bge: Embedder) -> Any:
    @asynccontextmanager
    async def opened():
        async with workflow_services(tmp_path, models=[CannedModel("Canned.")]) as opened_services:
            services = replace(
                opened_services, embedder=DocumentEmbedder(opened_services.knowledge, {BGE.name: bge})
            )
            async with (
                serving(services) as service,
                openai.AsyncOpenAI(
                    base_url=f"http://127.0.0.1:{service.port}/v1", api_key="any", max_retries=0
                ) as client,
            ):
                yield client, service

    return opened


@pytest.mark.parametrize("name", [BGE.name, f"local:{BGE.name}", f"local/{BGE.name}"])
@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_the_embedded_model_answers_as_a_provider_does(embedded, bge, name: str, encoding: str) -> None:
    async with embedded() as (client, service):
        texts = ["How long does a 510(k) take?", "Bananas are yellow."]
        raw = await client.embeddings.with_raw_response.create(
            model=name, input=texts, encoding_format=encoding
        )
        answer = orjson.loads(raw.content)
        vectors = [each["embedding"] for each in answer["data"]]
        if encoding == "base64":
            vectors = [np.frombuffer(base64.b64decode(each), "<f4") for each in vectors]
        assert np.allclose(vectors, await bge.embed_passages(texts), atol=1e-6)
        assert answer["model"] == f"local:{BGE.name}"
        counts = await bge.count_tokens(texts)
        assert answer["usage"] == {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
        (run,) = (await service.client.get("/v1/runs")).json()["runs"]
        assert (run["workflow"], run["model"], float(run["cost_dollars"])) == (
            "gateway",
            f"local:{BGE.name}",
            0,
        )


async def test_questions_are_embedded_with_the_models_own_words(embedded, bge: Embedder) -> None:
    async with embedded() as (client, _):
        answer = await client.embeddings.create(
            model=BGE.name, input="How long?", extra_body={"input_type": "query"}
        )
        assert np.allclose(answer.data[0].embedding, await bge.embed_query("How long?"), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"dimensions": 100}, "dimensions"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"input_type": "poem"}, "input_type"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": ["fine", "word " * 600]}, "input"),
    ],
)
async def test_the_embedded_model_names_what_it_cannot_carry(embedded, fields, param: str) -> None:
    async with embedded() as (_, service):
        body = {"model": BGE.name, "input": "a"} | fields
        answer = await service.client.post("/v1/embeddings", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


async def test_the_embedded_model_is_listed_and_writes_no_chat(embedded) -> None:
    async with embedded() as (client, _):
        assert f"local:{BGE.name}" in [model.id async for model in client.models.list()]
        assert (await client.models.retrieve(f"local:{BGE.name}")).id == f"local:{BGE.name}"
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(
                model=f"local:{BGE.name}", messages=[{"role": "user", "content": "Hello?"}]
            )
