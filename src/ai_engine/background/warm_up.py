"""Load what answers questions before the first one needs it."""

from __future__ import annotations

from typing import Final

from vital_shared.errors import VitalError
from vital_shared.logs import get_logger
from vital_shared.models.citation import Passage
from vital_shared.retrieval import language
from vital_shared.workflows.services import Services

__all__ = ["warm_up"]

logger = get_logger(__name__)

TENANT: Final = "warm-up"

PASSAGE: Final = Passage(
    id="warm-up", document_id="warm-up", title="", source="memory", uri="", text="warm up", score=1.0
)


async def warm_up(services: Services) -> None:
    """Embed, search and rank once: this loads models and index. A failure is left to the questions.

    The model of languages is among them: sentences of answers are judged on the event loop.
    """
    await services.models.load()
    if services.embedder is None:
        return
    try:
        await services.embedder.embed_query("warm up")  # a search of an empty index would not
        await services.sources[0].search("warm up", tenant_id=TENANT, limit=1)
        await language.load()
        await services.fusion.merge("warm up", {PASSAGE.source: (PASSAGE,)}, limit=1)
    except VitalError as error:
        logger.warning("embedded_models_warm_up_failed", reason=str(error))
    else:
        logger.info("embedded_models_loaded")
