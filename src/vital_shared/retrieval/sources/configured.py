"""The collections that the settings describe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from vital_shared.breaker import Breakers
from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.collection import Collection
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.tunings import Tunings
from vital_shared.settings import Settings

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["VARIABLES", "configured_collections"]

VARIABLES: Final[Mapping[str, str]] = {"supabase": "VITAL_SUPABASE_URL", "pinecone": "VITAL_PINECONE_HOST"}
"""The collections that there can be, each with the variable that configures it."""


def configured_collections(
    settings: Settings, embedders: Mapping[str, Embedder], breakers: Breakers, tunings: Tunings | None = None
) -> tuple[Collection, ...]:
    """Make the sources that have an address; nothing is asked of them yet, and none need be there.

    :param embedders: the installed models by name: an index is searched with the model that made it.
    :param breakers: those of all sources.
    :param tunings: None: all tenants' documents are searched by the shipped tuning.
    :raises ConfigurationError: when an address cannot be used, or a package is missing.
    """
    found: list[Collection] = []
    if address := settings.supabase_url.get_secret_value():
        found.append(_supabase(address, embedders, breakers, tunings))
    if settings.pinecone_host:
        # numpy and aiohttp, for which see `Services`
        from vital_shared.retrieval.sources.pinecone.configured import pinecone_collection  # noqa: PLC0415

        found.append(pinecone_collection(settings, embedders, breakers, os.environ, tunings=tunings))
    return tuple(found)


def _supabase(
    address: str, embedders: Mapping[str, Embedder], breakers: Breakers, tunings: Tunings | None
) -> Collection:
    if not find_spec("asyncpg"):
        raise ConfigurationError(
            "VITAL_SUPABASE_URL needs another package: run `pip install 'vital-engine[postgres]'`."
        )
    from vital_shared.retrieval.sources.supabase.source import SupabaseSource  # noqa: PLC0415 - see `Services`

    return SupabaseSource(address, embedders, SourceGuard(SupabaseSource.name, breakers), tunings)
