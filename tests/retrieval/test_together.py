"""Awaitables at the same time."""

from __future__ import annotations

import asyncio

import pytest

from vital_shared.errors import StoreError
from vital_shared.retrieval.together import together


async def test_results_come_in_order() -> None:
    async def value(number: int) -> int:
        return number

    assert await together(value(1), value(2)) == [1, 2]
    assert await together() == []


async def test_the_first_failure_is_raised_as_itself_and_cancels_the_others() -> None:
    cancelled = asyncio.Event()

    async def fail() -> None:
        raise StoreError("gone")

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(StoreError, match="gone"):
        await together(wait(), fail())
    assert cancelled.is_set()
