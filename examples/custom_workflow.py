"""A workflow of one's own: a tool, a source and a node. Run it: ``python examples/custom_workflow.py``."""

import asyncio

from vital_shared import BaseWorkflow, Services, WorkflowInput, node, tool
from vital_shared.models.answer import Answer
from vital_shared.models.citation import Passage


@tool(keywords=("weekday",), from_query=lambda query: {"day": 3} if "weekday" in query else None)
async def weekday(day: int) -> str:
    """Name a day of the week, 1 being Monday."""
    return ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][day - 1]


class Handbook:
    """A RAG source: anything with a name and a search."""

    name = "handbook"

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        text = f"The office of {tenant_id} opens at 9 on every weekday."
        return (
            Passage(
                id="h1", document_id="h", title="Handbook", source="handbook", uri="h.md", text=text, score=1
            ),
        )[:limit]


class OfficeWorkflow(BaseWorkflow):
    """Answers as usual, and counts the words."""

    @node
    async def words(self, answer: Answer) -> int:
        count = len(answer.text.split())
        print(f"({count} words)")
        return count


async def main() -> None:
    services = await Services.open(tools=[weekday], sources=[Handbook()])
    try:
        question = WorkflowInput(
            query="On every weekday, when does the office open?", mode="2", tenant_id="acme", user_id="ann"
        )
        output = await OfficeWorkflow(services).execute_typed(question)
        print(output.response)
        for citation in output.citations:
            print(f"  [{citation.number}] {citation.title}: {citation.quote}")
    finally:
        await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
