"""The exceptions of VITAL, all under one root.

::

    VitalError
    ├── ConfigurationError          a setting is missing or wrong
    ├── GraphError                  (vital_shared.graph) the graph itself
    ├── InvalidRequest              the request is invalid; names the field
    │   ├── NotFound                no such agent, tool, model, run or document for this tenant
    │   ├── Forbidden               it exists, but the caller may not change it
    │   └── Conflict                the current state of the resource does not allow the request
    │       ├── AlreadyBegun        the queued run has already started, or has ended
    │       ├── AlreadyResumed      the paused run has already been resumed
    │       ├── PlanChanged         the workflow has changed since the run was paused
    │       └── RunExpired          the approval came too late
    ├── LimitExceeded               a tenant's limit does not allow the request; nothing has run
    │   ├── BudgetExceeded          its budget; says how much is left and when it resets
    │   ├── QueueFull               its number of queued background runs
    │   ├── RateLimited             its requests per minute; says how long to wait
    │   └── UsageLimited            its tokens, or dollars per minute, at some level; says how long to wait
    ├── CostLimitExceeded           a call could exceed the cost limit of its node or run; it was not made
    ├── RunFailed                   a run ended without an answer; names the node
    │   └── RunCancelled            because a client cancelled it or disconnected
    ├── ModelError                  (vital_shared.llm) a language model did not answer
    │   └── ModelOutputInvalid      its output does not match the requested type
    ├── IngestError                 (vital_shared.retrieval) a file could not be read
    ├── SourceError                 (vital_shared.retrieval) a source of passages does not answer or refuses
    └── StoreError                  the database is unavailable
        ├── RunTakenOver            another worker owns the run, and this one may not continue it
        └── WriteRefused            the database is available, but will never accept this write

The graph engine imports no other package of this project, so `GraphError` is defined there and does not
inherit from `VitalError`; every error that leaves a workflow does.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, Self

__all__ = [
    "AlreadyBegun",
    "AlreadyResumed",
    "BudgetExceeded",
    "ConfigurationError",
    "Conflict",
    "CostLimitExceeded",
    "Forbidden",
    "IngestError",
    "InvalidRequest",
    "KeyTaken",
    "LimitExceeded",
    "NotFound",
    "PlanChanged",
    "QueueFull",
    "RateLimited",
    "RunCancelled",
    "RunExpired",
    "RunFailed",
    "RunTakenOver",
    "RunUnderWay",
    "SourceError",
    "StoreError",
    "UsageLimited",
    "VitalError",
    "WriteRefused",
]


class VitalError(Exception):
    """The root: ``except VitalError`` catches every error that VITAL raises on purpose.

    Its message may reach clients, so it contains no path and no address, and quotes no other program, whose
    messages may contain them. Those go into `details`, for operators: in tracebacks, logs and terminals.
    """

    details: str | None = None
    """The message for operators, with paths and addresses; None: the message for clients says everything."""

    def detailed(self, details: str) -> Self:
        """Set the message for operators, also as a note for tracebacks, and return this error."""
        self.details = details
        self.add_note(details)
        return self

    @property
    def for_operators(self) -> str:
        """The details, or the message for clients if there are none."""
        return self.details or str(self)


class ConfigurationError(VitalError):
    """A setting is missing or wrong."""


class InvalidRequest(VitalError):
    """The request is invalid.

    :param message: one sentence: what is wrong and what to do.
    :param field: the dotted path of the invalid field of the input, or None.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(InvalidRequest):
    """The resource does not exist for this tenant."""


class Forbidden(InvalidRequest):
    """The resource exists, but this caller may not change it."""


class Conflict(InvalidRequest):
    """The current state of the resource does not allow the request."""


class EmbeddingModelChanged(Conflict):
    """The embedding model of the documents has changed; internal: the texts are embedded again."""


class AlreadyBegun(Conflict):
    """The queued run has already started, or has ended; internal: the queue's item is done."""


class AlreadyResumed(Conflict):
    """The paused run has already been resumed."""


class KeyTaken(Conflict):
    """The idempotency key belongs to an earlier run; internal: the request is answered from that run.

    :param run_id: the id of the earlier run.
    """

    def __init__(self, run_id: str) -> None:
        super().__init__(f"This request has already started the run {run_id}.")
        self.run_id = run_id


class RunUnderWay(Conflict):
    """The run is still running where it cannot be followed or cancelled from here: retry later."""


class PlanChanged(Conflict):
    """The workflow has changed since the run was paused, so its stored values no longer fit."""


class RunExpired(Conflict):
    """The approval came after the run had expired."""


class LimitExceeded(VitalError):
    """A limit of the tenant does not allow the request: nothing was run, stored or charged."""


