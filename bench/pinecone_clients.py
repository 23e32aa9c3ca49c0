"""Compare the ways to ask Pinecone: its official SDK, and the HTTP API over aiohttp and orjson.

    python bench/pinecone_clients.py [--queries N]

Both ask the local server of the tests, in a process of its own, with a vector of 384 dimensions and ten
keywords, for 30 passages of 1,500 characters. Printed for each: the CPU time of a query and how long the
event loop is held up, at 8 queries at once, and what the import takes beyond what the engine has loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

SDK, HTTP = "official SDK", "aiohttp and orjson"
DIMENSION = 384
AT_ONCE = 8
NAMESPACE = "bench"
KEYWORDS = {"indices": list(range(1, 11)), "values": [0.01] * 10}

LOADED_ANYWAY = "import aiohttp, httpx, orjson, pydantic, numpy"
"""Modules that the engine has loaded before it asks a source; so the HTTP API costs no import of its own."""


def serve(pipe: Connection) -> None:
    from tests.retrieval.sources.pinecone_server import Namespace, PineconeServer, Record, pinecone_server

    async def run() -> None:
        random = np.random.default_rng(0)
        server = PineconeServer(DIMENSION)
        records = {
            str(number): Record(
                str(number),
                random.standard_normal(DIMENSION).astype(np.float32),
                {number: 1.0},
                {"text": "Bees and wax. " * 107, "title": "On bees", "uri": "bees.md", "section": "A > B"},
            )
            for number in range(30)
        }
        server.namespaces[NAMESPACE] = Namespace(records)
        async with pinecone_server(server):
            pipe.send(server.url)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


async def measure(query: Callable[[], Awaitable[object]], queries: int) -> tuple[float, float]:
    """Return a query's CPU time, and how long the event loop is held up (p95), both in milliseconds."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - due)

    await asyncio.gather(*(query() for _ in range(AT_ONCE)))
    watcher = asyncio.create_task(watch())
    cpu = time.process_time()
    for _ in range(queries // AT_ONCE):
        await asyncio.gather(*(query() for _ in range(AT_ONCE)))
    cpu = time.process_time() - cpu
    watcher.cancel()
    return cpu / (queries // AT_ONCE * AT_ONCE) * 1e3, float(np.percentile(late, 95)) * 1e3


async def run(url: str, queries: int) -> dict[str, tuple[float, float]]:
    from pinecone import AsyncIndex
    from tests.retrieval.sources.pinecone_server import API_KEY

    from vital_shared.retrieval.sources.pinecone.client import PineconeClient

    vector = np.random.default_rng(1).standard_normal(DIMENSION).astype(np.float32)
    async with AsyncExitStack() as stack:
        sdk = await stack.enter_async_context(AsyncIndex(host=url, api_key=API_KEY))
        ours = PineconeClient(url, SecretStr(API_KEY))
        stack.push_async_callback(ours.aclose)

        async def by_sdk() -> None:
            found = await sdk.query(
                top_k=30,
                vector=vector.tolist(),
                sparse_vector=KEYWORDS,
                namespace=NAMESPACE,
                include_metadata=True,
            )
            assert len(found.matches) == 30

        async def by_http() -> None:
            body = {"topK": 30, "vector": vector, "sparseVector": KEYWORDS, "includeMetadata": True}
            reply = await ours.post("/query", body | {"namespace": NAMESPACE}, seconds=10)
            assert len(reply.body["matches"]) == 30

        return {
            SDK: await measure(by_sdk, queries),
            HTTP: await measure(by_http, queries),
        }


def imported() -> tuple[float, float]:
    """Return the milliseconds and the megabytes that the SDK's import takes, the best of three."""
    measured = f"""
import time
{LOADED_ANYWAY}
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before, start = resident(), time.perf_counter()
from pinecone import AsyncIndex
AsyncIndex(host="http://127.0.0.1:1", api_key="k")
print((time.perf_counter() - start) * 1e3, resident() - before)
"""
    command = [sys.executable, "-W", "ignore", "-c", measured]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    return min((float(run.split()[0]), float(run.split()[1])) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=800)
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    figures = asyncio.run(run(here.recv(), parser.parse_args().queries))
    here.send(None)
    server.join(10)
    milliseconds, megabytes = imported()
    imports = {SDK: (f"{milliseconds:.0f}", f"{megabytes:.0f}"), HTTP: ("0", "0")}
    table = Table("client", "CPU ms a query", "event loop held up, p95 ms", "import ms", "import MB")
    for name, (cpu, held_up) in figures.items():
        table.add_row(name, f"{cpu:.2f}", f"{held_up:.1f}", *imports[name])
    Console().print(table, f"{os.cpu_count()} cores")


if __name__ == "__main__":
    main()
