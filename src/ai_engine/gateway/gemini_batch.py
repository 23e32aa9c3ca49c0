"""OpenAI's requests for embeddings as the Gemini API's ``batchEmbedContents``, and its answers as OpenAI's.

Sources: the references of the Gemini API, "Embeddings", and of OpenAI, "Create embeddings".
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from ai_engine.protocols.canonical.field_reader import FieldReader
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelUnavailable
from vital_shared.llm.wires.gemini import model_path
from vital_shared.llm.wires.gemini_usage import GeminiUsage

__all__ = ["embeddings_list", "embeddings_query"]

TASKS: Final = {"query": "RETRIEVAL_QUERY", "passage": "RETRIEVAL_DOCUMENT", "document": "RETRIEVAL_DOCUMENT"}
"""Purposes of texts, by the words of requests."""

ENCODINGS: Final = ("", "float", "base64")

IGNORED: Final = ("model", "input", "user")
"""Fields that are read elsewhere, or that the answer does not depend on."""


def embeddings_query(
    body: Mapping[str, Any], texts: Sequence[str], model: str, *, drops_params: bool
) -> dict[str, Any]:
    """Write a request.

    :param body: the client's request, whose inputs are `texts`.
    :param model: the provider's own name of the model.
    :param drops_params: whether fields that cannot be carried are left out.
    :raises InvalidRequest: naming the field that cannot be carried.
    """
    fields = FieldReader(dict(body))
    fields.ignore(*IGNORED)
    if fields.text("encoding_format") not in ENCODINGS:
        raise fields.wrong("encoding_format", "must be float or base64")
    settings: dict[str, Any] = {}
    if (dimensions := fields.integer("dimensions", 1)) is not None:
        settings["outputDimensionality"] = dimensions
    if purpose := fields.text("input_type"):
        if purpose not in TASKS:
            raise fields.wrong("input_type", "must be query, passage or document")
        settings["taskType"] = TASKS[purpose]
    fields.finish()
    if fields.uses and not drops_params:
        used = fields.uses[0].field
        raise InvalidRequest(
            f"{used} cannot be carried to the model, which speaks Gemini's API: "
            "leave it out, or set drop_params to true to have it dropped",
            field=used,
        )
    name = model_path(model)
    return {
        "requests": [{"model": name, "content": {"parts": [{"text": text}]}, **settings} for text in texts]
    }


def embeddings_list(data: bytes, model: str, *, inputs: int, input_tokens: int, as_base64: bool) -> bytes:
    """Write an answer as OpenAI's API has it.

    :param data: the provider's answer.
    :param model: the name by which the client asked.
    :param inputs: the texts of the request.
    :param input_tokens: their likely tokens, should the provider count none.
    :raises ModelUnavailable: when there is not one vector for each text.
    """
    answer = orjson.loads(data)
    try:
        vectors = [each["values"] for each in answer["embeddings"]]
        written = [_base64(each) if as_base64 else [float(number) for number in each] for each in vectors]
    except (KeyError, TypeError, ValueError, OverflowError, struct.error):
        written = []
    if len(written) != inputs or not all(written):
        raise ModelUnavailable("The provider's embeddings cannot be read.", model="", kind="bad_answer")
    counts = GeminiUsage()
    counts.update(answer.get("usageMetadata"))
    tokens = next((each.input_tokens for each in counts.read()), 0) or input_tokens
    items = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(written)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "data": items, "model": model, "usage": usage})


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
