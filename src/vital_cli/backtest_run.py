"""A backtest from the command line."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from vital_ops.backtest.backtest import Tested, backtest
from vital_ops.backtest.history import History
from vital_ops.config import OpsConfig
from vital_ops.durations import parse_seconds
from vital_shared.errors import InvalidRequest

__all__ = ["run_backtest", "span"]


def span(text: str, option: str) -> float:
    """Read an option that is a span of time.

    :raises InvalidRequest: when it is none.
    """
    try:
        return parse_seconds(text)
    except ValueError as error:
        raise InvalidRequest(f"{option}: {error}.", field=option) from None


def run_backtest(
    prometheus: str, *, back: float, step: float, config: OpsConfig, times: int | None
) -> list[Tested]:
    """Test the alerts over the last `back` seconds."""
    return asyncio.run(_run(prometheus, back, step, config, times))


async def _run(
    prometheus: str, back: float, step: float, config: OpsConfig, times: int | None
) -> list[Tested]:
    now = time.time()
    async with aiohttp.ClientSession() as client:
        return await backtest(History(client, prometheus, now - back, now, step), config, times)
