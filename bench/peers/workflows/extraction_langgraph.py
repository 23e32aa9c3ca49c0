"""The extraction of ``examples/extraction.py`` in LangGraph."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

from canned_chat import CannedChat
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

TEXT = "Acme and Globex sign on 1 May 2026; the price is 10,500 dollars."


class Contract(BaseModel):
    parties: tuple[str, ...]
    signed: date | None
    price_dollars: Decimal


class State(BaseModel):
    text: str = Field(min_length=1, max_length=200_000)
    result: Contract | None = None


def build(model: Any) -> Any:
    async def result(state: State) -> dict[str, Contract]:
        prompt = f"Extract the contract from this text:\n\n{state.text}"
        return {"result": await model.with_structured_output(Contract).ainvoke(prompt)}

    graph: Any = StateGraph(State)
    graph.add_node("extract", result)
    graph.add_edge(START, "extract")
    graph.add_edge("extract", END)
    return graph.compile()


async def main() -> None:
    fields = {"parties": ["Acme", "Globex"], "signed": "2026-05-01", "price_dollars": "10500"}
    state = await build(CannedChat(fields=fields)).ainvoke({"text": TEXT})
    contract: Contract = state["result"]
    print(f"{' and '.join(contract.parties)}, {contract.signed}: ${contract.price_dollars:,}")


if __name__ == "__main__":
    asyncio.run(main())
