"""Let the sources in other systems follow the documents that come and go by the API."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import VitalError
from vital_shared.logs import get_logger
from vital_shared.retrieval.collection import Collection
from vital_shared.workflows.services import Services
from vital_shared.workflows.source_sync import filled_collections, sync_collection

__all__ = ["follow_documents"]

logger = get_logger(__name__)

LOOK_SECONDS: Final = 2.0
"""Time between two looks at the version of the documents."""
RETRY_SECONDS: Final = 30.0
"""Time after which a source is tried again that did not answer."""


async def follow_documents(services: Services, collection: Collection) -> None:
    """Bring a source up to date after each change, until cancelled, once `vital sources sync` has filled it.

    It is not filled anew for another embedding model: that takes long, and is the operator's to begin.
    """
    followed = -1
    while True:
        seconds = LOOK_SECONDS
        try:
            version = await services.knowledge.version()
            if version != followed and collection in await filled_collections(services):
                await _follow(services, collection)
                followed = version
        except VitalError as error:
            logger.warning("source_not_followed", source=collection.name, reason=error.for_operators)
            seconds = RETRY_SECONDS
        await asyncio.sleep(seconds)


async def _follow(services: Services, collection: Collection) -> None:
    result = await sync_collection(services, collection, may_switch=False)
    if result.needs_switch:
        logger.warning("source_of_another_model", source=collection.name)
    if result.written or result.deleted:
        logger.info("source_followed", source=collection.name, written=result.written, deleted=result.deleted)
