"""What the page on telemetry says holds: its recipes run, and each tool's attributes are in the spans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.monitoring.test_exporting import run
from tests.otlp_collector import attributes_of, collector
from tests.variants import sampled

from vital_shared.monitoring.metrics import CATALOGUE

PAGE = (Path(__file__).parents[1] / "docs" / "telemetry.md").read_text(encoding="utf-8")

READ = {
    "Langfuse": {"gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.operation.name"},
    "Phoenix": {"gen_ai.request.model", "gen_ai.provider.name", "gen_ai.usage.input_tokens", "gen_ai.operation.name"},
    "Tempo": {"gen_ai.request.model"},
}  # fmt: skip
"""The attributes of a model's span that each tool's documentation names."""


def recipe(tool: str) -> dict[str, str]:
    """Return the environment of a tool's recipe."""
    section = PAGE.split(f"## {tool}\n")[1].split("\n## ")[0]
    block = re.findall(r"```bash\n(.*?)```", section, flags=re.DOTALL)[0]
    return dict(line.split("=", 1) for line in block.splitlines())


@pytest.mark.parametrize("tool", sampled(READ, 3))
def test_a_recipe_brings_what_the_tool_reads(tool: str, tmp_path: Path) -> None:
    with collector() as found:
        environment = {
            name: re.sub(r"^https?://[^/]+", found.url, value) for name, value in recipe(tool).items()
        }
        run(tmp_path, environment)
    named = {value.removeprefix(found.url) for value in environment.values() if value.startswith(found.url)}
    assert set(found.paths) == named
    (chat,) = (attributes_of(span) for span in found.spans if span.name == "chat gpt-5")
    assert set(chat) >= READ[tool]
    (root,) = (attributes_of(span) for span in found.spans if span.name.startswith("invoke_workflow"))
    assert root["user.id"] == "ann"
    if tool == "Langfuse":
        assert {each["authorization"] for each in found.headers} == {"Basic cGstbGY6c2stbGY="}
    if tool == "Phoenix":
        assert found.resource("traces")["openinference.project.name"] == "vital"
    if tool == "Tempo":
        assert found.lines
        assert "vital_workflow_requests" in found.metrics


def test_the_pages_metrics_exist() -> None:
    known = {metric.name for metric in CATALOGUE}
    assert set(re.findall(r"vital_[a-z_]+_total", PAGE)) <= known
