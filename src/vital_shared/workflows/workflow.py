"""The base class of workflows: any graph, with metrics, charges, traces, a cache, streams and pauses."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any, ClassVar, Final, Generic, Self

from pydantic import ValidationError

from vital_shared.billing.run_context import current_node
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Graph, Plan, Run
from vital_shared.graph.node import read_dollars
from vital_shared.logs import get_logger
from vital_shared.models.durability import Durability
from vital_shared.models.event import Event
from vital_shared.models.result_type import ResultT
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.orphan_runs import TakenRun
from vital_shared.store.runs import RunRecord
from vital_shared.workflows import begin as beginning
from vital_shared.workflows.background.stored_run import cancel_run, until_ended
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.declared import check_declared, check_has_nodes, check_parts, check_values
from vital_shared.workflows.loop_services import current_services, loop_services
from vital_shared.workflows.required_input import check_approvals
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import unstreamed
from vital_shared.workflows.self_llm.current_run import node_of_run
from vital_shared.workflows.self_llm.node_llm import NodeLlm
from vital_shared.workflows.services import Services
from vital_shared.workflows.taking_over import take_over
from vital_shared.workflows.traits import WorkflowTraits, remember_traits, traits_of
from vital_shared.workflows.type_arguments import InputT, input_type_of, result_type_of, type_arguments
from vital_shared.workflows.typed_result import check_outcome, with_result, with_result_of_event
from vital_shared.workflows.workflow_parts import WorkflowParts, stored_name
from vital_shared.wrong_field import WrongField

__all__ = ["Workflow"]

logger = get_logger(__name__)

_warned: Final = set[tuple[str, ...]]()
"""The events, node locations and subjects that the log has warned of: each warning is written once."""

_warned_bare: Final = set[str]()
"""The classes whose bare graph was run: the log warns once of each."""


class Workflow(
    NodeLlm, Graph, Generic[InputT, ResultT], methods=("begin", "execute_stream", "execute_typed")
):
    """Run a graph of your own: nothing answers a question in it but what its nodes do.

    >>> class Shout(Workflow):
    ...     @node
    ...     async def answer(self, query: str) -> str:
    ...         return query.upper()

    Nodes may read the whole input, each of its fields, and the id of the run. The value of the node
    ``answer`` is the response, the value of ``result`` is the typed result, and those of all other nodes are
    in ``output.values``. A class may declare the types of its input and its result:
    ``class Extract(Workflow[ContractInput, Contract])``.

    :param services: the services to use; None: the default services of the running event loop, opened on
        first use and closed by `aclose` or with the loop. One object then serves any number of event loops,
        one after another or in several threads at once.
    """

    input_type: ClassVar[type[WorkflowInput]] = WorkflowInput
    """The class of the input, from the first type parameter."""

    result_type: ClassVar[Any] = None
    """The type of the result, from the second type parameter; None: the workflow has no typed result."""

    modes: ClassVar[frozenset[WorkflowMode]] = frozenset(WorkflowMode)
    """The modes that the workflow serves; a subclass may restrict them."""

    cacheable: ClassVar[bool] = True
    """Whether an answer may be reused for an equal request; set it to False if answers depend on anything but
    the request, the documents and the code of the nodes, such as the time or another system."""

    durable: Durability = "pauses"
    """The part of a run that survives its process, for a class or for one object. With ``"nodes"``, another
    worker continues a run when its own worker dies."""

    max_cost_dollars: ClassVar[Decimal | float | str | None] = None
    """The maximum cost of a run whose request sets none; None: only the tenant's limits apply. It is ignored
    when the workflow is a part of another one."""

    cache_version: ClassVar[str] = ""
    """A part of the cache key: change it when the nodes give other answers than before."""

    traits: ClassVar[WorkflowTraits]
    """The properties of its runs that follow from the class."""

    built_in: ClassVar[Plan | None] = None
    """The plan of the built-in class that it inherits from; None: that class has no nodes."""

    _type_arguments: ClassVar[tuple[Any, ...]] = ()

    def __init_subclass__(cls, *, is_built_in: bool = False, **kwargs: Any) -> None:
        """Compile the plan, with the fields of the class's input type as inputs.

        :param is_built_in: whether the nodes are built-in ones rather than a user's own.
        """
        check_declared(cls)
        cls.max_cost_dollars = read_dollars(cls.max_cost_dollars, f"workflow '{cls.__name__}'")
        cls._type_arguments = type_arguments(cls, Workflow)
        cls.input_type = input_type_of(cls.__name__, cls._type_arguments[0])
        cls.result_type = result_type_of(cls._type_arguments[1])
        cls.input_types = _input_types(cls.input_type)
        cls.inputs = tuple(cls.input_types)
        cls.input_defaults = _input_defaults(cls.input_type)
        super().__init_subclass__(**kwargs)
        check_parts(cls)
        check_values(cls.plan, cls.durable)
        check_outcome(cls.plan, cls.result_type)
        check_approvals(cls.plan, cls.modes)
        if is_built_in:
            cls.built_in = cls.plan
        cls.traits = traits_of(
            cls.plan,
            cls.built_in,
            input_type=cls.input_type,
            result_type=cls.result_type,
            is_cacheable=cls.cacheable,
            cache_version=cls.cache_version,
        )
        remember_traits(stored_name(cls), cls.traits)

    @classmethod
    def whole_input(cls, outer: Any, values: Mapping[str, Any]) -> Any:
        """Return the input of this class when it is a part of another one.

        :param outer: the input of the other class.
        :param values: fields that differ from it.
        :raises InvalidRequest: when the fields do not form an input of this class.
        """
        names = cls.input_type.model_fields
        fields = {name: getattr(outer, name) for name in names if hasattr(outer, name)}
        fields |= {name: value for name, value in values.items() if name in names}  # run_id is none of them
        try:
            return cls.input_type.model_validate(fields, by_alias=False, by_name=True)
        except ValidationError as error:
            wrong = WrongField.first(error)
            raise InvalidRequest(f"{wrong.place} is not valid for {cls.__name__}: {wrong.remark}.") from error

    def part_object(self, graph: type[Graph]) -> Graph:
        """Create the object that runs a part of this workflow, with the same services.

        :raises ConfigurationError: when the class of the part requires other arguments.
        """
        try:
            return graph(self._given) if issubclass(graph, Workflow) else graph()
        except TypeError as error:
            raise ConfigurationError(
                f"{graph.__name__} cannot be a part of {type(self).__name__}: its __init__ has to take "
                f"services, and to need nothing else ({error})."
            ) from error

    def __init__(self, services: Services | None = None) -> None:
        if not (services is None or isinstance(services, Services)):
            name = type(self).__name__
            raise ConfigurationError(
                f"{name} is given a {type(services).__name__} as its services: write "
                f"{name}(await Services.open(…)), or {name}() for the default ones."
            )
        self._services = services
        self._made_in = current_node.get()

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; warn once if a node does so, since all runs of the object share it."""
        current = current_node.get()
        if current is not None and getattr(self, "_made_in", current) is not current:
            _warn_once(
                "node_sets_attribute",
                f"self.{name} is shared by all runs of this object, those of other tenants too, and the "
                "cache does not know of it: return the value, and let other nodes take it as a parameter",
                attribute=name,
            )
        super().__setattr__(name, value)

    @classmethod
    def with_services(cls, services: Services) -> Self:
        """Create an object that uses these services, even if its ``__init__`` takes none.

        :raises TypeError: when its ``__init__`` requires other arguments.
        """
        made = cls(services=services) if "services" in inspect.signature(cls).parameters else cls()
        made._services = services  # noqa: SLF001 - of an object of this class
        return made

    @property
    def services(self) -> Services:
        """The services of the workflow in this event loop; available once a run has started."""
        if (given := self._given) is not None:
            return given
        try:
            services = loop_services().opened
        except RuntimeError:  # a node in a thread: no event loop runs there
            services = current_services.get()
        if services is None:
            raise RuntimeError("services are opened with the first run: await it, or pass services")
        return services

    @property
    def _given(self) -> Services | None:
        try:
            return self._services
        except AttributeError:
            name = type(self).__name__
            raise ConfigurationError(
                f"{name}.__init__ does not call super().__init__(services): make that its first line."
            ) from None

    async def aclose(self) -> None:
        """Close this event loop's default services, unless another workflow uses them.

        The workflow can be used again afterwards.
        """
        if self._given is None:
            await loop_services().release(self)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _open(self) -> None:
        if self._given is None:
            await loop_services().acquire(self)

    async def _parts(self) -> WorkflowParts:
        """Return the parts that a run needs, with open services."""
        await self._open()
        return WorkflowParts(self, self.plan, self.services, self.modes, self.traits, self.durable)

    # Running it

    async def run(self, **inputs: Any) -> Run:
        """Run the bare graph, without metrics, charges, storage, limits or traces.

        Use it to test nodes, and `execute_typed` or `execute_stream` for everything else.
        """
        name = type(self).__name__
        if name not in _warned_bare:
            _warned_bare.add(name)
            logger.warning(
                "bare_run",
                workflow=name,
                hint=f"run(…) runs the bare graph of {name}: nothing of it is counted, charged, stored, "
                f"limited or traced. Write: await {name}().execute_typed({self._example()})",
            )
        return await super().run(**inputs)

    async def begin(self, input: InputT, key: IdempotencyKey | None = None) -> RunHandle:  # noqa: A002 - the seed's name
        """Check a request, and prepare its run or find its answer, for `events` to stream; for servers.

        :param key: the idempotency key. A request with one always gets a new run, which is stored with the
            key; if the key belongs to an earlier run, `events` raises `KeyTaken`.
        :raises InvalidRequest: when the input names something that does not exist; nothing has run then.
        """
        self._check_type(input)
        self._warn_within_a_run()
        return await beginning.begin(await self._parts(), self._bounded(input), key)

    def _bounded(self, request: InputT) -> InputT:
        """Return the request with the cost limit of the class, if it has none."""
        if self.max_cost_dollars is None or request.max_cost_dollars is not None:
            return request
        return request.model_copy(update={"max_cost_dollars": self.max_cost_dollars})

    def _warn_within_a_run(self) -> None:
        """Warn once, where a node begins a run: nothing of the node's own run holds for that one."""
        name = type(self).__name__
        _warn_once(
            "run_within_a_run",
            f"{name} runs by itself: its cost is not in the run of '{{node}}', whose limits "
            f"do not hold for it. Make it a part of the class: part = subworkflow({name})",
            workflow=name,
        )

    def _check_type(self, request: object) -> None:
        check_has_nodes(type(self).__name__, self.plan)
        if not isinstance(request, self.input_type):
            raise InvalidRequest(
                f"The input of {type(self).__name__} is a {type(request).__name__}: give it a "
                f"{self._example()}.",
                field="input",
            )

    def _example(self) -> str:
        """Write an input with the fields that have to be given."""
        fields = ", ".join(f"{name}=…" for name in _required(self.input_type))
        return f"{self.input_type.__name__}({fields})"

    async def begin_resumed(
        self,
        run_id: str,
        decision: Decision,
        *,
        tenant_id: str | None = None,
        key: IdempotencyKey | None = None,
    ) -> RunHandle:
        """Prepare a paused run, which its `events` continue; for servers. Raises the errors of `resume`.

        :param key: the key of the client's request, stored with the decision.
        :raises KeyTaken: when the key belongs to another run.
        """
        return await beginning.resume(await self._parts(), run_id, decision, tenant_id, key)

    async def start_in_background(self, input: InputT) -> str:  # noqa: A002 - the seed's name
        """Queue a run, and return its id; a `BackgroundWorker`, or an engine that serves this class, runs it.

        :raises InvalidRequest: when the input names something that does not exist, or cannot be stored.
        :raises QueueFull: when the tenant has too many queued runs.
        """
        record = await self.queued_record(input)
        await self.services.background.put([record])
        return record.id

    async def wait_for_run(self, run_id: str, *, tenant_id: str | None = None) -> WorkflowOutput[ResultT]:
        """Wait for a background run, and return its answer, or the approval or input that it waits for.

        :param tenant_id: restrict to runs of this tenant; None for every tenant.
        :raises NotFound: when there is no such run.
        :raises RunFailed: when there is no answer.
        """
        services = (await self._parts()).services
        return with_result(self.plan, await until_ended(services, run_id, tenant_id))

    async def cancel_run(self, run_id: str, *, tenant_id: str | None = None) -> bool:
        """Cancel a background run in any process, and return whether there was something to cancel.

        A run that has already started ends within seconds.

        :param tenant_id: restrict to runs of this tenant; None for every tenant.
        :raises NotFound: when there is no such run.
        """
        return await cancel_run((await self._parts()).services, run_id, tenant_id)

    async def open(self) -> Services:
        """Open the services if necessary, and return them."""
        await self._open()
        return self.services

    async def queued_record(self, input: InputT, run_id: str | None = None) -> RunRecord:  # noqa: A002 - the seed's name
        """Check a request, and create the record of its background run without storing it; for servers.

        :param run_id: the id of the run; None: a new one.
        :raises InvalidRequest: when the input names something that does not exist, or cannot be stored.
        """
        self._check_type(input)
        return await beginning.queued_record(await self._parts(), self._bounded(input), run_id)

    async def begin_queued(self, record: RunRecord) -> RunHandle:
        """Prepare a queued run, which its `run` takes out of the queue; for servers.

        :raises InvalidRequest: when the input names something that no longer exists.
        """
        return await beginning.begin_queued(await self._parts(), record)

    async def begin_taken_over(self, taken: TakenRun) -> RunHandle:
        """Prepare a run that this worker has taken over, which its `events` continue; for servers.

        :raises PlanChanged: when the run's input no longer fits this class.
        """
        return await take_over(await self._parts(), taken)

    async def execute_typed(self, input: InputT) -> WorkflowOutput[ResultT]:  # noqa: A002 - the seed's name
        """Answer a request, or pause for the user's approval.

        :raises InvalidRequest: when the input names something that does not exist; nothing has run then.
        :raises RunFailed: when there is no answer; its ``__cause__`` is the exception of the node.
        """
        with unstreamed():
            return with_result(self.plan, await (await self.begin(input)).answer())

    async def execute_stream(self, input: InputT) -> AsyncGenerator[Event, None]:  # noqa: A002 - the same
        """Answer a request as events; the last one is `run_finished`, `run_paused` or `run_failed`.

        Leaving the loop early (and closing the iterator) cancels the run.

        :raises InvalidRequest: before the first event, when the input names something that does not exist.
        """
        execution = await self.begin(input)
        async with aclosing(execution.events()) as events:
            async for event in events:
                yield with_result_of_event(self.plan, event) if self.traits.has_result else event

    async def resume(
        self,
        run_id: str,
        approved: Collection[str] | None = (),
        *,
        tenant_id: str | None = None,
        answers: Mapping[str, Any] | None = None,
        edited: Mapping[str, Mapping[str, Any]] | None = None,
        denied: Mapping[str, str] | None = None,
        user_id: str | None = None,
    ) -> WorkflowOutput[ResultT]:
        """Resume a paused run, making only the suggested tool calls that are approved.

        :param approved: ids of suggested calls, or "all" for all that are not denied; an empty list denies
            them all. None: no decision, which is an error if calls wait and none is edited or denied.
        :param tenant_id: restrict to runs of this tenant; None for every tenant.
        :param answers: the values of a subclass's own pausing nodes, by the value's name.
        :param edited: changed arguments of suggested calls, by id; these calls are approved.
        :param denied: the reasons of denied calls, by id; the model reads them.
        :param user_id: the person who decides; stored with the run.
        :raises NotFound: when there is no such run.
        :raises InvalidRequest: when an id was not suggested, or an answer is missing or does not fit.
        :raises Conflict: when the run was resumed, has ended or expired, or the workflow has changed.
        :raises RunFailed: when there is no answer.
        """
        decision = Decision(approved, edited or {}, denied or {}, answers or {}, user_id)
        with unstreamed():
            run = await self.begin_resumed(run_id, decision, tenant_id=tenant_id)
            return with_result(self.plan, await run.answer())

    async def resume_stream(
        self,
        run_id: str,
        approved: Collection[str] | None = (),
        *,
        tenant_id: str | None = None,
        answers: Mapping[str, Any] | None = None,
        edited: Mapping[str, Mapping[str, Any]] | None = None,
        denied: Mapping[str, str] | None = None,
        user_id: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Resume a run like `resume`, as events; their numbers continue from those before the pause."""
        decision = Decision(approved, edited or {}, denied or {}, answers or {}, user_id)
        execution = await self.begin_resumed(run_id, decision, tenant_id=tenant_id)
        async with aclosing(execution.events()) as events:
            async for event in events:
                yield with_result_of_event(self.plan, event) if self.traits.has_result else event


def _input_types(input_type: type[WorkflowInput]) -> dict[str, Any]:
    """Return the types of the graph's inputs: the request, its fields, and the id of the run."""
    fields = {name: field.annotation for name, field in input_type.model_fields.items()}
    return {"input": input_type, "run_id": str, **fields}


def _input_defaults(input_type: type[WorkflowInput]) -> dict[str, Any]:
    """Return the defaults of the class's own fields, except those that a factory makes for each input."""
    own = set(input_type.model_fields) - set(WorkflowInput.model_fields)
    return {
        name: field.get_default()
        for name, field in input_type.model_fields.items()
        if name in own and not field.is_required() and field.default_factory is None
    }


def _required(input_type: type[WorkflowInput]) -> list[str]:
    return [name for name, field in input_type.model_fields.items() if field.is_required()]


def _warn_once(event: str, hint: str, **subject: str) -> None:
    """Warn of something that the code of a node does, once for each node and subject; silent outside of runs.

    :param hint: the advice; ``{node}`` in it stands for the node's name.
    """
    node = node_of_run()
    if node is None or (seen := (event, node.place, *subject.values())) in _warned:
        return
    _warned.add(seen)
    logger.warning(event, node=node.name, place=node.place, **subject, hint=hint.replace("{node}", node.name))


Workflow.traits = traits_of(
    Workflow.plan, None, input_type=WorkflowInput, result_type=None, is_cacheable=True, cache_version=""
)
