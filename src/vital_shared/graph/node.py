"""Declare nodes: what a method of a graph makes, and how it is run.

A node's parameters name the values that it needs, its own name (or `makes`) the value that it makes.
The declaration is kept on the function, which stays callable as it is, so that a subclass can
override a node and call ``super()``.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, Literal, Never, TypeVar, overload

from vital_shared.graph.errors import PlanError
from vital_shared.graph.subworkflow import Loop

__all__ = ["Declaration", "Done", "Each", "Pause", "Retry", "Skip", "fan_out", "node", "read_dollars"]

REQUIRED: Final = object()
"""The mark where nothing is declared, since None may be."""

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

ATTRIBUTE: Final = "__vital_node__"
"""The attribute of a method that holds its declaration."""

DECLARED: Final = "__vital_declared__"
"""The name, in the body of a class, of its declared methods by name."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The last thing that a streaming node yields: its value."""

    value: T


class Pause(Exception):
    """Raised by a node with ``pauses=True``: its value has to come from outside.

    :param request: the question for the person or program that resumes the run; JSON can hold it. None: its
        node's name says it all.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.request = request


class Skip(Exception):
    """Raised by an optional node that has nothing to do: nodes that read its value get their own default."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again on named errors, waiting longer each time.

    The wait before attempt n + 1 is ``backoff_seconds * 2 ** (n - 1)``, at most `max_seconds`, of
    which a random part of up to `jitter` is left out, so that many callers do not come back at once.
    """

    on: tuple[type[Exception], ...]
    """The errors that are worth another attempt."""
    attempts: int = 3
    """In all, the first included."""
    backoff_seconds: float = 0.1
    max_seconds: float = 10.0
    jitter: float = 0.5
    """0: none; 1: anything down to no wait at all."""

    def __post_init__(self) -> None:
        """See that its numbers are some.

        :raises PlanError: when one is not.
        """
        for name in ("attempts", "backoff_seconds", "max_seconds", "jitter"):
            value, kinds = getattr(self, name), int if name == "attempts" else int | float
            if isinstance(value, bool) or not isinstance(value, kinds):
                example = "3" if name == "attempts" else "0.5"
                raise PlanError(f"Retry has {name}={value!r}: write a number, such as {name}={example}")

    def wait_seconds(self, attempt: int, random: float) -> float:
        """Return the seconds to wait after a failed attempt (1, 2, …), given a random number from 0 to 1."""
        doublings = min(attempt - 1, 60)  # 2.0 ** 1024 would be an OverflowError
        full = min(self.backoff_seconds * 2.0**doublings, self.max_seconds)
        return full * (1.0 - self.jitter * random)


@dataclass(frozen=True, slots=True)
class Each:
    """Run the method once for each item of a list, at the same time."""

    parameter: str
    """The parameter that gets the item."""
    over: str
    """The value, a list or tuple, that holds the items."""
    limit: int | None
    """Items that run at once; None: all."""
    item_timeout: float | None
    """Seconds for one item."""
    deadline: float | None
    """Seconds for all; what is not there by then is left out."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declaration of a node: how it is to be run."""

    makes: str
    timeout: float | None = None
    retry: Retry | None = None
    fallback: Callable[..., Any] | None = None
    optional: bool = False
    degradation: str | None = None
    on_timeout: str | None = None
    pauses: bool = False
    each: Each | None = None
    when: Callable[..., Any] | None = None
    otherwise: Any = REQUIRED
    effects: bool = False
    if_interrupted: Literal["ask", "fail"] = "ask"
    max_cost_dollars: Decimal | None = None
    loop: Loop | None = None


@overload
def node(function: Callable[..., Any], /) -> Any: ...


@overload
def node(
    *,
    makes: str | None = None,
    timeout: float | None = None,
    retry: Retry | None = None,
    fallback: Callable[..., Any] | None = None,
    optional: bool = False,
    degradation: str | None = None,
    on_timeout: str | None = None,
    pauses: bool = False,
    when: Callable[..., Any] | None = None,
    otherwise: Any = REQUIRED,
    effects: bool = False,
    if_interrupted: Literal["ask", "fail"] = "ask",
    max_cost_dollars: Decimal | float | str | None = None,
) -> Callable[[Callable[..., Any]], Any]: ...


def node(
    function: Any = None,
    /,
    *,
    makes: str | None = None,
    max_cost_dollars: Decimal | float | str | None = None,
    **declared: Any,
) -> Any:
    """Make a method a node of its graph.

    To type checkers a node is Any: a subclass may replace it by one with other parameters and another value,
    or drop it with None.

    The method may be async, an async generator (it streams: what it yields reaches the caller at once, and
    `Done` ends it) or sync (it runs in a thread; cancelling waits for it).

    :param makes: name of the value that it makes; by default the method's own name.
    :param timeout: seconds for all attempts together.
    :param retry: the errors that are tried again.
    :param fallback: an async function or method with (some of) the node's parameters, called where the
        node has failed for good, with the same timeout; its result is the value, and the run is degraded.
    :param optional: the run can do without: nodes that read the value declare a default.
    :param degradation: the reason that is given where the node failed; by default ``<makes>_failed``.
    :param on_timeout: the reason where it timed out; by default the same.
    :param pauses: the method may raise `Pause`.
    :param when: a function of some of the node's parameters. Where these are inputs, or values of nodes that
        are off, and it returns something false, the node is off: it is left out of the run, unseen.
    :param otherwise: the value of a node that is off; an optional one has none. It must not be changed.
    :param effects: the node does something in the world, such as sending a mail: no run may be spared by
        giving the result of another, and it is not repeated where the process that ran it has died.
    :param if_interrupted: the way on for a durable run whose process died between the node's start and its
        end: ``"ask"`` pauses it with the question whether it happened, ``"fail"`` fails it.
    :param max_cost_dollars: the most that the node may spend in a run, all attempts together; None: no
        bound is declared.
    """
    dollars = read_dollars(max_cost_dollars)

    def declare(method: F) -> F:
        _check_options("node", _NODE_OPTIONS, method, declared)
        _check_seconds(method, timeout=declared.get("timeout"))
        return _attach(method, Declaration(makes or method.__name__, max_cost_dollars=dollars, **declared))

    if function is None:
        return declare
    if not hasattr(function, "__name__"):
        raise PlanError(f'@node is given {function!r}: name what it is, as in @node(makes="{function}")')
    return _attach(function, Declaration(function.__name__))


