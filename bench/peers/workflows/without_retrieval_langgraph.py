"""The loop and the part of ``examples/without_retrieval.py`` in LangGraph."""

import asyncio
from typing import Any, TypedDict

from canned_chat import CannedChat
from langgraph.graph import END, START, StateGraph

MAX_CHARACTERS = 80
MAX_ROUNDS = 3


class CheckState(TypedDict, total=False):
    text: str
    words: int
    answer: str


class State(TypedDict, total=False):
    text: str
    rounds: int
    answer: str


def check() -> Any:
    graph: Any = StateGraph(CheckState)
    graph.add_node("count", lambda state: {"words": len(state["text"].split())})
    graph.add_node("write", lambda state: {"answer": f"{state['text']} ({state['words']} words)"})
    graph.add_edge(START, "count")
    graph.add_edge("count", "write")
    graph.add_edge("write", END)
    return graph.compile()


def build(model: Any) -> Any:
    async def shorten(state: State) -> State:
        reply = await model.ainvoke(f"Say this in half as many words:\n\n{state['text']}")
        return {"text": str(reply.content), "rounds": state.get("rounds", 0) + 1}

    def is_short(state: State) -> str:
        done = len(state["text"]) <= MAX_CHARACTERS or state["rounds"] >= MAX_ROUNDS
        return "check" if done else "shorten"

    graph: Any = StateGraph(State)
    graph.add_node("shorten", shorten)
    graph.add_node("check", check())
    graph.add_edge(START, "shorten")
    graph.add_conditional_edges("shorten", is_short, ["shorten", "check"])
    graph.add_edge("check", END)
    return graph.compile()


async def main() -> None:
    model = CannedChat("The review of a device takes ninety days. " * 2, "It takes ninety days.")
    print((await build(model).ainvoke({"text": "A long text. " * 50}))["answer"])


if __name__ == "__main__":
    asyncio.run(main())
