"""The variables of a dashboard: the environment, instance, mode, tenant and workflow to show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as models

from vital_ops.dashboards.panel import ENVIRONMENT, INSTANCE, MODE, TENANT, WORKFLOW, Board
from vital_ops.dashboards.scope import board_scope
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_TOTAL

__all__ = ["SOURCE", "variables"]

SOURCE: Final = shared.DataSourceRef(type_val="prometheus", uid="${datasource}")

ANY: Final = ".*"
"""The value of "All". It matches a label that is missing, too: an environment need not be configured."""


def variables(board: Board, selector: str) -> Iterator[Any]:
    """Make the variables that the queries of a dashboard use."""
    requests = f"{WORKFLOW_REQUESTS_TOTAL.name}{{{board_scope(selector)}}}"
    yield dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _values(ENVIRONMENT, "Environment", f"up{{{selector}}}", "environment")
    yield _values(INSTANCE, "Instance", f'up{{{selector},environment=~"{ENVIRONMENT}"}}', "instance")
    if board.uses(MODE):
        yield _values(MODE, "Mode", requests, "mode")
    if board.uses(TENANT):
        yield _values(TENANT, "Tenant", requests, "tenant_id")
    if board.uses(WORKFLOW):
        yield _values(WORKFLOW, "Workflow", requests, "workflow")


def _values(variable: str, title: str, series: str, label: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(variable.removeprefix("$"))
        .label(title)
        .datasource(SOURCE)
        .query(f"label_values({series}, {label})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(ANY)
    )
