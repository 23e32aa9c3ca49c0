"""No documents: a text is shortened until it fits, then counted.

Run it: ``python examples/without_retrieval.py``.

``Shorten`` is repeated in a bounded loop, and ``Check`` is a sub-workflow; each has lines of its own in the
waterfall, and all calls are charged to the one run.
"""

import asyncio
import os

from vital_shared import Services, Workflow, WorkflowInput, node, repeat, subworkflow
from vital_shared.testing import ScriptedModel, says

MAX_CHARACTERS = 80


class TextInput(WorkflowInput):
    query: str = "Shorten the text."
    text: str


class Shorten(Workflow[TextInput]):
    @node
    async def answer(self, text: str) -> str:
        return await self.llm(f"Say this in half as many words:\n\n{text}")


class Check(Workflow[TextInput]):
    @node
    async def words(self, text: str) -> int:
        return len(text.split())

    @node
    async def answer(self, text: str, words: int) -> str:
        return f"{text} ({words} words)"


class Summary(Workflow[TextInput]):
    """A text, shortened until it fits."""

    short = repeat(
        Shorten, carry="text", until=lambda text: len(text) <= MAX_CHARACTERS, limit=3, text="text"
    )
    answer = subworkflow(Check, text="short")


def canned() -> ScriptedModel:
    return ScriptedModel(
        says("The review of a device takes ninety days. " * 2), says("It takes ninety days.")
    )


async def main() -> None:
    model = os.environ.get("VITAL_MODEL", "scripted")
    services = await Services.open(models=[canned()])
    try:
        asked = TextInput(mode="2", tenant_id="acme", user_id="ann", model=model, text="A long text. " * 50)
        output = await Summary(services).execute_typed(asked)
        print(output.response)
        for line in output.timings.nodes:
            print(f"  {line.node}: {(line.end_seconds - line.start_seconds) * 1000:.1f} ms")
    finally:
        await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
