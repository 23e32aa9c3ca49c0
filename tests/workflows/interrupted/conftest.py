"""Two workers with one store, on each database, and a world of which no test before is known."""

from __future__ import annotations

from typing import Any

import pytest
from tests.store_database import DIALECTS
from tests.workflows.interrupted.world import world

from vital_shared.workflows.services import Services


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test that has a store run on each database."""
    if "store_address" in metafunc.fixturenames:
        metafunc.parametrize("store_address", DIALECTS, indirect=True)


@pytest.fixture(autouse=True)
def _new_world() -> None:
    world.begin_anew()


@pytest.fixture
async def dead_and_alive(open_services: Any) -> tuple[Services, Services]:
    return await open_services(), await open_services()
