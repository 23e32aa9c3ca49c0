"""Documented patterns, as a user writes them."""

# ruff: noqa: T201

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from vital_shared import (
    Answer,
    BaseWorkflow,
    Done,
    Graph,
    ModelError,
    Observer,
    Outcome,
    Passage,
    Pause,
    RunFailed,
    Services,
    Workflow,
    WorkflowInput,
    WorkflowMode,
    WorkflowOutput,
    fan_out,
    node,
    tool,
)
from vital_shared.graph import Node, NodeStatus, ObservedRun


class Slowest(Observer):
    def node_finished(
        self, run: ObservedRun, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        if seconds > 1:
            print(f"{node.name} took {seconds:.1f} s")


class Greeting(Graph):
    inputs = ("name",)

    @node
    async def salutation(self) -> str:
        return "Hello"

    @node
    async def greeting(self, salutation: str, name: str) -> str:
        return f"{salutation}, {name}"


class German(Greeting):
    @node
    async def salutation(self, name: str) -> str:
        return f"Guten Tag {name}"


class Quick(BaseWorkflow):
    modes = frozenset({WorkflowMode.MODE_2})

    rag_sources = None
    rag_retrieval = None
    passages = None

    @node(timeout=2.0, optional=True)
    async def tool_suggestion(self, query: str) -> tuple[str, ...]:
        return (query,)

    @node
    async def parts(self, query: str) -> tuple[str, ...]:
        return tuple(query.split())

    @fan_out("part", over="parts", limit=2)
    async def lengths(self, part: str) -> int:
        return len(part)

    @node
    async def answer(
        self, lengths: tuple[Outcome[int], ...], query: str
    ) -> AsyncIterator[str | Done[Answer]]:
        yield "x"
        yield Done(Answer(text=query))


class Longer(BaseWorkflow):
    async def question(self, query: str, tenant_id: str) -> str:
        return f"{query} {tenant_id}"


class Asking(BaseWorkflow):
    @node(pauses=True)
    async def verdict(self, answer: Answer) -> str:
        raise Pause({"text": answer.text})


@tool(keywords=("bmi",), requires_approval=False)
async def body_mass_index(kilograms: float, metres: float) -> str:
    """Compute the body mass index."""
    return f"{kilograms / metres**2:.1f}"


class ContractInput(WorkflowInput):
    query: str = "Extract the contract."
    text: str
    pages: int = 1


class Contract(BaseModel):
    parties: tuple[str, ...]


class Extract(Workflow[ContractInput, Contract]):
    @node
    async def result(self, text: str) -> Contract:
        return Contract(parties=tuple(text.split()))


class Shout(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Lengths(BaseWorkflow[ContractInput, list[int]]):
    @node
    async def result(self, answer: Answer, text: str) -> list[int]:
        return [len(answer.text), len(text)]


class AskingModels(Workflow):
    @node(max_cost_dollars="0.05")
    async def answer(self, query: str) -> str:
        text: str = await self.llm(query, tools=[body_mass_index], max_tokens=100)
        contract: Contract = await self.llm([{"role": "user", "content": text}], output=Contract)
        lengths: list[int] = await self.llm(text, output=list[int], temperature=0)
        print((await self.llm(text, output=Contract)).parties, lengths)
        return " ".join(contract.parties)


class Offer(BaseModel):
    price: Decimal


class Sorting(Workflow[WorkflowInput, Contract | Offer]):
    @node
    async def urgency(self, query: str) -> Literal["low", "high"]:
        urgency: Literal["low", "high"] = await self.llm(query, output=Literal["low", "high"])
        return urgency

    @node
    async def result(self, query: str, urgency: Literal["low", "high"]) -> Contract | Offer:
        found: Contract | Offer = await self.llm(f"{urgency}: {query}", output=Contract | Offer)
        return found


class Handbook:
    name = "handbook"

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        return ()


async def run_them() -> None:
    services = await Services.open(tools=[body_mass_index], sources=[Handbook()])
    async with Quick(services) as workflow:
        request = WorkflowInput(
            query="a b",
            mode="2",
            tenant_id="acme",
            user_id="ann",
            requested_tools=["calculator", {"name": "calculator", "arguments": {"expression": "1 + 1"}}],
            max_cost_dollars=Decimal("0.5"),
        )
        try:
            output = await workflow.execute_typed(request)
        except (RunFailed, ModelError) as error:
            print(error)
        else:
            print(output.response.upper(), output.cost.total + 1)
        print(request.mode.is_manual, request.requested_tools[0].name.upper())
        async for event in workflow.execute_stream(request):
            print(event.type)
            if event.type == "run_finished":
                print(event.output.result.anything)
    contract = ContractInput(mode=2, tenant_id="acme", user_id="ann", text="b")
    print(contract.text.upper(), contract.mode.is_chat)
    extracted = await Extract(services).execute_typed(contract)
    print(extracted.result.parties[0].upper())
    print(WorkflowOutput[Contract].model_validate_json(extracted.model_dump_json()).result.parties)
    print(sum((await Lengths(services).execute_typed(contract)).result))
    print((await Shout(services).execute_typed(request)).response.upper())
    run = await Greeting().run(name="Ann")
    print(run.value("greeting"))
