"""Declare nodes: the value that a method of a graph makes, and the options of its execution.

A node's parameters name the values that it needs; its own name (or `makes`) is the name of the value that it
makes. The declaration is stored on the function, which stays callable, so that a subclass can override a node
and call ``super()``.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, Literal, Never, Self, TypeVar, overload

from vital_shared.graph.called_in_words import called_in_words, check_names
from vital_shared.graph.errors import PlanError
from vital_shared.graph.subworkflow import Loop

__all__ = ["Declaration", "Done", "Each", "Pause", "Retry", "Skip", "fan_out", "node", "read_dollars"]

REQUIRED: Final = object()
"""The marker for an option that is not declared, since None can be a declared value."""

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

ATTRIBUTE: Final = "__vital_node__"
"""The attribute of a method that holds its declaration."""

DECLARED: Final = "__vital_declared__"
"""The name, in the body of a class, of its declared methods by name."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The value of a streaming node, which it yields last."""

    value: T


class Pause(Exception):
    """The exception by which a node with ``pauses=True`` waits for its value from outside.

    :param request: the question for the person or program that resumes the run, as a JSON value. None: the
        node's name is enough.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.request = request


class Skip(Exception):
    """The exception by which an optional node makes no value: nodes that read it use their own defaults."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Retries for certain errors, with exponential backoff.

    The wait before attempt n + 1 is ``backoff_seconds * 2 ** (n - 1)``, at most `max_seconds`. A random share
    of up to `jitter` is subtracted, so that many callers do not retry at once.
    """

    on: tuple[type[Exception], ...]
    """The errors that are worth another attempt."""
    attempts: int = 3
    """The maximum number of attempts, including the first."""
    backoff_seconds: float = 0.1
    max_seconds: float = 10.0
    jitter: float = 0.5
    """The largest share by which a wait is shortened, from 0 to 1."""

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Check the names of the options, of which Python would only say that one is not expected.

        :raises PlanError: when one is unknown, or the errors are missing.
        """
        if arguments or options:  # a copy is made with neither
            _, *fields_of_retry = inspect.signature(Retry.__init__).parameters.values()
            check_names("Retry", inspect.Signature(fields_of_retry), len(arguments), options)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        """Check the numbers.

        :raises PlanError: when one is invalid.
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
    """The parameter that receives the item."""
    over: str
    """The name of the list or tuple of items."""
    limit: int | None
    """The maximum number of items that run at once; None: all."""
    item_timeout: float | None
    """Seconds for one item."""
    deadline: float | None
    """Seconds for all items; unfinished ones are then dropped."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declaration of a node, with the options of its execution."""

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

    To type checkers, a node is Any: a subclass may replace it with a node that has other parameters and
    another value, or remove it by setting it to None.

    The method may be async, an async generator (it streams: yielded values reach the caller immediately, and
    `Done` ends it) or sync (it runs in a thread; cancelling waits for it).

    :param makes: the name of the value that the node makes; by default the method's own name.
    :param timeout: seconds for all attempts together.
    :param retry: the errors that are retried, and how often.
    :param fallback: an async function or method with some or all of the node's parameters. It is called when
        the node has finally failed, with the same timeout; its result becomes the value, and the run is
        degraded.
    :param optional: whether the run can do without the value: nodes that read it declare a default.
    :param degradation: the degradation reason if the node fails; by default ``<makes>_failed``.
    :param on_timeout: the degradation reason if it times out; by default that of `degradation`.
    :param pauses: whether the method may raise `Pause`.
    :param when: a function of some of the node's parameters, evaluated if these are inputs or values of
        switched-off nodes. If it returns a false value, the node is switched off: it is not part of the run.
    :param otherwise: the value of a node that is switched off; an optional one has none. It must not be
        modified.
    :param effects: whether the node has side effects, such as sending an email: no run reuses the result of
        another run, and the node is not repeated if its process has died.
    :param if_interrupted: the behaviour of a durable run whose process died between the node's start and its
        end: ``"ask"`` pauses the run and asks whether the effect happened, ``"fail"`` fails the run.
    :param max_cost_dollars: the maximum cost of the node in a run, all attempts together; None: no limit is
        declared.
    """

    def declare(method: F) -> F:
        _check_options("node", _NODE_OPTIONS, method, declared)
        dollars = read_dollars(max_cost_dollars, _title(method))
        _check_seconds(method, timeout=declared.get("timeout"))
        return _attach(method, Declaration(makes or method.__name__, max_cost_dollars=dollars, **declared))

    if function is None:
        return declare
    if isinstance(function, str):
        raise PlanError(f'@node is given {function!r}: name what it is, as in @node(makes="{function}")')
    if not callable(function) or not hasattr(function, "__name__"):  # a property has a name from 3.13 on
        raise PlanError(f"@node is given a {type(function).__name__}: put it above a plain method")
    return _attach(function, Declaration(function.__name__))


@called_in_words("@fan_out")
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
    """Make a method a node that runs once for each item of a list, concurrently.

    The value is a tuple of `Outcome`, one for each item, in the order of the list. An item that fails or
    times out is a degradation, and never fails the run. An async generator streams as in `node`: `Done` holds
    the item's value.

    :param parameter: the parameter that receives the item.
    :param over: the name of the list of items; None as its value means no items. If an optional node has not
        made the list, the default of `parameter` is used as the list.
    :param limit: the maximum number of items that run at once; None: all.
    :param item_timeout: seconds for one item, all its attempts together.
    :param deadline: seconds for all items together.
    :param effects: whether the items have side effects. Together they are one effect: if the process dies
        before all items are finished, none is repeated.
    :param if_interrupted: as for `node`; the answer then holds the outcomes of all items.
    :param max_cost_dollars: the maximum cost of all items together in a run.
    """

    def declare(method: F) -> F:
        _check_options("fan_out", _FAN_OUT_OPTIONS, method, unknown)
        dollars = read_dollars(max_cost_dollars, _title(method))
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
    """Check that times are numbers of seconds.

    :raises PlanError: when one is not.
    """
    for name, value in seconds.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise PlanError(f"{_title(method)} declares {name}={value!r}: write seconds, such as 2.5")


_NODE_OPTIONS: Final = tuple(each.name for each in fields(Declaration) if each.name not in ("each", "loop"))
_FAN_OUT_OPTIONS: Final = tuple(
    each.name for each in inspect.signature(fan_out).parameters.values() if each.kind is each.KEYWORD_ONLY
)


def _check_options(
    decorator: str, options: tuple[str, ...], method: Callable[..., Any], given: Mapping[str, Any]
) -> None:
    """Check that a decorator knows the options it is given.

    :raises PlanError: when it does not; the message names the option and the one that is probably meant.
    """
    unknown = next((name for name in given if name not in options), None)
    if unknown is not None:
        close = difflib.get_close_matches(unknown, options, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(options)}"
        raise PlanError(
            f"{_title(method)} declares '{unknown}', which is not an option of @{decorator}: {hint}"
        )


def _title(method: Callable[..., Any]) -> str:
    """Return the name of a node in a message."""
    return f"node '{method.__qualname__.rpartition('<locals>.')[2]}' ({place(method)})"


def read_dollars(amount: Decimal | float | str | None, owner: str) -> Decimal | None:
    """Read a limit in dollars exactly as written: 0.1 is a tenth.

    :param owner: the name of the node or the class in a message.
    :raises PlanError: when it is not an amount.
    """
    try:
        dollars = None if amount is None else Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if dollars is not None and not (dollars.is_finite() and dollars >= 0):
        raise PlanError(
            f"{owner} declares max_cost_dollars={amount!r}: write an amount in dollars, such as 0.05"
        )
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
