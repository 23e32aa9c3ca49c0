"""The extraction of ``examples/extraction.py`` in pydantic-ai."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

from canned_agent import canned_agent_model
from pydantic import BaseModel, Field
from pydantic_ai import Agent

TEXT = "Acme and Globex sign on 1 May 2026; the price is 10,500 dollars."


class ContractInput(BaseModel):
    text: str = Field(min_length=1, max_length=200_000)


class Contract(BaseModel):
    parties: tuple[str, ...]
    signed: date | None
    price_dollars: Decimal


async def extract(model: Any, given: ContractInput) -> Contract:
    agent = Agent(model, output_type=Contract)
    return (await agent.run(f"Extract the contract from this text:\n\n{given.text}")).output


async def main() -> None:
    fields = {"parties": ["Acme", "Globex"], "signed": "2026-05-01", "price_dollars": "10500"}
    contract = await extract(canned_agent_model(fields=fields), ContractInput(text=TEXT))
    print(f"{' and '.join(contract.parties)}, {contract.signed}: ${contract.price_dollars:,}")


if __name__ == "__main__":
    asyncio.run(main())
