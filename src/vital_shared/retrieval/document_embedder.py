"""The embedding model of the documents: chosen with the first of them, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.retrieval.embedding_models import BGE, E5
from vital_shared.retrieval.language import ENGLISH, language_of
from vital_shared.store.knowledge import KnowledgeStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vital_shared.retrieval.embedding import Embedder

__all__ = ["MODELS", "DocumentEmbedder", "Preference"]

logger = get_logger(__name__)

Preference = Literal["auto", "english", "multilingual"]

MODELS: Final[Mapping[Preference, str]] = {"english": BGE.name, "multilingual": E5.name}

FOREIGN_SHARE: Final = 0.2
"""The share of texts in other languages than English from which on the multilingual model is chosen."""


class DocumentEmbedder:
    """An embedder with the model that the knowledge store is filled with, and chooses it for an empty one.

    The store keeps the choice, so that all processes embed with one model. Another preference later changes
    nothing until the documents are embedded anew; see `vital_shared.retrieval.reindex`.

    :param embedders: the installed models by name, of one dimension; at least one.
    :param preference: ``auto``: by the language of the first documents.
    """

    dimension = 384

    def __init__(
        self, knowledge: KnowledgeStore, embedders: Mapping[str, Embedder], preference: Preference = "auto"
    ) -> None:
        self._knowledge = knowledge
        self._embedders = embedders
        self._preference = preference
        self.name = MODELS.get(preference, BGE.name if BGE.name in embedders else E5.name)
        """The model in use, as far as is known: it is asked for with each call."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the installed models."""
        return tuple(self._embedders)

    async def warm_up(self) -> None:
        """Load the model now, so that the first question need not wait for it."""
        await (await self.current()).warm_up()

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, of shape (384,).

        :raises ConfigurationError: when the model is not installed or cannot be loaded.
        :raises StoreError: when the store does not answer.
        """
        return await (await self.current()).embed_query(text)

    async def embed_passages(
        self, texts: Sequence[str], *, side_by_side: bool = False
    ) -> NDArray[np.float32]:
        """Return the vectors of passages, of shape (n, 384), in their order; see `passage_text`.

        :param side_by_side: use all cores.
        :raises ConfigurationError: when the model is not installed or cannot be loaded.
        :raises StoreError: when the store does not answer.
        """
        embedder = await self.choose(texts)
        return await embedder.embed_passages(texts, side_by_side=side_by_side)

    async def current(self) -> Embedder:
        """Return the model that the documents are embedded with; of an empty store, the likelier one.

        :raises ConfigurationError: when it is not installed.
        :raises StoreError: when the store does not answer.
        """
        return self.named(await self._knowledge.embedding_model())

    async def choose(self, texts: Sequence[str]) -> Embedder:
        """Choose the model by some of the first texts; where one was chosen before, it stays.

        :raises ConfigurationError: when it is not installed.
        :raises StoreError: when the store does not answer.
        """
        chosen = await self._knowledge.embedding_model()
        if not chosen:
            suited = await asyncio.to_thread(self._suited, texts)
            chosen = await self._knowledge.keep_embedding_model(suited)
            logger.info("embedding_model_chosen", model=chosen)
        return self.named(chosen)

    def named(self, model: str) -> Embedder:
        """Return the model that the store has kept; of an empty store (no name), the likelier one.

        :raises ConfigurationError: when it is not installed.
        """
        self.name = model or self.name
        return self.installed(self.name)

    def installed(self, model: str) -> Embedder:
        """Return a model by its name.

        :raises ConfigurationError: when it is not installed.
        """
        if model not in self._embedders:
            command = "vital models install" + (" multilingual" if model == E5.name else "")
            raise ConfigurationError(
                f"The documents need the model {model}, which is not installed: run `{command}`."
            )
        return self._embedders[model]

    def _suited(self, texts: Sequence[str]) -> str:
        if self._preference != "auto":
            return MODELS[self._preference]
        foreign = sum(language_of(text) != ENGLISH for text in texts)
        if foreign < FOREIGN_SHARE * len(texts) or not foreign:
            return BGE.name
        if E5.name not in self._embedders:
            logger.warning("multilingual_model_missing", advice="run `vital models install multilingual`")
            return BGE.name
        return E5.name
