"""The context of the current run: its id, its request and its charges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final, Protocol

from vital_shared.graph import Node
from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge, CostType
from vital_shared.models.fence import Fence
from vital_shared.models.model_call import ModelCall
from vital_shared.models.money import to_dollars
from vital_shared.models.recorded_call import RecordedCall
from vital_shared.models.tool import ToolResult
from vital_shared.models.usage_limits import NO_USE, ModelUse, UsageBound
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.models.workflow_names import BUILT_IN_CLASS

__all__ = [
    "CallLog",
    "NamedNode",
    "RoundNode",
    "RunContext",
    "current_account",
    "current_node",
    "current_node_name",
    "current_run_context",
    "spent_so_far",
]


MAX_RECORDED_CALLS: Final = 200
"""Calls of a run that are stored with their words at most."""

MAX_RECORDED_CHARACTERS: Final = 1_000_000
"""Characters of all prompts and answers of a run that are stored at most."""


class NamedNode(Protocol):
    """A node of a workflow."""

    @property
    def name(self) -> str:
        """Its name, unique in its workflow."""
        ...


@dataclass(frozen=True, slots=True)
class RoundNode:
    """A node within one round of a loop: its charges have its name, and its bounds are its own."""

    loop: Node
    node: Node
    account: str
    """Its line in the waterfall, unique in the run: ``loop.round.node``."""

    @property
    def name(self) -> str:
        """Its name, the same in each round: ``loop.node``."""
        return ".".join(part for part in self.account.split(".") if not part.isdecimal())


class CallLog(Protocol):
    """The store's own record of the calls of a durable run, which outlives the worker and its machine."""

    async def announce(self, charge: Charge) -> None:
        """Store what a call is expected to cost; its request may leave once this returns.

        :raises StoreError: when it could not be stored, or the run is another worker's by now.
        """
        ...

    def expect(self, charge: Charge) -> None:
        """Store, without waiting, that an announced call is expected to cost more by now."""
        ...

    def settle(self) -> None:
        """Store in a moment, without waiting, what the calls that have ended have cost."""
        ...

    async def begin_effect(self, name: str) -> None:
        """Store that something which must not be repeated begins; it may begin once this returns.

        :raises StoreError: as `announce` does.
        """
        ...


