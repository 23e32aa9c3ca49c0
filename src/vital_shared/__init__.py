"""VITAL: an observable engine for multi-tenant LLM workflows.

>>> from vital_shared import BaseWorkflow
>>> from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
"""

from vital_shared.errors import InvalidRequest, RunFailed, VitalError
from vital_shared.graph import Done, Pause, Retry, Skip, Step, fan_out, mermaid, node, waterfall
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.monitoring.own_process import metrics_app, register
from vital_shared.monitoring.tracking import (
    track_agent_usage,
    track_cache_operation,
    track_llm_call,
    track_quality_score,
    track_rag_retrieval,
    track_tool_execution,
    track_workflow_execution,
)
from vital_shared.settings import Settings
from vital_shared.tools.base import Tool, ToolContext, tool
from vital_shared.version import __version__
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.services import Services

__all__ = [
    "BaseWorkflow",
    "Done",
    "InvalidRequest",
    "Pause",
    "Retry",
    "RunFailed",
    "Services",
    "Settings",
    "Skip",
    "Step",
    "Tool",
    "ToolContext",
    "VitalError",
    "WorkflowInput",
    "WorkflowMode",
    "WorkflowOutput",
    "__version__",
    "fan_out",
    "mermaid",
    "metrics_app",
    "node",
    "register",
    "tool",
    "track_agent_usage",
    "track_cache_operation",
    "track_llm_call",
    "track_quality_score",
    "track_rag_retrieval",
    "track_tool_execution",
    "track_workflow_execution",
    "waterfall",
]
