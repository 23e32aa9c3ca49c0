"""An engine in front of a local provider that speaks any of the protocols."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import KEY, OpenGateway, opening


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenGateway:
    monkeypatch.setenv("THEIR_KEY", KEY)
    return opening(tmp_path)
