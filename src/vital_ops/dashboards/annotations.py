"""The annotations of every dashboard: alerts, deploys, drills and marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shared

from vital_ops.dashboards.panel import ENVIRONMENT
from vital_ops.dashboards.scope import board_scope
from vital_ops.dashboards.variables import SOURCE
from vital_ops.marks import DRILL_TAGS
from vital_ops.promql import scoped, select, sum_by
from vital_shared.monitoring.metrics import BUILD_INFO

__all__ = ["board_annotations"]

GRAFANA: Final = shared.DataSourceRef(type_val="grafana", uid="-- Grafana --")

KNOWN_BUILD_WINDOW: Final = "1h"
"""The time that a build which is gone is remembered: its return within this time is no deploy."""


class _TaggedMarks(Builder[Dataquery]):
    """A query of Grafana's own annotations by their tags; the model has no class for it."""

    def build(self) -> Dataquery:
        """Return the query."""
        return UnknownDataquery({"limit": 100, "matchAny": False, "tags": list(DRILL_TAGS), "type": "tags"})


def board_annotations(selector: str) -> Iterator[dashboard.AnnotationQuery]:
    """Make them."""
    yield _alerts()
    yield _deploys(selector)
    yield _drills()
    yield _marks()


def _alerts() -> dashboard.AnnotationQuery:
    """Mark the times at which alerts fired; alerts of no environment belong to each."""
    return (
        _series("Alerts", "red")
        .expr(f'ALERTS{{alertstate="firing",alertname!="Watchdog",environment=~"{ENVIRONMENT}|"}}')
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
    )


def _deploys(selector: str) -> dashboard.AnnotationQuery:
    """Mark the builds that were not there before."""
    by = ("version", "commit")
    built = select(BUILD_INFO)
    before = sum_by(f"last_over_time({built}[{KNOWN_BUILD_WINDOW}] offset 1m)", *by)
    deployed = f"{sum_by(built, *by)} unless on ({', '.join(by)}) {before}"
    return (
        _series("Deploys", "purple")
        .expr(scoped(deployed, board_scope(selector)))
        .title_format("Deploy {{version}}")
        .text_format("{{commit}}")
    )


def _series(name: str, color: str) -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(color).step("60s")
    )


def _drills() -> dashboard.AnnotationQuery:
    """Mark drills, which are annotations of Grafana itself with their own tags."""
    return (
        dashboard.AnnotationQuery()
        .name("Drills")
        .datasource(GRAFANA)
        .enable(True)
        .icon_color("orange")
        .target(_TaggedMarks())
    )


def _marks() -> dashboard.AnnotationQuery:
    """Show the marks made in Grafana itself, such as the two times of a comparison."""
    return (
        dashboard.AnnotationQuery()
        .name("Marks")
        .datasource(GRAFANA)
        .enable(True)
        .icon_color("blue")
        .type("dashboard")
        .built_in(1)
    )
