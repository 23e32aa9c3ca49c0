"""The page about the client: its examples are executed against an engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.ai_engine.harness import Service, serving

from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

PAGE = (Path(__file__).parents[1] / "docs" / "client.md").read_text(encoding="utf-8")

EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

SHOWN = (
    r"The review takes 42 days. .* 0 run_\w+\n$",
    r"The review takes 42 days. .*$",
    r"calculator \{.*\}\n(?s:.*)425",
    r"The review takes 42 days. .*\n$",
    r"How long does a review take\? .* 0\n\d+ 0\n$",
)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    sources = [CannedSource([passage("The review takes 42 days.")])]
    models = [CannedModel("It takes 42 days [1].")]
    async with (
        workflow_services(tmp_path, models=models, sources=sources) as services,
        serving(services) as service,
    ):
        yield service


@pytest.mark.parametrize(("example", "shown"), [*zip(EXAMPLES, SHOWN, strict=True)])
async def test_an_example_prints_the_answer(
    service: Service, capsys: pytest.CaptureFixture[str], example: str, shown: str
) -> None:
    code = compile(example.replace("127.0.0.1:8000", f"127.0.0.1:{service.port}"), "client.md", "exec")
    await asyncio.to_thread(exec, code, {})
    assert re.search(shown, capsys.readouterr().out)