def fan_out(
    parameter: str,
    *,
    over: str,
    makes: str | None = None,
    limit: int | None = None,
    item_timeout: float | None = None,
    deadline: float | None = None,
    retry: Retry | None = None,
    degradation: str | None = None,
    on_timeout: str | None = None,
    effects: bool = False,
    if_interrupted: Literal["ask", "fail"] = "ask",
    max_cost_dollars: Decimal | float | str | None = None,
    **unknown: Never,
) -> Callable[[Callable[..., Any]], Any]:
    """Make a method a node that runs once for each item of a list, at the same time.

    The value is a tuple of `Outcome`, one for each item in the list's order, whatever became of it. An
    item that failed or came late is a degradation, and never fails the run. An async generator streams, like
    that of `node`: `Done` holds the item's value.

    :param parameter: the parameter that gets the item.
    :param over: the value that holds the items; None is no items. The default of `parameter` stands for
        this list where an optional node has not made it.
    :param limit: number of items that run at once; None: all.
    :param item_timeout: seconds for one item, all its attempts together.
    :param deadline: seconds for all of them together.
    :param effects: its items do something in the world. They are one effect together: where the process dies
        before all are through, none is repeated.
    :param if_interrupted: as for `node`; the answer is then the outcomes of all items.
    :param max_cost_dollars: the most that all of them together may spend in a run.
    """
    dollars = read_dollars(max_cost_dollars)

    def declare(method: F) -> F:
        _check_options("fan_out", _FAN_OUT_OPTIONS, method, unknown)
        _check_seconds(method, item_timeout=item_timeout, deadline=deadline)
        each = Each(parameter, over, limit, item_timeout, deadline)
        return _attach(
            method,
            Declaration(
                makes or method.__name__,
                retry=retry,
                degradation=degradation,
                on_timeout=on_timeout,
                each=each,
                effects=effects,
                if_interrupted=if_interrupted,
                max_cost_dollars=dollars,
            ),
        )

    return declare


def _check_seconds(method: Callable[..., Any], **seconds: object) -> None:
    """See that times are numbers of seconds.

    :raises PlanError: when one is not.
    """
    for name, value in seconds.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise PlanError(f"'{method.__qualname__}' declares {name}={value!r}: write seconds, such as 2.5")


_NODE_OPTIONS: Final = tuple(each.name for each in fields(Declaration) if each.name not in ("each", "loop"))
_FAN_OUT_OPTIONS: Final = tuple(
    each.name for each in inspect.signature(fan_out).parameters.values() if each.kind is each.KEYWORD_ONLY
)


def _check_options(
    decorator: str, options: tuple[str, ...], method: Callable[..., Any], given: Mapping[str, Any]
) -> None:
    """See that a decorator takes what it is given.

    :raises PlanError: when it does not, naming the option and the one that may be meant.
    """
    unknown = next((name for name in given if name not in options), None)
    if unknown is not None:
        close = difflib.get_close_matches(unknown, options, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(options)}"
        name = method.__qualname__.rpartition("<locals>.")[2]
        raise PlanError(
            f"node '{name}' ({place(method)}) declares '{unknown}', "
            f"which is no option of @{decorator}: {hint}"
        )


def read_dollars(amount: Decimal | float | str | None) -> Decimal | None:
    """Read a bound in dollars as it is written: 0.1 is a tenth.

    :raises PlanError: when it is no amount.
    """
    try:
        dollars = None if amount is None else Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if dollars is not None and not (dollars.is_finite() and dollars >= 0):
        raise PlanError(f"max_cost_dollars is {amount!r}: write an amount in dollars, such as 0.05")
    return dollars


def _attach(method: F, declaration: Declaration) -> F:
    # A class body that defines a name twice keeps the last one without a word. The namespace of the body is
    # still at hand here, two calls up: what is noted in it shows later which nodes were lost.
    namespace = sys._getframe(2).f_locals  # noqa: SLF001 - there is no other way
    if "__qualname__" in namespace:  # the body of a class, not of a function
        declared = namespace.setdefault(DECLARED, {})
        if method.__name__ in declared:
            raise PlanError(
                f"node '{method.__name__}' ({place(method)}) is defined twice in one class, first at "
                f"{place(declared[method.__name__])}: rename one of them"
            )
        declared[method.__name__] = method
    setattr(method, ATTRIBUTE, declaration)
    return method


def place(function: Any) -> str:
    """File and line of a function, for messages."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return "unknown place"
    return f"{code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno}"
