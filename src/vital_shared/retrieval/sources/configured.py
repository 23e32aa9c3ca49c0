"""The collections that the settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vital_shared.breaker import Breakers
from vital_shared.retrieval.collection import Collection
from vital_shared.settings import Settings

if TYPE_CHECKING:
    from vital_shared.retrieval.embedding import Embedder

__all__ = ["configured_collections"]


def configured_collections(
    settings: Settings,  # noqa: ARG001 - each source reads its own
    embedders: Mapping[str, Embedder],  # noqa: ARG001
    breakers: Breakers,  # noqa: ARG001
) -> tuple[Collection, ...]:
    """Make the sources that have an address; nothing is asked of them yet, and none need be there.

    :param embedders: the installed models by name: an index is searched with the model that made it.
    :param breakers: those of all sources.
    :raises ConfigurationError: when an address cannot be used, or a package is missing.
    """
    return ()
