"""The approval of ``examples/approval.py`` in LangGraph."""

import asyncio
from typing import Any, TypedDict

from canned_chat import CannedChat
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel


class Verdict(BaseModel):
    send: bool
    note: str = ""


class State(TypedDict, total=False):
    query: str
    draft: str
    verdict: Verdict
    answer: str


def build(model: Any, saver: Any) -> Any:
    async def draft(state: State) -> State:
        return {"draft": str((await model.ainvoke(f"Write a short letter: {state['query']}")).content)}

    def verdict(state: State) -> State:
        return {"verdict": Verdict.model_validate(interrupt({"draft": state["draft"]}))}

    def answer(state: State) -> State:
        if not state["verdict"].send:
            return {"answer": f"Not sent: {state['verdict'].note}"}
        return {"answer": f"Sent: {state['draft']}"}

    graph: Any = StateGraph(State)
    graph.add_node("write", draft)
    graph.add_node("approve", verdict)
    graph.add_node("send", answer)
    graph.add_edge(START, "write")
    graph.add_edge("write", "approve")
    graph.add_edge("approve", "send")
    graph.add_edge("send", END)
    return graph.compile(checkpointer=saver)


async def main() -> None:
    # A saver in the database is a package of its own (langgraph-checkpoint-sqlite or -postgres).
    graph = build(CannedChat("Dear customer, your order is on its way."), InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    paused = await graph.ainvoke({"query": "The order is late."}, thread)
    print(paused["__interrupt__"][0].value)
    print((await graph.ainvoke(Command(resume={"send": True}), thread))["answer"])


if __name__ == "__main__":
    asyncio.run(main())
