"""VITAL: an observable engine for multi-tenant LLM workflows.

>>> from vital_shared import BaseWorkflow
>>> from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
"""

from vital_shared.errors import (
    AlreadyResumed,
    BudgetExceeded,
    ConfigurationError,
    Conflict,
    Forbidden,
    IngestError,
    InvalidRequest,
    KeyTaken,
    LimitExceeded,
    NotFound,
    PlanChanged,
    RateLimited,
    RunCancelled,
    RunExpired,
    RunFailed,
    RunUnderWay,
    SourceError,
    StoreError,
    VitalError,
    WriteRefused,
)
from vital_shared.graph import (
    Done,
    Graph,
    GraphError,
    NodeError,
    NodeTimeout,
    Observer,
    Outcome,
    Pause,
    PlanError,
    Retry,
    Skip,
    Step,
    fan_out,
    mermaid,
    node,
    repeat,
    subworkflow,
    waterfall,
)
from vital_shared.llm.base import ModelError, TextDelta
from vital_shared.models.answer import Answer
from vital_shared.models.citation import Citation, Passage
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
from vital_shared.workflows.workflow import Workflow

__all__ = [
    "AlreadyResumed",
    "Answer",
    "BaseWorkflow",
    "BudgetExceeded",
    "Citation",
    "ConfigurationError",
    "Conflict",
    "Done",
    "Forbidden",
    "Graph",
    "GraphError",
    "IngestError",
    "InvalidRequest",
    "KeyTaken",
    "LimitExceeded",
    "ModelError",
    "NodeError",
    "NodeTimeout",
    "NotFound",
    "Observer",
    "Outcome",
    "Passage",
    "Pause",
    "PlanChanged",
    "PlanError",
    "RateLimited",
    "Retry",
    "RunCancelled",
    "RunExpired",
    "RunFailed",
    "RunUnderWay",
    "Services",
    "Settings",
    "Skip",
    "SourceError",
    "Step",
    "StoreError",
    "TextDelta",
    "Tool",
    "ToolContext",
    "VitalError",
    "Workflow",
    "WorkflowInput",
    "WorkflowMode",
    "WorkflowOutput",
    "WriteRefused",
    "__version__",
    "fan_out",
    "mermaid",
    "metrics_app",
    "node",
    "register",
    "repeat",
    "subworkflow",
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
