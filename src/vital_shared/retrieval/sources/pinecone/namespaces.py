"""Namespaces: one for each tenant of an index, and one for the shared documents.

An index of ours is a set of namespaces within one index of Pinecone's, so that a new one can be filled beside
the one that answers.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

__all__ = ["INDEXES_NAMESPACE", "index_of", "namespace_of", "prefix_of"]

INDEXES_NAMESPACE: Final = "vital-indexes"
"""The namespace with one record for each index."""

_SHARED: Final = "shared"
_TENANT: Final = "tenant-"


def namespace_of(index_id: str, tenant_id: str | None) -> str:
    """Return a tenant's namespace; no two tenants and no two indexes have the same.

    Characters other than letters, digits and ``_.-~`` are percent-encoded (RFC 3986), which can be undone.

    :param index_id: hexadecimal.
    :param tenant_id: None: the shared documents.
    """
    owner = _SHARED if tenant_id is None else _TENANT + quote(tenant_id, safe="")
    return f"{prefix_of(index_id)}{owner}"


def prefix_of(index_id: str) -> str:
    """Return what all namespaces of an index begin with, and none of another."""
    return f"vital-{index_id}-"


def index_of(namespace: str) -> str | None:
    """Return the index that a namespace belongs to; None: it is not ours, or holds the indexes."""
    vital, _, rest = namespace.partition("-")
    index_id, dash, _ = rest.partition("-")
    return index_id if vital == "vital" and dash and index_id else None
