"""Units, flaws and causes of searches in other systems: closed sets, since they are metrics' labels."""

from __future__ import annotations

from typing import Literal

__all__ = ["PassageFlaw", "RetryCause", "SearchUnit"]

SearchUnit = Literal["read_unit", "embedding_token", "rerank_unit"]
"""Units in which a source counts what is paid for."""

PassageFlaw = Literal["score", "metadata", "tenant"]
"""``score``: no finite number; ``metadata``: fields are missing or of another kind; ``tenant``: it belongs to
another tenant."""

RetryCause = Literal["throttled", "unavailable", "connection"]