class RunContext:
    """The charges of one run, in the order in which they came; parts add to it from any task or thread.

    :param run_id: the run.
    :param request: its input, with the tenant and the mode.
    :param written: charges that the ledger has already, of the part before a pause.
    :param calls: the calls of models in the part before a pause.
    :param workflow: the workflow, by the name in the records of its runs.
    :param note: writes down what was charged, or is expected to be, so that it outlives this process.
    :param epoch: the number of workers that had the run before: a call's name is new in all of its epochs.
    :param begun_effects: the effects that earlier workers have begun, see `begin_effect`.
    :param carried: charges of an earlier worker that the ledger does not have yet.
    :param fence: the worker of a durable run, which others may take over; None: it is not durable.
    :param tool_results: the results of the tools that models have called in earlier epochs, each with the
        node that it is for, where that has not finished; else with an empty name.
    :param records_calls: whether the prompts and answers of models' calls are stored with the run.
    """

    def __init__(
        self,
        run_id: str,
        request: WorkflowInput,
        written: Sequence[Charge] = (),
        note: Callable[[Charge], None] | None = None,
        calls: Sequence[ModelCall] = (),
        workflow: str = BUILT_IN_CLASS,
        epoch: int = 0,
        carried: Sequence[Charge] = (),
        begun_effects: Collection[str] = (),
        fence: Fence | None = None,
        tool_results: Sequence[tuple[str, ToolResult]] = (),
        *,
        records_calls: bool = False,
    ) -> None:
        self.run_id = run_id
        self.records_calls = records_calls
        self._recorded: list[RecordedCall] = []
        self._recorded_written = 0
        self._recorded_characters = 0
        self.fence = fence
        self.workflow = workflow
        self.request = request
        self._own_calls: dict[str, int] = {}
        self._earlier_calls = calls
        self._calls: dict[int, ModelCall] = {}
        self._tool_results = list(tool_results)
        self._node_tools: dict[str, bool] = {}
        self.held_nanos: dict[str, int] = {}
        """The most that calls under way may cost, in nano-dollars, by the account of the node."""
        self.reserve_more: Callable[[int | UsageBound, int], Awaitable[None]] | None = None
        """Reserve more of the tenant's budget, and of other limits above the run, given what is needed (in
        nano-dollars, where there is a budget alone) and what the run spends by now.
        None: there is no limit."""
        self.may_exceed_alone = True
        """Whether it may go on while it is alone with its budget and some is left, though its next call could
        cost more."""
        self._on_demand: frozenset[str] = frozenset()
        """The accounts of the nodes whose spending is reserved as they spend."""
        self._reserved = 0
        self._asking: frozenset[str] = frozenset()
        """The accounts of the nodes that ask models themselves, whose use of each is reserved as they ask."""
        self._held_uses: dict[str, ModelUse] = {}
        """The use of calls under way, at most, by model."""
        self._reserved_uses: dict[str, ModelUse] = {}
        self._reserving: asyncio.Lock | None = None
        self.call_log: CallLog | None = None
        """The record of the calls in the store; None: the run is not durable, and `note` has them."""
        self.is_limited = True
        """Whether there may be limits above it, of an organisation, a tenant, a key or a user."""
        self._note = note
        self._begun_effects = frozenset(begun_effects)
        self._charges = [*written, *carried]
        self._written = len(written)
        self._earlier = len(self._charges)
        self._logged = len(self._charges)
        self._epoch = f"{epoch}." if epoch else ""
        self._numbers = count(max((_number(each.item) for each in self._charges), default=0) + 1)

    def add(self, charge: Charge) -> None:
        """Add a charge, its item named by `next_item`."""
        self._charges.append(charge)
        if self.call_log is None:
            self.expect(charge)
        else:
            self.call_log.settle()

    async def announce(self, charge: Charge) -> None:
        """Write down what a call is expected to cost; its request may leave once this returns.

        :raises StoreError: when the run is durable, and this could not be stored.
        """
        if self.call_log is None:
            self.expect(charge)
        else:
            await self.call_log.announce(charge)

    def has_begun(self, effect: str) -> bool:
        """Return whether a worker that has died had begun something that must not be repeated."""
        return effect in self._begun_effects

    async def begin_effect(self, name: str) -> None:
        """Write down that something which must not be repeated begins; it may begin once this returns.

        :param name: its name, the same whichever worker comes to it.
        :raises StoreError: when the run is durable, and this could not be stored.
        """
        if self.call_log is not None:
            await self.call_log.begin_effect(name)

    def expect(self, charge: Charge) -> None:
        """Note a charge that is to come, should this process die before: the real one has the same item."""
        if self.call_log is not None:
            self.call_log.expect(charge)
        elif self._note is not None:
            self._note(charge)

    def next_item(self, kind: str) -> str:
        """Name the next thing of a kind, such as ``llm/3``, or ``llm/2.7`` where others had the run before.

        No name is given twice, also after a pause; the epoch keeps apart what a worker that does not know
        yet that it has lost the run may still name.
        """
        return f"{kind}/{self._epoch}{next(self._numbers)}"

    def number_call(self, node: str) -> int:
        """Return the next number of the calls that a node makes itself, from 1 on."""
        self._own_calls[node] = number = self._own_calls.get(node, 0) + 1
        return number

    def add_call(self, item: str, call: ModelCall) -> None:
        """Add a call of a model that has ended, charged as the item."""
        self._calls[_number(item)] = call

    def record(self, call: RecordedCall) -> None:
        """Add a call of a model with its words, which are stored with the run's next charges.

        Beyond what a run may store, a call loses its words, or is left out.
        """
        if len(self._recorded) >= MAX_RECORDED_CALLS:
            return
        if self._recorded_characters + call.characters > MAX_RECORDED_CHARACTERS:
            call = call.without_texts()
        self._recorded_characters += call.characters
        self._recorded.append(call)

    @property
    def unwritten_calls(self) -> tuple[RecordedCall, ...]:
        """The calls with their words that are not stored yet."""
        return tuple(self._recorded[self._recorded_written :])

    @property
    def calls(self) -> tuple[ModelCall, ...]:
        """The calls of models that went out and have ended, in the order of their start."""
        return (*self._earlier_calls, *(self._calls[number] for number in sorted(self._calls)))

    def note_tools(self, tools: Mapping[str, bool]) -> None:
        """Note the tools that a node offers to a model.

        :param tools: whether each only reads; of two tools of one name both have to.
        """
        for name, only_reads in tools.items():
            self._node_tools[name] = only_reads and self._node_tools.get(name, True)

    def read_only_tools(self, shared: frozenset[str]) -> frozenset[str]:
        """Return the tools of the run that change nothing.

        :param shared: those among the tools of the engine.
        """
        reading = {name for name, only_reads in self._node_tools.items() if only_reads}
        return (shared | reading) - (self._node_tools.keys() - reading)

    def add_tool_results(self, node: str, results: Iterable[ToolResult]) -> None:
        """Add the results of the tools that models have called for a node of the workflow's own."""
        self._tool_results += [(node, result) for result in results]

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The results of the tools that models have called for nodes of the workflow's own."""
        return tuple(result for _, result in self._tool_results)

    def tool_results_of(self, node: str) -> tuple[ToolResult, ...]:
        """Return those of one node."""
        return tuple(result for name, result in self._tool_results if name == node)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """All charges."""
        return tuple(self._charges)

    @property
    def unwritten(self) -> tuple[Charge, ...]:
        """Those that the ledger does not have yet."""
        return tuple(self._charges[self._written :])

    def mark_written(self, charges: int, recorded: int = 0) -> None:
        """Note that the ledger has this many of the charges, in their order, or is owed them.

        :param recorded: the number of calls with their words that are stored, or are to be.
        """
        self._written = max(self._written, charges)
        self._recorded_written = max(self._recorded_written, recorded)

    @property
    def recorded(self) -> int:
        """The number of calls with their words."""
        return len(self._recorded)

    @property
    def unlogged(self) -> tuple[Charge, ...]:
        """Charges that the call log does not have yet."""
        return tuple(self._charges[self._logged :])

    def mark_logged(self, charges: int) -> None:
        """Note that the call log has this many of the charges, in their order."""
        self._logged = max(self._logged, charges)

    def hold(self, account: str, nanos: int) -> None:
        """Hold an amount for a node's calls under way; a negative one lets go of it."""
        self.held_nanos[account] = self.held_nanos.get(account, 0) + nanos

    @property
    def reserves(self) -> bool:
        """Whether what is spent has to be reserved of a budget."""
        return self.reserve_more is not None

    def hold_use(self, model: str, use: ModelUse) -> None:
        """Hold what a call of a model may use, for the limits above the run; a negative one lets go of it."""
        self._held_uses[model] = _sum(self._held_uses.get(model, NO_USE), use)

    async def reserve(self, account: str, nanos: int, *, is_declared: bool = False) -> None:
        """See that what a node has spent, and holds, is reserved.

        :param account: the name of the node; in a loop, that of its line.
        :param nanos: the part of it that is held just now, which is not under way yet.
        :param is_declared: whether the node declares a bound in dollars, which was reserved before.
        :raises BudgetExceeded: when a budget does not allow it.
        :raises UsageLimited: when a limit of tokens, or of a minute, does not.
        """
        if self.reserve_more is None:
            return
        if not is_declared:
            self._on_demand |= {account}
        self._asking |= {account}
        self._reserving = self._reserving or asyncio.Lock()
        async with self._reserving:
            unwritten, own = self.unwritten, self._charges[self._earlier :]  # earlier workers' are reserved
            spent = sum(each.cost_nanos for each in own if _account_of(each) in self._on_demand)
            needed = spent + sum(self.held_nanos.get(name, 0) for name in self._on_demand) - self._reserved
            needed = max(needed, 0)
            uses = self._needed_uses(own) if self.is_limited else {}
            if not needed and not uses:
                return
            tokens = sum(use.tokens for use in uses.values())
            more = UsageBound(needed, tokens, uses) if self.is_limited else needed
            under_way = sum(self.held_nanos.values()) - nanos
            await self.reserve_more(more, sum(each.cost_nanos for each in unwritten) + under_way)
            self._reserved += needed
            for model, use in uses.items():
                self._reserved_uses[model] = _sum(self._reserved_uses.get(model, NO_USE), use)

    def _needed_uses(self, own: Sequence[Charge]) -> dict[str, ModelUse]:
        """Return what is spent and held of each model, and not reserved."""
        used: dict[str, ModelUse] = {}
        for charge in own:
            if charge.cost_type == "llm" and _account_of(charge) in self._asking:
                use = ModelUse(charge.cost_nanos, charge.tokens.input + charge.tokens.output)
                used[charge.name] = _sum(used.get(charge.name, NO_USE), use)
        for model, use in self._held_uses.items():
            used[model] = _sum(used.get(model, NO_USE), use)
        needed = {}
        for model, use in used.items():
            reserved = self._reserved_uses.get(model, NO_USE)
            more = ModelUse(max(0, use.nanos - reserved.nanos), max(0, use.tokens - reserved.tokens))
            if any(more):
                needed[model] = more
        return needed

    def account_nanos(self, account: str) -> int:
        """Return what a node has spent, in a loop in its round, in nano-dollars."""
        return sum(each.cost_nanos for each in self._charges if _account_of(each) == account)

    def nanos(self) -> int:
        """Return what was spent in all, in nano-dollars."""
        return sum(each.cost_nanos for each in self._charges)

    def bounded_nanos(self) -> int:
        """Return what was spent in all, each charge as the ledger can take it, in nano-dollars."""
        return sum(min(max(each.cost_nanos, 0), MAX_CHARGE_NANOS) for each in self._charges)

    def nanos_by_type(self) -> dict[CostType, int]:
        """Return what was spent for each type that something was charged for, in nano-dollars."""
        found: dict[CostType, int] = {}
        for each in self._charges:
            found[each.cost_type] = found.get(each.cost_type, 0) + each.cost_nanos
        return found


