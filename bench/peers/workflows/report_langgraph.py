"""The report of ``examples/report.py`` in LangGraph."""

import asyncio
import operator
from typing import Annotated, Any, TypedDict

from canned_chat import CannedChat
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel


class Outline(BaseModel):
    headings: tuple[str, ...]


class State(TypedDict, total=False):
    query: str
    headings: tuple[str, ...]
    sections: Annotated[list[tuple[int, str]], operator.add]
    answer: str


class SectionState(TypedDict):
    number: int
    heading: str
    query: str


def build(model: Any) -> Any:
    async def outline(state: State) -> State:
        prompt = f"Name three headings for a report on {state['query']}."
        found = await model.with_structured_output(Outline).ainvoke(prompt)
        return {"headings": found.headings}

    def each_heading(state: State) -> list[Send]:
        return [
            Send("section", {"number": number, "heading": heading, "query": state["query"]})
            for number, heading in enumerate(state["headings"])
        ]

    async def section(state: SectionState) -> State:
        prompt = f"Write two sentences on {state['heading']} for a report on {state['query']}."
        try:
            async with asyncio.timeout(60):
                text = str((await model.ainvoke(prompt)).content)
        except Exception:  # noqa: BLE001 - whatever failed, the report does without this section
            text = "This section could not be written."
        return {"sections": [(state["number"], text)]}

    async def answer(state: State) -> State:
        write, text = get_stream_writer(), ""
        for heading, (_, content) in zip(state["headings"], sorted(state["sections"]), strict=True):
            piece = f"# {heading}\n\n{content}\n\n"
            text += piece
            write(piece)
        return {"answer": text}

    graph: Any = StateGraph(State)
    graph.add_node("outline", outline)
    graph.add_node("section", section)
    graph.add_node("answer", answer)
    graph.add_edge(START, "outline")
    graph.add_conditional_edges("outline", each_heading, ["section"])
    graph.add_edge("section", "answer")
    graph.add_edge("answer", END)
    return graph.compile()


async def main() -> None:
    model = CannedChat(
        "All is well. Nothing is missing.", fields={"headings": ["Scope", "Findings", "Next steps"]}
    )
    async for piece in build(model).astream(
        {"query": "recalls"}, {"max_concurrency": 4}, stream_mode="custom"
    ):
        print(piece, end="")


if __name__ == "__main__":
    asyncio.run(main())
