"""The cost of `self.llm` in a node, beside the bare wire: the same provider, prompt and answer, in turn."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from llm_clients import PREFIXES, QUESTION, WIRES
from vital_shared import Workflow, node
from vital_shared.llm.wires.base import Chat, UserTurn
from vital_shared.testing import question, workflow_services

CHUNKS = 100
"""Pieces of an answer, one in a packet, as providers send it."""

CALLS = 5
TARGET = 1.3
"""CPU time of `self.llm`, at most, in that of the bare wire."""

_TABLE = """
[providers.{wire}]
wire = "{wire}"
base_url = "{url}/paced/{chunks}{prefix}"
key_env = ""
[models."{wire}:m"]
price = {{ input = "1", output = "2" }}
"""


class NodeCosts(NamedTuple):
    """Microseconds of CPU for a call, in each round."""

    wire: str
    bare: list[float]
    node: list[float]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: both calls of a round meet the same load beside them.

        The low ends of the two come from different moments, and their ratio moves with what else runs.
        """
        return median(node / bare for bare, node in zip(self.bare, self.node, strict=True))


async def _cpu(call: Callable[[], Awaitable[object]]) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(CALLS):
        await call()
    return 1e6 * (time.process_time() - began) / CALLS


async def measure_node(url: str, rounds: int) -> list[NodeCosts]:
    """Measure, within a node of a run, each wire bare and by `self.llm`, in turn."""
    found: list[NodeCosts] = []

    class Asking(Workflow):
        @node
        async def answer(self) -> str:
            providers = self.services.models.providers
            assert providers is not None
            for wire in WIRES:
                name, costs = f"{wire}:m", NodeCosts(wire, [], [])
                provider = providers.get(wire, name)

                async def bare(provider=provider) -> None:
                    chat = Chat(turns=(UserTurn(text=QUESTION),), max_output_tokens=4_000)
                    async for _ in provider.stream("m", chat):
                        pass

                async def by_node(name: str = name) -> None:
                    await self.llm(QUESTION, model=name, max_tokens=4_000)

                for _ in range(rounds):
                    costs.bare.append(await _cpu(bare))
                    costs.node.append(await _cpu(by_node))
                found.append(costs)
            return "done"

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "vital.toml"
        tables = (_TABLE.format(wire=wire, url=url, chunks=CHUNKS, prefix=PREFIXES[wire]) for wire in WIRES)
        config.write_text("".join(tables))
        async with workflow_services(Path(folder), config=config, model="openai:m") as services:
            await Asking(services).execute_typed(question("?", enable_rag=False))
    return found
