"""The errors of the client.

::

    ClientError
    ├── EngineUnreachable       no connection to the engine, or the connection was lost
    ├── RunWithoutAnswer        the run ended without an answer
    ├── WaitTimeout             the run is still active after the time you allowed
    └── RequestFailed           the engine answered with a problem
        ├── BadRequest          400, 413, 415, 422
        ├── KeyRefused          401
        ├── BudgetSpent         402
        ├── AccessDenied        403
        ├── ResourceNotFound    404
        ├── RunConflict         409
        ├── TooManyRequests     429
        └── EngineOverloaded    503
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "AccessDenied",
    "BadRequest",
    "BudgetSpent",
    "ClientError",
    "EngineOverloaded",
    "EngineUnreachable",
    "KeyRefused",
    "RequestFailed",
    "ResourceNotFound",
    "RunConflict",
    "RunWithoutAnswer",
    "TooManyRequests",
    "error_for",
]


class ClientError(Exception):
    """The root of the client's errors; the message is one sentence."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the state for pickle, since errors cross processes, such as those of a pool."""
        return _restored, (type(self), self.args, self.__dict__)


class EngineUnreachable(ClientError):
    """The engine cannot be reached, or the connection was lost and could not be restored."""


class RunWithoutAnswer(ClientError):
    """The run ended without an answer.

    :param error_type: the kind of failure, such as ``cancelled``.
    :param node: the node that failed; None: no single node did.
    """

    def __init__(self, message: str, *, run_id: str, error_type: str, node: str | None = None) -> None:
        super().__init__(message)
        self.run_id = run_id
        self.error_type = error_type
        self.node = node


class WaitTimeout(ClientError):
    """The run did not end in the time you allowed; it is still active.

    :param run_id: the id of the run.
    """

    def __init__(self, run_id: str, timeout_seconds: float) -> None:
        super().__init__(
            f"The run {run_id} has not ended within {timeout_seconds:g} seconds; it is still active."
        )
        self.run_id = run_id


class RequestFailed(ClientError):
    """The engine has answered with a problem (RFC 9457).

    :param status: the status of the response.
    :param problem: the problem's fields, as the engine sent them.
    :param retry_after_seconds: seconds to wait as requested by the engine; None: it requests no wait.
    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], *, retry_after_seconds: float | None = None
    ) -> None:
        self.status = status
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds
        said = problem.get("detail") or problem.get("title")
        super().__init__(str(said or f"The engine answered with the status {status}."))

    @property
    def run_id(self) -> str | None:
        """The id of the run that failed, if one did."""
        return self.problem.get("run_id")


class BadRequest(RequestFailed):
    """The request is invalid; ``problem["errors"]`` names the fields."""


class KeyRefused(RequestFailed):
    """The key is missing, wrong or revoked."""


class BudgetSpent(RequestFailed):
    """The tenant's budget is too small for the request."""


class AccessDenied(RequestFailed):
    """The key does not have the required permission."""


class ResourceNotFound(RequestFailed):
    """The run, workflow or model does not exist, or it belongs to another tenant."""


class RunConflict(RequestFailed):
    """The state of the run does not allow the request, such as cancelling a run that has ended."""


class TooManyRequests(RequestFailed):
    """The tenant has exceeded its rate limit."""


class EngineOverloaded(RequestFailed):
    """The engine has no room for another run, or is shutting down."""


def _restored(kind: type[ClientError], args: tuple[Any, ...], fields: Mapping[str, Any]) -> ClientError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


_BY_STATUS: Final[Mapping[int, type[RequestFailed]]] = {
    400: BadRequest,
    401: KeyRefused,
    402: BudgetSpent,
    403: AccessDenied,
    404: ResourceNotFound,
    409: RunConflict,
    413: BadRequest,
    415: BadRequest,
    422: BadRequest,
    429: TooManyRequests,
    503: EngineOverloaded,
}


def error_for(status: int, problem: Mapping[str, Any], retry_after_seconds: float | None) -> ClientError:
    """Return the error for an unsuccessful response."""
    kind = _BY_STATUS.get(status, RequestFailed)
    return kind(status, problem, retry_after_seconds=retry_after_seconds)