class BudgetExceeded(LimitExceeded):
    """The request could cost more than a budget has left.

    :param period: the period of the budget.
    :param limit_dollars: the tenant's budget for the period.
    :param spent_dollars: the amount spent.
    :param left_dollars: the remaining amount, after reserving what the active runs may still cost.
    :param resets_at: the end of the period, in UTC.
    :param holder: the owner of the budget, such as ``the key key_1``; None: the tenant.
    :param level: the level of the owner, if this is a limit rather than a budget.
    """

    def __init__(
        self,
        *,
        period: Literal["daily", "monthly"],
        limit_dollars: Decimal,
        spent_dollars: Decimal,
        left_dollars: Decimal,
        resets_at: datetime,
        holder: str | None = None,
        level: str | None = None,
    ) -> None:
        of = "" if holder is None else f" of {holder}"
        super().__init__(
            f"The {period} budget of ${limit_dollars:f}{of} does not allow this request: "
            f"${spent_dollars:f} is spent and ${left_dollars:f} is free; it resets at "
            f"{resets_at:%Y-%m-%d %H:%M} UTC."
        )
        self.holder = holder
        self.level = level
        self.period = period
        self.limit_dollars = limit_dollars
        self.spent_dollars = spent_dollars
        self.left_dollars = left_dollars
        self.resets_at = resets_at


class RateLimited(LimitExceeded):
    """The tenant has exceeded its requests per minute.

    :param requests_per_minute: the limit.
    :param retry_after_seconds: time until the next request is admitted.
    """

    def __init__(self, *, requests_per_minute: int, retry_after_seconds: float) -> None:
        super().__init__(
            f"This tenant may make {requests_per_minute} requests a minute: "
            f"try again in {retry_after_seconds:.3g} seconds."
        )
        self.requests_per_minute = requests_per_minute
        self.retry_after_seconds = retry_after_seconds


class UsageLimited(LimitExceeded):
    """The request could use more tokens, or more dollars per minute, than some level has left.

    :param holder: the owner of the limit, such as ``the user ann of the tenant acme``.
    :param level: the level of the owner, such as ``user``.
    :param unit: the unit of the limit.
    :param period: the period of the limit.
    :param limit: the amount, with its unit, such as ``5000 tokens per day``.
    :param left: the remaining amount, with its unit, after reserving what the active runs may still use.
    :param resets_at: the end of the period, in UTC.
    :param retry_after_seconds: time until `resets_at`.
    """

    def __init__(
        self,
        *,
        holder: str,
        level: str,
        unit: Literal["dollars", "tokens"],
        period: Literal["minute", "day", "month"],
        limit: str,
        left: str,
        resets_at: datetime,
        retry_after_seconds: float,
    ) -> None:
        super().__init__(
            f"The limit of {limit} of {holder} does not allow this request: {left} free; it resets at "
            f"{resets_at:%Y-%m-%d %H:%M} UTC."
        )
        self.holder = holder
        self.level = level
        self.unit = unit
        self.period = period
        self.limit = limit
        self.left = left
        self.resets_at = resets_at
        self.retry_after_seconds = retry_after_seconds


class QueueFull(LimitExceeded):
    """The tenant has too many queued background runs.

    :param max_queued: the maximum number of queued runs.
    """

    def __init__(self, *, max_queued: int) -> None:
        super().__init__(
            f"{max_queued:,} background runs of this tenant are queued, which is the maximum: try again when "
            "some have ended, or cancel some."
        )
        self.max_queued = max_queued


class CostLimitExceeded(VitalError):
    """A model call could exceed the cost limit of its node or run, so it was not made.

    :param node: the node that would have made the call.
    :param model: the model that would have been called.
    :param needed_dollars: the maximum cost of the call.
    :param left_dollars: the amount left of the ``max_cost_dollars`` of the node or the run.
    """

    def __init__(self, *, node: str, model: str, needed_dollars: Decimal, left_dollars: Decimal) -> None:
        super().__init__(
            f'A call of "{model}" in the node "{node}" could cost ${needed_dollars:f}, and '
            f"${left_dollars:f} of its max_cost_dollars is left: raise that of the node or the run, or lower "
            "max_tokens."
        )
        self.node = node
        self.model = model
        self.needed_dollars = needed_dollars
        self.left_dollars = left_dollars


class RunFailed(VitalError):
    """A run ended without an answer.

    :param message: one sentence for the user.
    :param run_id: the run.
    :param node: the node that failed, or None if no single node did (a deadline).
    :param error_type: the name under which the failure is counted, from a closed set.
    """

    def __init__(
        self, message: str, *, run_id: str, node: str | None = None, error_type: str = "internal"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.run_id = run_id
        self.node = node
        self.error_type = error_type


class RunCancelled(RunFailed):
    """The run was cancelled by a client, or because no client read it; ``error_type`` is the reason."""


class StoreError(VitalError):
    """The database cannot be reached or does not answer."""


class RunTakenOver(StoreError):
    """Another worker owns the run: this one may make no more calls and start no node with effects."""


class WriteRefused(StoreError):
    """The database will never accept this write: it breaks a constraint, or a value fits no column."""


class IngestError(VitalError):
    """A file could not be read.

    :param message: one sentence that names the file and the reason.
    :param path: the file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class SourceError(VitalError):
    """A source of passages does not answer, refuses, or contains unusable data."""
