"""Measure the embedded index at 100,000 passages, and the ingesting, against floors and targets.

    python bench/index.py [--passages N] [--small] [--folder FOLDER] [--json FILE]

Prints one table and exits with 1 where a target is missed. The passages are words drawn as frequently as in
real text, with random vectors; questions are embedded by the real model, and the documents that are ingested
are the sample knowledge. The store is made in FOLDER (default: a temporary one) and used again where it is
there. With --small little of everything is measured in a minute and no target counts: that shows whether it
works. Each figure is taken in a process of its own, so that a start is a start. The models have to be
installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

import numpy as np

from passages import KNOWLEDGE, Vocabulary
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.pinned_models import BGE_SMALL
from vital_shared.retrieval.weights import installed
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

TENANT = "bench"
DOCUMENT_PASSAGES = 100
SEARCHES = 200
WRITES = 30
NOTHING = "\N{EN DASH}"


class Size(NamedTuple):
    """The amount of what is measured."""

    passages: int
    documents: int | None = None
    """Documents that are ingested; None: all of the sample knowledge."""
    rounds: int = 3
    """Rounds of ingesting."""


MIN_PASSAGES = SEARCHES
SMALL = Size(passages=1_200, documents=2, rounds=1)


@dataclass
class Line:
    """A line of the table."""

    name: str
    unit: str
    measured: float
    floor: float | None = None
    most: float | None = None
    """The target."""
    least: float | None = None

    @property
    def is_missed(self) -> bool:
        return not (self.least or -np.inf) <= self.measured <= (self.most or np.inf)

    def shown(self) -> str:
        target = f"≤ {self.most:g}" if self.most else f"≥ {self.least:g}" if self.least else NOTHING
        floor = NOTHING if self.floor is None else f"{self.floor:,.3g}"
        missed = ", missed" if self.is_missed else ""
        return f"| {self.name} | {self.measured:,.3g} {self.unit} | {floor} | {target}{missed} |"


class Opened:
    """The parts of the engine that search and ingest, on a folder."""

    def __init__(self, folder: Path) -> None:
        models = installed(Settings().models_path)
        self.model = models[BGE_SMALL.name]
        self.embedder = Embedder(self.model)
        self.database = Database(f"sqlite+aiosqlite:///{folder / 'vital.db'}")
        self.knowledge = KnowledgeStore(self.database)
        self.memory = MemorySource(self.knowledge, self.embedder, folder / "index")

    async def __aenter__(self) -> Self:
        await self.database.migrate()
        await self.embedder.warm_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.memory.aclose()
        await self.database.aclose()

    async def put(self, uri: str, texts: list[str], vectors: Any) -> None:
        chunks = [
            Chunk(text=text, embedding=vector.astype("<f4").tobytes())
            for text, vector in zip(texts, vectors, strict=True)
        ]
        await self.knowledge.replace(
            tenant_id=TENANT, uri=uri, title=uri, content_hash=uri, media_type="text/plain", chunks=chunks
        )

    async def search(self, question: str) -> float:
        """Return the milliseconds that a search takes."""
        start = time.perf_counter()
        found = await self.memory.search(question, tenant_id=TENANT, limit=30)
        assert len(found) == 30
        return (time.perf_counter() - start) * 1e3


async def fill(folder: Path, size: Size) -> dict[str, Any]:
    """Fill a store, and measure the first start after that, which builds the index."""
    vocabulary, number = Vocabulary(1), size.passages
    async with Opened(folder) as engine:
        if not await engine.knowledge.chunk_ids():
            texts = list(vocabulary.texts(number))
            for first in range(0, number, DOCUMENT_PASSAGES):
                some = texts[first : first + DOCUMENT_PASSAGES]
                await engine.put(f"{first}", some, vocabulary.vectors(len(some), engine.embedder.dimension))
            questions = [vocabulary.question(texts[i]) for i in range(0, number, number // SEARCHES)]
            (folder / "questions.json").write_text(json.dumps(questions))
    async with Opened(folder) as engine:
        start = time.perf_counter()
        await engine.memory.catch_up()
        built = time.perf_counter() - start
    return {"build_s": built, **_sizes(folder)}


async def search(folder: Path, size: Size) -> dict[str, Any]:
    """Search after a start; then write and search in turns."""
    questions = json.loads((folder / "questions.json").read_text())
    vocabulary = Vocabulary(2)
    new = list(vocabulary.texts(3 * WRITES))
    vectors = vocabulary.vectors(3 * WRITES, Embedder.dimension)
    async with Opened(folder) as engine:
        before = _resident()
        first = await engine.search("How long is the canal?")
        quiet = [await engine.search(question) for question in questions]
        cpu = time.process_time()
        for question in questions:
            await engine.search(f"{question} Really?")
        cpu = time.process_time() - cpu
        grown = _resident() - before
        written = []
        for n in range(WRITES):
            await engine.put(f"new {n}", new[3 * n : 3 * n + 3], vectors[3 * n : 3 * n + 3])
            written.append(await engine.search(questions[n]))
        embedding = []
        for question in questions[:50]:
            start = time.perf_counter()
            await engine.embedder.embed_query(f"{question} Surely?")  # not one that was embedded before
            embedding.append((time.perf_counter() - start) * 1e3)
    return {
        "first_ms": first,
        "search_ms": quiet,
        "search_cpu_ms": 1e3 * cpu / len(questions),
        "written_ms": written,
        "embed_ms": embedding,
        "grown": grown,
        "product_ms": _product_ms(size.passages),
    }


async def search_nothing(folder: Path, _: Size) -> dict[str, Any]:
    """Search an index of hardly anything: what all searches need of memory."""
    vocabulary = Vocabulary(3)
    texts = list(vocabulary.texts(40))
    async with Opened(folder) as engine:
        await engine.put("few", texts, vocabulary.vectors(40, engine.embedder.dimension))
        before = _resident()
        for text in texts * (SEARCHES // 40):
            await engine.search(vocabulary.question(text))
        return {"grown": _resident() - before}


async def ingest(folder: Path, size: Size) -> dict[str, Any]:
    """Ingest documents and embed the same chunks with nothing around the model, in turns; the best counts."""
    documents = [path for path in sorted(KNOWLEDGE.iterdir()) if path.suffix != ".json"]
    documents = documents[: size.documents]
    seconds, floors = [], []
    async with Opened(folder) as engine:
        ingestor = Ingestor(engine.knowledge, engine.embedder, uses_all_cores=True)
        await ingestor.ingest_bytes(b"# First\n\nA sentence.", uri="first.md", tenant_id=TENANT)
        for n in range(size.rounds):
            last = max(await engine.knowledge.chunk_ids())
            start = time.perf_counter()
            results = [result async for result in ingestor.ingest_paths(documents, tenant_id=f"{n}")]
            seconds.append(time.perf_counter() - start)
            assert {result.status for result in results} == {"added"}
            chunks = [chunk async for batch in engine.knowledge.chunks(after_id=last) for chunk in batch]
            texts = [passage_text(chunk.title, chunk.section, chunk.text) for chunk in chunks]
            ways = WAYS if n == 0 else [min(floors)[1]]
            floors += [(await asyncio.to_thread(_embed, engine.model, texts, way), way) for way in ways]
    return {"chunks": len(texts), "seconds": min(seconds), "floor": min(floors)[0], "all": floors}


class Way(NamedTuple):
    """The way in which passages are embedded."""

    batch: int
    threads: int
    """Threads of one batch; there are as many batches at once as cores are left."""


WAYS = [Way(batch, threads) for batch in (1, 8) for threads in (1, os.cpu_count() or 1)]


def _embed(model: Path, texts: list[str], way: Way) -> float:
    """Return the seconds that it takes."""
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = way.threads
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), options)
    ordered = sorted(texts, key=len, reverse=True)
    batches = [ordered[first : first + way.batch] for first in range(0, len(ordered), way.batch)]

    def infer(batch: list[str]) -> None:
        encodings = tokenizer.encode_batch(batch)
        ids = np.array([each.ids for each in encodings], np.int64)
        mask = np.array([each.attention_mask for each in encodings], np.int64)
        session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})

    infer(batches[-1])
    start = time.perf_counter()
    with ThreadPoolExecutor((os.cpu_count() or 1) // way.threads) as pool:
        list(pool.map(infer, batches))
    return time.perf_counter() - start


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of the embeddings, and of all else in the index."""
    sizes = {path: path.stat().st_size for path in folder.glob("index/*/*/*.npy")}
    matrix = sum(size for path, size in sizes.items() if path.stem == "matrix")
    return {"matrix": matrix, "keywords": sum(sizes.values()) - matrix}