def _number(item: str) -> int:
    """Return the number within the name of a charge: 7 of ``llm/7``, and of ``llm/2.7``."""
    return int(item.rpartition("/")[2].rpartition(".")[2])


def _sum(one: ModelUse, other: ModelUse) -> ModelUse:
    return ModelUse(one.nanos + other.nanos, one.tokens + other.tokens)


def _account_of(charge: Charge) -> str:
    return charge.account or charge.node


current_run_context: Final[ContextVar[RunContext | None]] = ContextVar("current_run_context", default=None)
"""The context of the run that this code works for; None outside of runs. Tasks and threads inherit it."""


def spent_so_far() -> Decimal:
    """Return what the run has cost that this code works for, and what its nodes' own calls under way may.

    In dollars.
    """
    context = current_run_context.get()
    return Decimal(0) if context is None else to_dollars(context.nanos() + sum(context.held_nanos.values()))


current_node: Final[ContextVar[NamedNode | None]] = ContextVar("current_node", default=None)
"""The node of the run that this code works for; None outside of runs."""


def current_node_name() -> str:
    """Return the name of the node that this code works for; empty outside of runs."""
    node = current_node.get()
    return "" if node is None else node.name


def current_account() -> str:
    """Return the account of the node that this code works for, where that is one of a loop; else empty."""
    node = current_node.get()
    return node.account if isinstance(node, RoundNode) else ""
