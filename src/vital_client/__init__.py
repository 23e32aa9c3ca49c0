"""A typed client for the VITAL engine: a thin layer over httpx, synchronous and for asyncio."""

from vital_client.answer import RunAnswer, StreamEvent
from vital_client.async_client import AsyncVitalClient
from vital_client.errors import (
    AccessDenied,
    BadRequest,
    BudgetSpent,
    ClientError,
    EngineOverloaded,
    EngineUnreachable,
    KeyRefused,
    RequestFailed,
    ResourceNotFound,
    RunConflict,
    RunWithoutAnswer,
    TooManyRequests,
    WaitTimeout,
)
from vital_client.results import (
    CostGroupTotals,
    CostSummary,
    FeedbackEntry,
    ListedRun,
    ListedRuns,
    RunDetails,
    WorkflowDetails,
)
from vital_client.sync_client import VitalClient

__all__ = [
    "AccessDenied",
    "AsyncVitalClient",
    "BadRequest",
    "BudgetSpent",
    "ClientError",
    "CostGroupTotals",
    "CostSummary",
    "EngineOverloaded",
    "EngineUnreachable",
    "FeedbackEntry",
    "KeyRefused",
    "ListedRun",
    "ListedRuns",
    "RequestFailed",
    "ResourceNotFound",
    "RunAnswer",
    "RunConflict",
    "RunDetails",
    "RunWithoutAnswer",
    "StreamEvent",
    "TooManyRequests",
    "VitalClient",
    "WaitTimeout",
    "WorkflowDetails",
]
