"""The page about reconciling costs: its example is executed."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.ledger_rows import row, write
from tests.store_database import store_url, store_variables
from typer.testing import CliRunner

from vital_cli.main import app
from vital_shared.store.database import Database

PAGE = (Path(__file__).parents[1] / "docs" / "reconciling.md").read_text(encoding="utf-8")


async def fill(folder: Path) -> None:
    database = Database(store_url(folder))
    await database.migrate()
    first, second = (datetime(2026, 11, day, 9, tzinfo=UTC) for day in (25, 26))
    await write(
        database,
        row(name="openai:gpt-4o", cost_nanos=21_600_000, at=first),
        row(name="openai:o3", cost_nanos=2_500_000, at=second),
    )
    await database.aclose()


def test_the_example_prints_the_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store_variables(tmp_path / "data").items():
        monkeypatch.setenv(name, value)
    asyncio.run(fill(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (exported,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    Path("costs.csv").write_text(exported)
    ((command, shown),) = re.findall(r"```console\n\$ vital (.*?)\n(.*?)```", PAGE, re.DOTALL)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1, done.stderr
    printed = [line.split() for line in done.stdout.splitlines() if line.strip() and "─" not in line]
    assert printed == [line.split() for line in shown.splitlines()]
