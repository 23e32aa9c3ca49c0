"""A letter that a person approves before it is sent. Run it: ``python examples/approval.py``.

The run waits in the store, and not in this process: another one may resume it, days later. Over HTTP that is
``POST /v1/runs/{id}/resume``.
"""

import asyncio
import os

from pydantic import BaseModel

from vital_shared import Pause, Services, Workflow, WorkflowInput, node
from vital_shared.testing import CannedModel


class Verdict(BaseModel):
    send: bool
    note: str = ""


class Letter(Workflow):
    """A letter, sent once somebody has approved it."""

    @node
    async def draft(self, query: str) -> str:
        return await self.llm(f"Write a short letter: {query}")

    @node(pauses=True)
    async def verdict(self, draft: str) -> Verdict:
        raise Pause({"draft": draft})

    @node(effects=True)
    async def answer(self, draft: str, verdict: Verdict) -> str:
        if not verdict.send:
            return f"Not sent: {verdict.note}"
        return f"Sent: {draft}"  # here you would hand it to the mail server


def canned() -> CannedModel:
    return CannedModel("Dear customer, your order is on its way.")


async def main() -> None:
    model = os.environ.get("VITAL_MODEL", "canned")
    services = await Services.open(models=[canned()])
    try:
        workflow = Letter(services)
        asked = WorkflowInput(
            query="The order is late.", mode="2", tenant_id="acme", user_id="ann", model=model
        )
        paused = await workflow.execute_typed(asked)
        (waiting,) = paused.required_input
        print(waiting.value)
        output = await workflow.resume(paused.run_id, answers={waiting.name: {"send": True}})
        print(output.response)
    finally:
        await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
