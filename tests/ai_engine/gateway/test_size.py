"""The tokens of a request before its provider has counted them: the likely ones, and the most there can be."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ai_engine.gateway.size import RequestSize, measure
from vital_shared.llm.prompts.counting import at_most, estimate_tokens

FIELDS = {f"field_{at}": {"type": "string", "description": "The name of the field."} for at in range(10)}
TOOLS = [{"name": f"tool_{at}", "input_schema": {"type": "object", "properties": FIELDS}} for at in range(20)]
TURN = [
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "The capital of France is Paris, a city on the Seine."},
]


def size_of(body: Any) -> RequestSize:
    return measure(body, count=estimate_tokens, count_at_most=at_most, max_output_tokens=None)


def test_tools_with_many_fields_are_likely_no_longer_than_their_json() -> None:
    size = size_of({"tools": TOOLS})
    assert size.input_tokens <= estimate_tokens(orjson.dumps(TOOLS).decode()) < size.max_input_tokens


def test_many_short_messages_likely_have_a_few_tokens_more_than_their_words() -> None:
    words = sum(estimate_tokens(each["content"]) for each in TURN)
    assert 50 * words < size_of({"messages": TURN * 50}).input_tokens < 50 * (words + 20)


def test_many_short_texts_likely_have_the_tokens_of_their_words() -> None:
    assert 200 <= size_of(["one two"] * 100).input_tokens < 500


LOADED: dict[str, Any] = {
    "a document of Anthropic's": {"type": "document", "source": {"type": "url", "url": "https://a.b/c.pdf"}},
    "a file of a response": {"type": "input_file", "file_url": "https://a.b/c.pdf"},
    "a stored file of a chat": {"type": "file", "file": {"file_id": "file-1"}},
    "a film of Gemini's": {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.b/c"}},
}


@pytest.mark.parametrize("name", LOADED)
def test_files_that_the_provider_loads_may_be_as_long_as_what_a_model_reads(name: str) -> None:
    one, three = (size_of({"messages": [{"content": [LOADED[name]] * count}]}) for count in (1, 3))
    assert one.max_input_tokens > 1_000_000
    assert three.max_input_tokens - one.max_input_tokens < 1_000
    assert 1_000 < one.input_tokens < 100_000


def test_a_file_in_the_request_is_no_longer_than_what_a_model_reads() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "A" * 5_000_000}
    size = size_of({"messages": [{"content": [{"type": "document", "source": source}]}]})
    assert 1_000_000 < size.max_input_tokens < 1_100_000


def test_a_document_of_text_likely_has_the_tokens_of_its_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "word " * 1_000}
    assert size_of([{"type": "document", "source": source}]).input_tokens >= 1_000
