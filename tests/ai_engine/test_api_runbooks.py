"""The runbooks that alerts link to, served by the engine."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.ai_engine.harness import Service

ROOT = Path(__file__).parents[2]


async def test_the_link_of_an_alert_opens_its_runbook_without_a_key(service: Service) -> None:
    await service.key("acme", "ask")
    for path in (ROOT / "docs/runbooks").glob("*.md"):
        response = await service.client.get(f"/runbooks/{path.stem}")
        assert response.status_code == 200
        assert f"<h1>{path.stem}</h1>" in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_a_link_from_one_runbook_to_another_works(service: Service) -> None:
    assert (await service.client.get("/runbooks/HighLatency.md")).status_code == 200


@pytest.mark.parametrize("name", ["Nothing", "../guide", "%2e%2e%2fguide", "HighLatency/"])
async def test_nothing_else_is_served(service: Service, name: str) -> None:
    assert (await service.client.get(f"/runbooks/{name}")).status_code == 404


def test_the_wheel_carries_the_runbooks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert "ai_engine/runbooks/HighErrorRate.md" in ZipFile(wheel).namelist()
