"""Settings of the service."""

import pytest

from ai_engine.settings import ServerSettings


@pytest.mark.parametrize(("text", "enabled"), [("false", False), ("true", True), (None, True)])
def test_the_variable_of_the_seed_turns_metrics_off(monkeypatch, text, enabled):
    monkeypatch.delenv("PROMETHEUS_METRICS_ENABLED", raising=False)
    if text is not None:
        monkeypatch.setenv("PROMETHEUS_METRICS_ENABLED", text)
    assert ServerSettings().metrics_enabled is enabled
