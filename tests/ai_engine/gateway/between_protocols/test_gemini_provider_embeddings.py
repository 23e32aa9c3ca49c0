"""Embeddings of a provider that speaks the Gemini API, asked by Google's client and by OpenAI's."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import openai
import pytest
from google.genai import types
from tests.ai_engine.gateway.between_protocols.any_provider import MODEL, OpenGateway
from tests.llm.wires.servers import gemini as protocol
from tests.llm.wires.servers.base import Reply

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged:DeprecationWarning"
)

VECTORS = {"embeddings": [{"values": [0.25, -0.5]}, {"values": [1, 2e-3]}]}
USAGE = {"usageMetadata": {"promptTokenCount": 8, "promptTokensDetails": [{"modality": "TEXT"}]}}
BATCH = f"/v1beta/models/{MODEL}:batchEmbedContents"
ONE = f"/v1beta/models/{MODEL}:embedContent"


def answered(answer: Any) -> Reply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Reply([body], headers=protocol.HEADERS, content_type="application/json")


async def test_googles_client_embeds_texts(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered(VECTORS | USAGE)) as given:
        answer = await given.google.aio.models.embed_content(
            model=MODEL,
            contents=["one", "two"],
            config=types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2),
        )
        assert [each.values for each in answer.embeddings or ()] == [[0.25, -0.5], [1.0, 0.002]]
        request = given.provider.requests[-1]
        assert request.path == "/v1beta/models/m:batchEmbedContents"
        assert [each["model"] for each in request.body["requests"]] == ["models/m"] * 2
        assert [each["taskType"] for each in request.body["requests"]] == ["RETRIEVAL_QUERY"] * 2
        assert await given.tokens() == [(8, 0)]


async def test_a_batch_passes_as_it_is(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered(VECTORS | USAGE | {"extra": True})) as given:
        requests = [
            {
                "model": f"models/{MODEL}",
                "content": {"parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
                "task_type": "CLUSTERING",
                "newField": 1,
            },
            {"content": {"parts": [{"text": "two"}]}, "outputDimensionality": 2},
        ]
        answer = await given.service.client.post(BATCH, json={"requests": requests})
        assert answer.json() == VECTORS | USAGE | {"extra": True}
        assert given.sent == {"requests": [{**each, "model": "models/m"} for each in requests]}


async def test_one_content_is_embedded(gateway: OpenGateway) -> None:
    one = {"embeddings": [{"values": [0.5]}]}
    async with gateway("gemini", answered(one | USAGE)) as given:
        body = {"content": {"parts": [{"text": "one"}]}, "taskType": "CLUSTERING", "title": "a"}
        answer = await given.service.client.post(ONE, json=body)
        assert answer.json() == {"embedding": {"values": [0.5]}} | USAGE
        assert given.sent == {"requests": [{**body, "model": "models/m"}]}


@pytest.mark.parametrize("encoding", ["float", "base64", None])
async def test_openais_client_embeds_texts(gateway: OpenGateway, encoding: Any) -> None:
    async with gateway("gemini", answered(VECTORS | USAGE)) as given:
        raw = await given.openai.embeddings.with_raw_response.create(
            model=MODEL,
            input=["one", "two"],
            dimensions=2,
            user="ann",
            extra_body={"input_type": "query"},
            **({} if encoding is None else {"encoding_format": encoding}),
        )
        answer = json.loads(raw.content)
        vectors = [each["embedding"] for each in answer["data"]]
        if encoding != "float":
            vectors = [np.frombuffer(base64.b64decode(each), "<f4").tolist() for each in vectors]
        assert np.allclose(vectors, [[0.25, -0.5], [1, 2e-3]])
        assert [each["index"] for each in answer["data"]] == [0, 1]
        assert (answer["object"], answer["model"]) == ("list", MODEL)
        assert answer["usage"] == {"prompt_tokens": 8, "total_tokens": 8}
        assert given.sent == {
            "requests": [
                {
                    "model": "models/m",
                    "content": {"parts": [{"text": text}]},
                    "outputDimensionality": 2,
                    "taskType": "RETRIEVAL_QUERY",
                }
                for text in ("one", "two")
            ]
        }
        assert await given.tokens() == [(8, 0)]


async def test_tokens_are_estimated_where_the_provider_counts_none(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered({"embeddings": [{"values": [1]}]})) as given:
        answer = await given.openai.embeddings.create(model=MODEL, input="word " * 50)
        assert answer.usage.prompt_tokens > 40
        assert answer.usage.total_tokens == answer.usage.prompt_tokens
        assert await given.tokens() == [(answer.usage.prompt_tokens, 0)]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [1, 2]}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": "two"}, "dimensions"),
        ({"dimensions": 0}, "dimensions"),
        ({"input_type": "poem"}, "input_type"),
        ({"truncate": "END"}, "truncate"),
    ],
)
async def test_what_cannot_be_carried_is_named(
    gateway: OpenGateway, fields: dict[str, Any], param: str
) -> None:
    async with gateway("gemini", answered(VECTORS)) as given:
        body = {"model": MODEL, "input": "one"} | fields
        answer = await given.service.client.post("/v1/embeddings", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert given.provider.requests == []


async def test_what_cannot_be_carried_is_dropped_where_that_is_wanted(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered({"embeddings": [{"values": [1]}]})) as given:
        body = {"model": MODEL, "input": "one", "truncate": "END", "drop_params": True}
        answer = await given.service.client.post("/v1/embeddings", json=body)
        assert answer.status_code == 200, answer.text
        assert given.sent == {"requests": [{"model": "models/m", "content": {"parts": [{"text": "one"}]}}]}


async def test_a_wish_to_drop_fields_is_not_passed_on(gateway: OpenGateway) -> None:
    answer = {"object": "list", "data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": 1}}
    async with gateway("openai", answered(answer)) as given:
        body = {"model": MODEL, "input": "one", "drop_params": True}
        assert (await given.service.client.post("/v1/embeddings", json=body)).status_code == 200
        assert given.sent == {"model": "m", "input": "one"}


CONTENT = {"content": {"parts": [{"text": "one"}]}}
BODIES: dict[str, Any] = {
    "/v1/embeddings": {"model": MODEL, "input": "one"},
    ONE: CONTENT,
    BATCH: {"requests": [CONTENT]},
}


@pytest.mark.parametrize(
    ("path", "said"),
    [(path, said) for path in BODIES for said in ({}, {"embeddings": 7}, b"{", [])]
    + [(path, {"embeddings": said}) for path in ("/v1/embeddings", ONE) for said in ([], [{}], [7])]
    + [("/v1/embeddings", {"embeddings": [{"values": said}]}) for said in ([], 7, ["a"], [None], {})],
)
async def test_an_answer_without_embeddings_is_the_providers_fault(
    gateway: OpenGateway, path: str, said: Any
) -> None:
    async with gateway("gemini", answered(said)) as given:
        answer = await given.service.client.post(path, json=BODIES[path])
        assert answer.status_code == 502, answer.text
        assert answer.json()["error"]["message"]


async def test_a_number_that_fits_no_float_of_32_bits_is_the_providers_fault(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered({"embeddings": [{"values": [1e300]}]})) as given:
        body = BODIES["/v1/embeddings"] | {"encoding_format": "base64"}
        assert (await given.service.client.post("/v1/embeddings", json=body)).status_code == 502


async def test_fewer_vectors_than_texts_are_the_providers_fault(gateway: OpenGateway) -> None:
    async with gateway("gemini", answered({"embeddings": [{"values": [1]}]})) as given:
        with pytest.raises(openai.InternalServerError):
            await given.openai.embeddings.create(model=MODEL, input=["one", "two"])


async def test_the_providers_refusal_reaches_each_client_in_its_own_form(gateway: OpenGateway) -> None:
    async with gateway("gemini", protocol.error(400, "INVALID_ARGUMENT", "Too many.")) as given:
        with pytest.raises(openai.BadRequestError, match="Too many") as raised:
            await given.openai.embeddings.create(model=MODEL, input="one")
        assert raised.value.type == "invalid_request_error"
        answer = await given.service.client.post(
            BATCH, json={"requests": [{"content": {"parts": [{"text": "a"}]}}]}
        )
        assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": [7]}, "requests.0"),
        ({"requests": [{"content": {"parts": [{"text": ""}]}}, {"model": "a"}]}, "requests.1.content"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_named(gateway: OpenGateway, body: Any, field: str) -> None:
    async with gateway("gemini", answered(VECTORS)) as given:
        answer = await given.service.client.post(BATCH, json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(f"{field} ")
        assert given.provider.requests == []
