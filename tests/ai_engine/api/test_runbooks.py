"""The runbooks that alerts link to, served by the engine."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.ai_engine.harness import Serve, Service

from vital_ops.build import build
from vital_ops.config import OpsConfig
from vital_ops.runbooks import runbook_files

ROOT = Path(__file__).parents[3]


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


@pytest.mark.thorough
def test_the_wheel_carries_the_runbooks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert "ai_engine/runbooks/HighErrorRate.md" in ZipFile(wheel).namelist()


async def test_runbooks_with_the_addresses_of_the_place_are_served_in_place_of_the_packages(
    serve: Serve, tmp_path: Path
) -> None:
    config = OpsConfig(grafana_url="https://grafana.example", engine_url="https://engine.example/")
    folder = tmp_path / "runbooks"
    build(folder, runbook_files(config))
    service = await serve(settings={"runbooks_dir": folder})
    page = (await service.client.get("/runbooks/HighErrorRate")).text
    assert 'href="https://grafana.example/d/vital-performance?viewPanel=' in page
    assert "https://engine.example/readyz" in page
    for file in folder.glob("*.md"):
        shown = (await service.client.get(f"/runbooks/{file.stem}")).text
        assert not re.search(r"127\.0\.0\.1:(3000|8000)", shown), file
