"""The words of a call are in its span only where the environment asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.tracing import Spans

from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.llm.traced_content import traced_content
from vital_shared.testing import CannedModel, question, workflow_services

EMAIL = "ann@example.org"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    traced_content.cache_clear()
    yield
    traced_content.cache_clear()


async def span_of(tmp_path: Path, spans: Spans) -> dict[str, Any]:
    async with workflow_services(
        tmp_path, models=[CannedModel(f"Write to {EMAIL}.", name="canned")]
    ) as services:
        await BaseWorkflow(services).execute_typed(question(f"Who is {EMAIL}?", model="canned"))
    return dict(spans.one("chat").attributes or {})


async def test_spans_hold_no_content_by_default(tmp_path: Path, spans: Spans) -> None:
    assert not {
        name for name in await span_of(tmp_path, spans) if "messages" in name or "instructions" in name
    }


@pytest.mark.parametrize(("asked", "shown"), [("masked", False), ("full", True)])
async def test_content_is_masked_unless_all_of_it_is_asked_for(
    tmp_path: Path, spans: Spans, monkeypatch: pytest.MonkeyPatch, asked: str, shown: bool
) -> None:
    monkeypatch.setenv("VITAL_TRACE_CONTENT", asked)
    attributes = await span_of(tmp_path, spans)
    sent, answered = (json.loads(attributes[f"gen_ai.{way}.messages"]) for way in ("input", "output"))
    texts = [sent[-1]["parts"][0]["content"], answered[0]["parts"][0]["content"]]
    assert [EMAIL in text for text in texts] == [shown, shown]
    assert (sent[-1]["role"], answered[0]["role"], answered[0]["finish_reason"]) == (
        "user",
        "assistant",
        "end",
    )
    assert texts[0].startswith("Who is ")
    assert json.loads(attributes["gen_ai.system_instructions"])[0]["type"] == "text"


def test_another_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_TRACE_CONTENT", "yes")
    with pytest.raises(ConfigurationError, match="VITAL_TRACE_CONTENT"):
        traced_content()
