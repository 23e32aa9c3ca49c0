"""The loop and the part of ``examples/without_retrieval.py`` in pydantic-ai."""

import asyncio
from typing import Any

from canned_agent import canned_agent_model
from pydantic_ai import Agent

MAX_CHARACTERS = 80
MAX_ROUNDS = 3


def check(text: str) -> str:
    return f"{text} ({len(text.split())} words)"


async def summary(model: Any, text: str) -> str:
    shortener = Agent(model)
    for _ in range(MAX_ROUNDS):
        text = (await shortener.run(f"Say this in half as many words:\n\n{text}")).output
        if len(text) <= MAX_CHARACTERS:
            break
    return check(text)


async def main() -> None:
    model = canned_agent_model("The review of a device takes ninety days. " * 2, "It takes ninety days.")
    print(await summary(model, "A long text. " * 50))


if __name__ == "__main__":
    asyncio.run(main())
