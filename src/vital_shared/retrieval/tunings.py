"""The tuning by which a tenant's documents are searched."""

from __future__ import annotations

from vital_shared.models.retrieval_tuning import SHIPPED_TUNING, RetrievalTuning, StoredTuning, TunedModels
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.language import language_of, load_for
from vital_shared.store.retrieval_tunings import RetrievalTuningStore

__all__ = ["Tunings", "answer_from_for", "tuning_for"]


class Tunings:
    """The stored tunings, of which those apply that were fitted on the models in use.

    :param embedder: the embedder of the documents, None where no model is installed.
    :param reranker: the cross-encoder's name, empty where none is installed.
    :param calibration: the versions of the calibrations of answers.
    """

    def __init__(
        self,
        store: RetrievalTuningStore,
        embedder: DocumentEmbedder | None,
        *,
        reranker: str,
        calibration: str,
    ) -> None:
        self.store = store
        self._embedder = embedder
        self._reranker = reranker
        self._calibration = calibration

    async def of(self, tenant_id: str | None) -> RetrievalTuning:
        """Return the tuning in force for a tenant; the shipped one where none was stored, or it is void.

        :raises StoreError: when the store does not answer.
        """
        stored = await self.store.find(tenant_id)
        return stored.tuning if stored is not None and await self.applies(stored) else SHIPPED_TUNING

    async def applies(self, stored: StoredTuning) -> bool:
        """Return whether a tuning was fitted on the models in use.

        :raises StoreError: when the store does not answer.
        """
        return stored.models == await self.models()

    async def models(self) -> TunedModels:
        """Return the models in use.

        :raises StoreError: when the store does not answer.
        """
        embedder = "" if self._embedder is None else (await self._embedder.current()).name
        return TunedModels(embedder=embedder, reranker=self._reranker, calibration=self._calibration)


async def tuning_for(tenant_id: str | None, tunings: Tunings | None) -> RetrievalTuning:
    """Return the tuning in force for a tenant; the shipped one where there are none at all.

    :raises StoreError: when the store does not answer.
    """
    return SHIPPED_TUNING if tunings is None else await tunings.of(tenant_id)


async def answer_from_for(question: str, tuning: RetrievalTuning) -> float | None:
    """Return the probability from which on a quoted answer to a question is given; None: the shipped one."""
    if tuning.answer_from is None:
        return None
    await load_for(question)
    return tuning.answer_from_in(language_of(question))
