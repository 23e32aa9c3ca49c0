"""What the page on guardrails says holds."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.hook import HookVerdict
from vital_shared.guardrails.personal_data import KINDS
from vital_shared.llm.configuration import load_configuration
from vital_shared.monitoring.metrics import CATALOGUE

PAGE = (Path(__file__).parents[1] / "docs" / "guardrails.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_configuration_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / "vital.toml").write_text(text, encoding="utf-8")
    table = load_configuration(tmp_path / "vital.toml").guardrails
    assert table == GuardrailTable.model_validate(tomllib.loads(text)["guardrails"])
    named = set(table.model_dump(exclude_defaults=True)) | {"timeout_seconds"}
    assert named == set(GuardrailTable.model_fields)


def test_the_hooks_verdicts_are_read() -> None:
    _, verdicts = blocks("json")
    read = [HookVerdict.model_validate_json(line) for line in verdicts.splitlines()]
    assert [each.allow for each in read] == [True, True, False]
    asked = json.loads(blocks("json")[0])
    assert set(asked) == {"stage", "name", "when", "tenant_id", "run_id", "texts"}


def test_kinds_and_metrics_are_the_codes() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `mask`"))
    assert set(re.findall(r"`([a-z_]+)`", row)) - {"mask"} == set(KINDS)
    assert set(re.findall(r"vital_[a-z_]+_total", PAGE)) <= {metric.name for metric in CATALOGUE}
