"""The files of the repository that are built from code, and whether they are as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.files import dashboard_files
from vital_ops.destinations import Destinations, Mail
from vital_ops.kubernetes import chart_files
from vital_ops.routing import routing
from vital_ops.rules.files import rule_files
from vital_ops.rules.rule_tests import rule_tests
from vital_ops.runbooks import runbook_files
from vital_ops.stack.files import files as stack_files
from vital_shared.errors import ConfigurationError

__all__ = ["build", "files", "outdated"]

WATCH: Final = Path("/run/vital")
"""The folder of the containers' secrets; see docker-compose.yml."""

CONTAINERS: Final = Destinations(
    engine_url="http://ai-engine:8000/v1/alerts",
    engine_key_file=WATCH / "engine.key",
    slack_url_file=WATCH / "slack-webhook-url",
    pagerduty_key_file=WATCH / "pagerduty-routing-key",
    mail=Mail(smarthost="mail.example.com:587", sender="vital@example.com", recipient="finance@example.com"),
)
"""All places: `vital up`, and in containers `vital ops setup`, leave out what is not configured."""


def files(config: OpsConfig = DEFAULT_CONFIG) -> dict[str, str]:
    """Make the texts of all of them, by their paths from the root."""
    rules = {f"prometheus-rules/{name}": text for name, text in rule_files(config).items()}
    tests = {f"prometheus-rules/tests/{name}": text for name, text in rule_tests(config).items()}
    dashboards = {f"grafana-dashboards/{name}": text for name, text in dashboard_files(config).items()}
    runbooks = {f"docs/runbooks/{name}": text for name, text in runbook_files(config).items()}
    return {
        **rules,
        **tests,
        **dashboards,
        **runbooks,
        "alertmanager.yml": routing(CONTAINERS),
        **stack_files(config),
        **chart_files(config),
    }


def build(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Write what differs, and return its paths.

    :raises ConfigurationError: when a file cannot be written.
    """
    changed = outdated(root, texts)
    for path in changed:
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(texts[path], encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{root / path} cannot be written: {error.strerror}.") from error
    return changed


def outdated(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Name the files that are missing, or are not what the code builds."""
    return [path for path, text in texts.items() if _read(root / path) != text]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
