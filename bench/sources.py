"""Ask the three sources the same questions of the same documents, and print what each finds and how fast.

    python bench/sources.py [COLLECTION …]

Supabase is an embedded Postgres with pgvector, Pinecone the local server of the tests: its latency is that of
our own work, without the network. Printed for each source and for all together are the share of facts found
among the first 1, 5 and 20 passages, the latency of a search without the question's vector, and what it
costs; then follows a run in which a source takes 10 seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres_server import running_postgres
from tests.retrieval.sources.pinecone_server import API_KEY, PineconeServer, pinecone_server

from vital_shared import BaseWorkflow, Services, Settings
from vital_shared.billing.run_context import RunContext, current_run_context
from vital_shared.models.citation import Passage
from vital_shared.retrieval.base import Source, ask
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.retrieval.sources.sync import CollectionSync
from vital_shared.store.engines import parse_url
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.testing import question

ROOT = Path(__file__).parents[1]
KNOWLEDGE = ROOT / "examples" / "knowledge"
TENANT = "acme"
CUTS = (1, 5, 20)
SLOW_SECONDS = 10.0


@dataclass
class Measured:
    """The figures of one source."""

    found: dict[int, list[float]] = field(default_factory=lambda: {cut: [] for cut in CUTS})
    seconds: list[float] = field(default_factory=list)
    nanos: list[int] = field(default_factory=list)

    def note(self, asked: dict[str, Any], passages: Sequence[Passage]) -> None:
        for cut in CUTS:
            texts = [passage.text.lower() for passage in passages[:cut]]
            facts = [any(each.lower() in text for each in fact for text in texts) for fact in asked["facts"]]
            self.found[cut].append(sum(facts) / len(facts))

    def row(self, name: str) -> list[str]:
        recall = [f"{statistics.mean(self.found[cut]):.3f}" for cut in CUTS]
        milliseconds = sorted(each * 1e3 for each in self.seconds)
        p95 = milliseconds[int(0.95 * (len(milliseconds) - 1))]
        cost = f"${statistics.mean(self.nanos) / 1e9:.6f}" if self.nanos else ""
        return [name, *recall, f"{statistics.median(milliseconds):.1f}", f"{p95:.1f}", cost]


class Slowed:
    """A source that takes its time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        await asyncio.sleep(SLOW_SECONDS)
        return await self._source.search(query, tenant_id=tenant_id, limit=limit)


async def search(source: Source, query: str) -> tuple[tuple[Passage, ...], float, int]:
    """Search within a run of its own; return the passages, the seconds and the cost in nano-dollars."""
    context = RunContext("bench", question(query))
    token = current_run_context.set(context)
    start = time.perf_counter()
    found = await ask(source, query, tenant_id=TENANT, limit=max(CUTS))
    seconds = time.perf_counter() - start
    current_run_context.reset(token)
    return found, seconds, context.nanos()


async def measure(services: Services, questions: Sequence[dict[str, Any]], table: Table) -> None:
    measured = {source.name: Measured() for source in services.sources}
    merged = Measured()
    assert services.embedder is not None
    for asked in questions:
        await services.embedder.embed_query(asked["question"])  # once for all sources
        found = {}
        for source in services.sources:
            passages, seconds, nanos = await search(source, asked["question"])
            found[source.name] = passages
            measured[source.name].note(asked, passages)
            measured[source.name].seconds.append(seconds)
            measured[source.name].nanos.append(nanos)
        start = time.perf_counter()
        retrieved = await services.fusion.merge(asked["question"], found, limit=max(CUTS))
        merged.seconds.append(time.perf_counter() - start)
        merged.note(asked, retrieved.passages)
    for name, each in measured.items():
        table.add_row(*each.row(name))
    table.add_row(*merged.row("merged (with the reranker)"))


async def slow_run(services: Services, slowed: str, console: Console) -> None:
    sources = tuple(Slowed(each) if each.name == slowed else each for each in services.sources)
    object.__setattr__(services, "sources", sources)
    output = await BaseWorkflow(services).execute_typed(
        question("Which devices need a 510(k)?", tenant_id=TENANT, user_id=TENANT)
    )
    console.print(
        f"with {slowed} slowed to {SLOW_SECONDS:g} s: answered after {output.timings.total_seconds:.1f} s, "
        f"degraded by {', '.join(output.degradation_reasons)}; {len(output.citations)} citations"
    )


async def fill(services: Services, folder: Path) -> None:
    documents = [path for path in sorted(folder.iterdir()) if path.suffix != ".json"]  # noqa: ASYNC240 - before anything is measured
    ingestor = Ingestor(services.knowledge, services.embedder)
    async for result in ingestor.ingest_paths(documents, tenant_id=TENANT):
        if result.status == "failed":
            raise SystemExit(result.message)
    assert services.embedder is not None
    for collection in services.collections:
        ledger = SourceDocuments(services.database, collection.name)
        await CollectionSync(ledger, collection, services.embedder).run()


async def run(folders: Sequence[Path], new_database: Callable[[], str], console: Console) -> None:
    models = Settings().data_dir / "models"
    for folder in folders:
        async with AsyncExitStack() as stack:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (data / "models").symlink_to(models)
            server = await stack.enter_async_context(pinecone_server(PineconeServer(384)))
            settings = Settings(
                data_dir=data, database_url="", pinecone_host=server.url, supabase_url=new_database()
            )
            services = await Services.open(settings)
            stack.push_async_callback(services.aclose)
            await fill(services, folder)
            asked = json.loads((folder / "questions.json").read_text())
            questions = [each for each in asked if each["answerable"] and each["facts"]]
            await search(services.sources[0], questions[0]["question"])  # loads the models
            table = Table("source", *(f"R@{cut}" for cut in CUTS), "p50 ms", "p95 ms", "a search costs")
            table.title = f"{folder.name}: {len(questions)} questions"
            await measure(services, questions, table)
            console.print(table)
            if folder == KNOWLEDGE:
                await slow_run(services, "pinecone", console)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("collections", nargs="*", type=Path, default=[KNOWLEDGE])
    os.environ["PINECONE_API_KEY"] = API_KEY
    with running_postgres() as server:

        def new_database() -> str:
            name = f"bench_{uuid4().hex}"
            server.psql(f"CREATE DATABASE {name}")
            server.psql(f"\\connect {name}\nCREATE EXTENSION vector;")
            return parse_url(server.get_uri()).set(database=name).render_as_string(hide_password=False)

        asyncio.run(run(parser.parse_args().collections, new_database, Console()))


if __name__ == "__main__":
    main()
