"""Embeddings of the real model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.embedding_models import E5
from vital_shared.retrieval.encoder import Encoder
from vital_shared.retrieval.passage_text import passage_text

TEXTS = ["Honey never spoils.", "The canal has 23 locks and is 67 kilometres long.", "word " * 2_000]


async def test_vectors_have_length_one(bge: Embedder) -> None:
    vectors = await bge.embed_passages(TEXTS)
    assert vectors.shape == (3, bge.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


async def test_no_texts_give_no_vectors(bge: Embedder) -> None:
    assert (await bge.embed_passages([])).shape == (0, bge.dimension)


async def test_a_text_has_the_same_vector_in_any_company(bge: Embedder) -> None:
    together = await bge.embed_passages(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal((await bge.embed_passages([text]))[0], vector)


async def test_a_question_is_nearest_to_its_answer(bge: Embedder) -> None:
    passages = await bge.embed_passages(TEXTS[:2])
    question = await bge.embed_query("How long is the waterway?")
    assert np.argmax(passages @ question) == 1


async def test_questions_are_embedded_otherwise_than_passages(bge: Embedder) -> None:
    question, passage = await bge.embed_query(TEXTS[0]), (await bge.embed_passages(TEXTS[:1]))[0]
    assert 0.5 < float(question @ passage) < 0.999


async def test_sources_that_are_asked_at_once_share_the_questions_vector(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(model_folders["bge-small-en-v1.5"])
    runs: list[object] = []
    run = Encoder.run
    monkeypatch.setattr(Encoder, "run", lambda self, inputs: (runs.append(inputs), run(self, inputs))[1])

    first, *others = await asyncio.gather(*(embedder.embed_query("Who flies?") for _ in range(3)))

    assert len(runs) == 1
    assert all(other is first for other in others)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


async def test_a_question_whose_first_caller_is_cancelled_is_embedded_for_the_second(
    model_folders: dict[str, Path],
) -> None:
    embedder = Embedder(model_folders["bge-small-en-v1.5"])
    first, second = (asyncio.create_task(embedder.embed_query("Who flies?")) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).shape == (embedder.dimension,)


async def test_the_model_is_loaded_once_by_questions_that_come_together(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    loaded: list[str] = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda path, *a, **k: (loaded.append(path), session(path, *a, **k))[1],
    )
    embedder = Embedder(model_folders["bge-small-en-v1.5"])
    await asyncio.gather(*(embedder.embed_query(f"Question {n}?") for n in range(4)))
    assert len(loaded) == 1


async def test_the_loop_stays_free_while_the_model_loads_and_runs(model_folders: dict[str, Path]) -> None:
    task = asyncio.create_task(Embedder(model_folders["bge-small-en-v1.5"]).embed_passages(TEXTS))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 100


async def test_a_missing_model_says_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{tmp_path}.*Install it again"):
        await Embedder(tmp_path).embed_query("Anything?")


def test_a_passage_is_embedded_under_its_headings() -> None:
    assert passage_text("Bread", "Baking > Oven", "Bake it.") == "Bread > Baking > Oven\nBake it."
    assert passage_text("", "", "Bake it.") == "Bake it."


async def test_the_multilingual_model_reads_texts_as_its_card_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    async def run(encoder: Encoder, inputs: list[str]) -> np.ndarray:
        read.extend(inputs)
        return np.ones((len(inputs), Embedder.dimension), np.float32)

    monkeypatch.setattr(Encoder, "run", run)
    embedder = Embedder(tmp_path, E5)
    await embedder.embed_query("Hur?")
    await embedder.embed_passages(["Så."])
    assert read == ["query: Hur?", "passage: Så."]
    assert embedder.name == "multilingual-e5-small"
