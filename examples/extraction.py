"""A typed value out of a text: own input, own result. Run it: ``python examples/extraction.py``.

From the command line: ``vital ask --workflow examples/extraction.py:Extract --set text="…"``.
"""

import asyncio
import os
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field

from vital_shared import Services, Workflow, WorkflowInput, node
from vital_shared.testing import ScriptedModel, says

TEXT = "Acme and Globex sign on 1 May 2026; the price is 10,500 dollars."


class ContractInput(WorkflowInput):
    query: str = "Extract the contract."
    text: str = Field(min_length=1, max_length=200_000)


class Contract(BaseModel):
    parties: tuple[str, ...]
    signed: date | None
    price_dollars: Decimal


class Extract(Workflow[ContractInput, Contract]):
    """The parties, the date and the price of a contract."""

    @node(max_cost_dollars=Decimal("0.10"))
    async def result(self, text: str) -> Contract:
        return await self.llm(f"Extract the contract from this text:\n\n{text}", output=Contract)


def canned() -> ScriptedModel:
    return ScriptedModel(
        says('{"parties": ["Acme", "Globex"], "signed": "2026-05-01", "price_dollars": "10500"}')
    )


async def main() -> None:
    model = os.environ.get("VITAL_MODEL", "scripted")
    services = await Services.open(models=[canned()])
    try:
        asked = ContractInput(mode="2", tenant_id="acme", user_id="ann", model=model, text=TEXT)
        contract = (await Extract(services).execute_typed(asked)).result
        print(f"{' and '.join(contract.parties)}, {contract.signed}: ${contract.price_dollars:,}")
    finally:
        await services.aclose()


if __name__ == "__main__":
    asyncio.run(main())
