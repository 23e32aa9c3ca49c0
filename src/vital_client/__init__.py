"""A client of VITAL's engine: thin over httpx, typed, with and without an event loop."""

from vital_client.answer import RunAnswer, StreamEvent
from vital_client.async_client import AsyncVitalClient
from vital_client.errors import (
    AccessDenied,
    BadRequest,
    BudgetSpent,
    ClientError,
    Contradicted,
    EngineOverloaded,
    EngineUnreachable,
    KeyRefused,
    RequestFailed,
    RunWithoutAnswer,
    TooManyRequests,
    Unknown,
)
from vital_client.sync_client import VitalClient

__all__ = [
    "AccessDenied",
    "AsyncVitalClient",
    "BadRequest",
    "BudgetSpent",
    "ClientError",
    "Contradicted",
    "EngineOverloaded",
    "EngineUnreachable",
    "KeyRefused",
    "RequestFailed",
    "RunAnswer",
    "RunWithoutAnswer",
    "StreamEvent",
    "TooManyRequests",
    "Unknown",
    "VitalClient",
]
