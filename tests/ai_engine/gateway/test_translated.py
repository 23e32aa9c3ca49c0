"""Requests as they are written for a provider of another protocol."""

import pytest

from ai_engine.gateway.client_protocols import MESSAGES_PROTOCOL
from ai_engine.gateway.translated import TranslatedExchange


@pytest.mark.parametrize(
    ("protocol", "model", "field"),
    [
        ("openai", "gpt-5", "max_completion_tokens"),
        ("openai", "o3-mini", "max_completion_tokens"),
        ("azure", "my-deployment", "max_completion_tokens"),
        ("openai", "llama-4", "max_tokens"),
        ("anthropic", "claude-sonnet-4-5", "max_tokens"),
    ],
)
def test_the_limit_of_an_answer_has_the_name_that_the_provider_knows(
    protocol: str, model: str, field: str
) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello?"}]}
    exchange = TranslatedExchange(MESSAGES_PROTOCOL, body, count=len, count_at_most=len)
    sent = exchange.request(protocol, model, None).body
    assert {name: value for name, value in sent.items() if name.startswith("max_")} == {field: 9}