def _product_ms(number: int) -> float:
    """Multiply a matrix in memory with a vector: what an exact search cannot do without."""
    matrix = np.ones((number, Embedder.dimension), np.float32)
    vector = np.ones(Embedder.dimension, np.float32)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        np.vecdot(matrix, vector)
        times.append((time.perf_counter() - start) * 1e3)
    return _least_disturbed(times)


def _least_disturbed(times: list[float]) -> float:
    """Return the median of the best of five rounds: other programs of the machine only ever add."""
    size = max(1, len(times) // 5)
    return min(median(times[first : first + size]) for first in range(0, len(times) - size + 1, size))


def _resident() -> float:
    """Return this process's memory in bytes, with the files that are mapped into it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


PHASES = {each.__name__: each for each in (fill, search, search_nothing, ingest)}


def measured(phase: str, folder: Path, size: Size) -> dict[str, Any]:
    """Run a phase in a process of its own."""
    command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder)]
    command += ["--size", json.dumps(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def lines(folder: Path, size: Size) -> list[Line]:
    index = measured("fill", folder / "full", size)
    full = measured("search", folder / "full", size)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        empty = measured("search_nothing", Path(name) / "empty", size)
        ingested = measured("ingest", Path(name) / "ingested", size)
    quiet, written = _least_disturbed(full["search_ms"]), _least_disturbed(full["written_ms"])
    fastest = _least_disturbed(full["embed_ms"]) + full["product_ms"]
    memory = 1.2 * (index["matrix"] + index["keywords"])
    return [
        Line("search, p50", "ms", quiet, fastest, most=30),
        Line("search, all together: p95", "ms", float(np.percentile(full["search_ms"], 95))),
        Line("search, CPU", "ms", full["search_cpu_ms"]),
        Line("search after a write, p50: increase", "ms", written - quiet, most=5),
        Line("first search after start", "ms", full["first_ms"], fastest, most=1_000),
        Line(
            "memory over an empty index",
            "MB",
            (full["grown"] - empty["grown"]) / 1e6,
            None,
            most=memory / 1e6,
        ),
        Line("matrix on disk", "MB", index["matrix"] / 1e6, size.passages * Embedder.dimension * 4 / 1e6),
        Line("keyword index on disk", "MB", index["keywords"] / 1e6),
        Line("rebuilding everything", "s", index["build_s"]),
        Line(
            "ingesting, passages per second",
            "",
            ingested["chunks"] / ingested["seconds"],
            ingested["chunks"] / ingested["floor"],
        ),
        Line(
            "ingesting, share of the embedding floor",
            "%",
            100 * ingested["floor"] / ingested["seconds"],
            100,
            least=85,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--small", action="store_true", help="see that it works, with little of everything")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--size", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.phase:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(PHASES[arguments.phase](arguments.folder, Size(*json.loads(arguments.size))))
        print(json.dumps(result))
        return 0
    if arguments.passages < MIN_PASSAGES:
        parser.error(f"--passages has to be at least {MIN_PASSAGES}, one for each search")
    size = SMALL if arguments.small else Size(arguments.passages)
    with tempfile.TemporaryDirectory() as name:
        table = lines(arguments.folder or Path(name), size)
    print("| | measured | floor | target |\n| --- | ---: | ---: | ---: |")
    for line in table:
        print(line.shown())
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(line) for line in table], indent=2) + "\n")
    return 1 if any(line.is_missed for line in table) and not arguments.small else 0


if __name__ == "__main__":
    sys.exit(main())
