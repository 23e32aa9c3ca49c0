"""Variables of the environment that are meant as settings and are none, for a typing mistake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from ai_engine.settings import ServerSettings
from vital_shared.settings import Settings

__all__ = ["KNOWN", "misspelt_variables"]

PREFIX: Final = "VITAL_"

OTHERS: Final = (
    *("API_KEY", "COMMIT", "CONFIG_FILE", "DEBUG", "ENVIRONMENT", "ENV_FILE", "IMAGE", "REPLICAS", "WORKER"),
    *("METRIC_LABEL_VALUES", "SMTP_REQUIRE_TLS", "TRACE_CONTENT", "TRACING"),
    *("DEAD_MANS_SWITCH_URL", "GRAFANA_TOKEN", "GRAFANA_URL", "PAGERDUTY_ROUTING_KEY", "SLACK_WEBHOOK_URL"),
    *("SMTP_FROM", "SMTP_HOST", "SMTP_PASSWORD", "SMTP_PORT", "SMTP_TO", "SMTP_USERNAME"),
)
"""Names after the prefix that settings of the engine do not have: of the client, of what watches it, and of
the files in ``deploy``."""

FIELDS: Final = Settings.model_fields | ServerSettings.model_fields

KNOWN: Final = frozenset(
    PREFIX + name.upper()
    for name in (*OTHERS, *(name for name, field in FIELDS.items() if field.validation_alias is None))
)
"""The names of all settings."""

ALIKE: Final = 0.85
"""The least similarity to a setting's name (`difflib`'s ratio) at which a name is taken for a misspelling of
it. Others may have variables of their own, and ``VITAL_HOST`` and ``VITAL_PORT`` are alike at 0.8."""


def misspelt_variables(environ: Iterable[str]) -> Iterator[str]:
    """Say of each variable that no setting has, but that is nearly the name of one, which one that is."""
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in KNOWN:
            for meant in get_close_matches(name, KNOWN, n=1, cutoff=ALIKE):
                yield f"{name} is no setting, and is ignored. Did you mean {meant}?"
