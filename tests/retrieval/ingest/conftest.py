"""A real store, an embedder that counts letters, and PDFs made on the spot."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest
from fpdf import FPDF
from numpy.typing import NDArray
from tests.store_database import store_url

from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore


class CountingEmbedder(Embedder):
    """A vector that depends on the text alone; remembers what it was asked for."""

    def __init__(self) -> None:
        self.name = "counting"
        self.batches: list[list[str]] = []

    async def embed_passages(
        self, texts: Sequence[str], *, side_by_side: bool = False
    ) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        return np.stack([self.vector(text) for text in texts])

    @staticmethod
    def vector(text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        values = np.random.default_rng(seed).normal(size=384).astype(np.float32)
        return values / np.linalg.norm(values)


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
async def knowledge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KnowledgeStore]:
    database = Database(store_url(tmp_path_factory.mktemp("store")))
    await database.migrate()
    yield KnowledgeStore(database)
    await database.aclose()


@pytest.fixture
def ingestor(knowledge: KnowledgeStore, embedder: CountingEmbedder) -> Ingestor:
    return Ingestor(knowledge, embedder)


@pytest.fixture
def texts_of(knowledge: KnowledgeStore) -> Callable[..., object]:
    """Return the texts of all chunks that a tenant sees, by their ids."""

    async def read(tenant_id: str = "acme") -> list[str]:
        passages = await knowledge.passages(sorted(await knowledge.chunk_ids()), tenant_id=tenant_id)
        return [passage.text for _, passage in sorted(passages.items())]

    return read


@pytest.fixture
def monograph() -> bytes:
    """A PDF of three pages with running titles, headings by size and weight, and broken words."""
    pdf = Monograph()
    pdf.add_page()
    pdf.say("Warfarin monograph", 20, "B")
    pdf.say("Dosage", 14, "B")
    pdf.say(
        "Adults take five milligrams once daily, and the long-term dose follows the interna-\n"
        "tional normalised ratio, which is measured every week. This is a long-\n"
        "term treatment for most of the patients who are given it at all in practice."
    )
    pdf.ln(6)
    pdf.say("A second paragraph stands apart.")
    pdf.say("Children", 11, "B", before=8)
    pdf.say("Children take less.")
    for heading in ("Interactions", "Storage"):
        pdf.add_page()
        pdf.say(heading, 14, "B")
        pdf.say(f"What is to be said of {heading.lower()} is said here, in one sentence of its own.")
    return bytes(pdf.output())


class Monograph(FPDF):
    def header(self) -> None:
        self.set_font("Helvetica", "I", 9)
        self.cell(0, 8, "Formulary of the house", new_x="LMARGIN", new_y="NEXT")

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("Helvetica", "", 9)
        self.cell(0, 8, f"Page {self.page_no()}", align="C")

    def say(self, text: str, size: int = 11, style: str = "", before: float = 4) -> None:
        if style:
            self.ln(before)
        self.set_font("Helvetica", style, size)
        self.multi_cell(0, size * 0.5, text, new_x="LMARGIN", new_y="NEXT")
