"""A process that asks a provider, to be stopped while it reads: ``python -m …standing_still_client URL LOOP``."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

import uvloop

from vital_shared.llm.base import ModelError, TextDelta
from vital_shared.llm.wires.base import Chat, UserTurn
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider
from vital_shared.llm.wires.timing import Timeouts

__all__ = ["BEGUN", "BETWEEN_SECONDS"]

BEGUN: Final = "begun"
BETWEEN_SECONDS: Final = 1.0
CHAT: Final = Chat(system="Be brief.", turns=(UserTurn(text="How long?"),), max_output_tokens=50)


def say(line: str) -> None:
    """Write a line that the test reads at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ask(url: str) -> None:
    """Say that the answer has begun, and then what it was, or the error that came of it."""
    timeouts, said = Timeouts(between_tokens=BETWEEN_SECONDS), list[str]()
    provider = Provider("openai", OpenAIWire(), base_url=f"{url}/v1", key=None, timeouts=timeouts)
    try:
        async for event in provider.stream("test", CHAT):
            if isinstance(event, TextDelta):
                if not said:
                    say(BEGUN)
                said.append(event.text)
        say("".join(said))
    except ModelError as error:
        say(type(error).__name__)
    finally:
        await provider.aclose()


if __name__ == "__main__":
    factory = uvloop.new_event_loop if sys.argv[2] == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(ask(sys.argv[1]))
