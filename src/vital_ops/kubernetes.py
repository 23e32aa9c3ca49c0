"""The rules and dashboards as templates of the Helm chart that watches the engine."""

from __future__ import annotations

from typing import Any, Final

import yaml

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.files import dashboard_files
from vital_ops.rules.files import rule_files

__all__ = ["chart_files"]

TEMPLATES: Final = "deploy/helm/vital-monitoring/templates"

BUILT: Final = "# Built by `vital ops build`.\n"

ENGINE_VALUE: Final = "VALUES_ENGINE"
SELECTOR_LABEL: Final = "VALUES_SELECTOR_LABEL"
SELECTOR_VALUE: Final = "VALUES_SELECTOR_VALUE"
DASHBOARD_LABEL: Final = "VALUES_DASHBOARD_LABEL"

SUBSTITUTED: Final = {
    ENGINE_VALUE: "{{ .Values.engine }}",
    SELECTOR_LABEL: "{{ .Values.selectorLabel }}",
    SELECTOR_VALUE: "{{ .Values.selectorValue }}",
    DASHBOARD_LABEL: "{{ .Values.dashboardLabel }}",
}
"""Values of the chart by the words that stand for them until the text is written."""


def chart_files(config: OpsConfig = DEFAULT_CONFIG) -> dict[str, str]:
    """Return the templates' texts, by their paths from the root."""
    dashboards = {
        name: text for name, text in sorted(dashboard_files(config).items()) if name.endswith(".json")
    }
    return {
        f"{TEMPLATES}/rules.yaml": _template([_rules(config)]),
        f"{TEMPLATES}/dashboards.yaml": _template(
            [_dashboard(name, text) for name, text in dashboards.items()]
        ),
    }


def _rules(config: OpsConfig) -> dict[str, Any]:
    groups = [group for text in rule_files(config).values() for group in yaml.safe_load(text)["groups"]]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": ENGINE_VALUE,
            "labels": {"app.kubernetes.io/name": "vital", SELECTOR_LABEL: SELECTOR_VALUE},
        },
        "spec": {"groups": groups},
    }


def _dashboard(name: str, text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{ENGINE_VALUE}-{name.removesuffix('.json')}",
            "labels": {"app.kubernetes.io/name": "vital", DASHBOARD_LABEL: "1"},
        },
        "data": {name: text},
    }


def _template(documents: list[dict[str, Any]]) -> str:
    """Write YAML as a template, in which the values of the chart are the only actions of Helm."""
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=1_000_000)
    text = text.replace("{{", '{{ "{{" }}')
    for word, value in SUBSTITUTED.items():
        text = text.replace(word, value)
    return BUILT + text
