"""A model that an application brings gets no personal data, if its name says that it leaves the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import (
    ModelEvent,
    ModelRequest,
    ModelToolCall,
    ModelTurn,
    Stop,
    TextDelta,
    ToolExchange,
)
from vital_shared.llm.guardrail_model import GuardrailModel
from vital_shared.models.tool import ToolResult

EMAIL = "ann@example.org"


class RecordingModel:
    """A model that keeps what it is asked."""

    name = "mine:own"

    def __init__(self) -> None:
        self.asked: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.asked.append(request)
        yield TextDelta(text="So be it.")
        yield Stop(reason="end")


@pytest.mark.parametrize("argument", ["name", "id", "status", "language", "query"])
async def test_arguments_of_a_call_are_masked_whatever_their_names_are(argument: str) -> None:
    arguments = {argument: EMAIL, "deep": [{argument: EMAIL}]}
    call = ModelToolCall(id="call_1", name="look", arguments=arguments)
    result = ToolResult(id="call_1", name="look", arguments=arguments, status="success", content="None.")
    exchange = ToolExchange(turn=ModelTurn(text="", calls=(call,)), results=(result,))
    model = RecordingModel()
    guarded = GuardrailModel(model, Guardrails(GuardrailTable(mask=("email",))))
    async for _ in guarded.stream(ModelRequest(question="Who?", exchanges=(exchange,))):
        pass
    (asked,) = model.asked
    assert EMAIL not in asked.model_dump_json()
    assert asked.exchanges[0].turn.calls[0].name == "look"
