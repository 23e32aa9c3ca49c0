"""The exceptions of VITAL, all under one root.

::

    VitalError
    ├── ConfigurationError          a setting is missing or wrong
    ├── GraphError                  (vital_shared.graph) the graph itself
    ├── InvalidRequest              the caller asked for something that cannot be; names the field
    │   ├── NotFound                no such agent, tool, model, run or document for this tenant
    │   ├── Forbidden               it exists, but the caller may not change it
    │   └── Conflict                the state of the thing does not allow it (now)
    │       ├── AlreadyBegun        a queued run is begun once
    │       ├── AlreadyResumed      a paused run is resumed once
    │       ├── PlanChanged         the workflow is no longer the one that was paused
    │       └── RunExpired          the approval came too late
    ├── LimitExceeded               a tenant's limit does not allow the request; nothing has run
    │   ├── BudgetExceeded          its money; says what is left, and when it resets
    │   ├── QueueFull               its runs that wait in the background
    │   ├── RateLimited             its requests per minute; says how long to wait
    │   └── UsageLimited            its tokens, or its money per minute, at some level; says how long to wait
    ├── CostLimitExceeded           a call could cost more than its node or run may; it was not made
    ├── RunFailed                   a run ended without an answer; names the node
    │   └── RunCancelled            because a client cancelled it, or has gone
    ├── ModelError                  (vital_shared.llm) a language model did not answer
    │   └── ModelOutputInvalid      what it wrote is no value of the type that was asked for
    ├── IngestError                 (vital_shared.retrieval) a file could not be read
    ├── SourceError                 (vital_shared.retrieval) a source of passages does not answer or refuses
    └── StoreError                  the database is not there or does not answer
        ├── RunTakenOver            another worker has the run, and this one may begin nothing more of it
        └── WriteRefused            it is there, and will never take this write

The graph engine imports nothing of ours, so `GraphError` stands there and is not a `VitalError`
by inheritance; everything that leaves a workflow is.
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
    """The root: ``except VitalError`` catches whatever VITAL raises on purpose.

    Its sentence may reach clients, so it names no path and no address, and repeats nothing that another
    program has said of them. Those are its `details`, for operators: in tracebacks, logs and terminals.
    """

    details: str | None = None
    """The sentence for operators, with the place; None: there is no more to say than to clients."""

    def detailed(self, details: str) -> Self:
        """Set the sentence for operators, and return this error; tracebacks have it as a note."""
        self.details = details
        self.add_note(details)
        return self

    @property
    def for_operators(self) -> str:
        """The details, or the sentence for all where there are none."""
        return self.details or str(self)


class ConfigurationError(VitalError):
    """A setting is missing or wrong."""


class InvalidRequest(VitalError):
    """The caller asked for something that cannot be.

    :param message: one sentence: what is wrong and what to do.
    :param field: the field of the input that is wrong, dotted, or None.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(InvalidRequest):
    """No such thing for this tenant."""


class Forbidden(InvalidRequest):
    """The thing exists, but this caller may not change it."""


class Conflict(InvalidRequest):
    """The state of the thing does not allow it."""


class EmbeddingModelChanged(Conflict):
    """The documents are embedded with another model by now; internal: what was embedded is embedded anew."""


class AlreadyBegun(Conflict):
    """A queued run is begun once, and this one was, or it has ended; internal: the queue's item is done."""


class AlreadyResumed(Conflict):
    """A paused run is resumed once, and this one was."""


class KeyTaken(Conflict):
    """The idempotency key has begun a run before; internal: the request is answered from that run.

    :param run_id: that run.
    """

    def __init__(self, run_id: str) -> None:
        super().__init__(f"This request has begun the run {run_id} before.")
        self.run_id = run_id


class RunUnderWay(Conflict):
    """The run of this idempotency key goes on where it cannot be followed from here: ask again later."""


class PlanChanged(Conflict):
    """The workflow has changed since the run was paused, so that its values no longer fit."""


class RunExpired(Conflict):
    """The approval came after the run had expired."""


class LimitExceeded(VitalError):
    """A limit of the tenant's does not allow the request: nothing was run, stored or paid for."""


class BudgetExceeded(LimitExceeded):
    """The request could cost more than is left of a budget.

    :param period: the period of the budget.
    :param limit_dollars: the tenant's budget for the period.
    :param spent_dollars: the amount spent.
    :param left_dollars: the rest, less the amount that the active runs may still cost.
    :param resets_at: the end of the period, in UTC.
    :param holder: the part of the tree that the budget is for, such as ``the key key_1``; None: the tenant.
    :param level: its level, where it is a limit and no budget.
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
    """The tenant asks more often than it may.

    :param requests_per_minute: the limit.
    :param retry_after_seconds: time until the next request is admitted.
    """

    def __init__(self, *, requests_per_minute: int, retry_after_seconds: float) -> None:
        super().__init__(
            f"This tenant may ask {requests_per_minute} times a minute: "
            f"ask again in {retry_after_seconds:.3g} seconds."
        )
        self.requests_per_minute = requests_per_minute
        self.retry_after_seconds = retry_after_seconds


class UsageLimited(LimitExceeded):
    """The request could use more tokens, or more money in a minute, than is left at some level.

    :param holder: the part of the tree that the limit is for, such as ``the user ann of the tenant acme``.
    :param level: its level, such as ``user``.
    :param unit: the unit of the limit.
    :param period: the period of the limit.
    :param limit: the amount, with its unit, such as ``5000 tokens per day``.
    :param left: the rest, less the amount that the active runs may still use, with its unit.
    :param resets_at: the end of the period, in UTC.
    :param retry_after_seconds: time until then.
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
    """Too many runs of the tenant wait in the background.

    :param max_queued: the runs that may wait.
    """

    def __init__(self, *, max_queued: int) -> None:
        super().__init__(
            f"{max_queued:,} runs of this tenant wait in the background, and no more may: ask again when "
            "some have ended, or cancel some."
        )
        self.max_queued = max_queued


class CostLimitExceeded(VitalError):
    """A call of a model could cost more than its node or its run may: it was not made.

    :param node: the node that wanted to make it.
    :param model: the model that was to be asked.
    :param needed_dollars: the most that the call could cost.
    :param left_dollars: the rest of the node's ``max_cost_dollars``, or of the run's.
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
    :param node: the node that failed, or None where no single node did (a deadline).
    :param error_type: a closed set: the name under which the failure is counted.
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
    """The run was cancelled by a client, or since no client reads it: its ``error_type`` is the reason."""


class StoreError(VitalError):
    """The database is not there or does not answer."""


class RunTakenOver(StoreError):
    """Another worker has the run: this one may make no call, and begin no node with effects, for it."""


class WriteRefused(StoreError):
    """The database will never take this write: a constraint forbids it, or no column can hold a value."""


class IngestError(VitalError):
    """A file could not be read.

    :param message: one sentence that names the file and says why.
    :param path: the file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class SourceError(VitalError):
    """A source of passages does not answer, refuses, or holds what cannot be used."""
