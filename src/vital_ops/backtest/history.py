"""Ask Prometheus how something was over a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import aiohttp

from vital_shared.errors import VitalError

__all__ = ["History", "HistoryUnavailable"]

MAX_QUERY_POINTS: Final = 10_000
"""Prometheus gives at most 11,000 at once."""

QUERY_TIMEOUT_SECONDS: Final = 60.0


class HistoryUnavailable(VitalError):
    """Prometheus has not answered a query."""


class TimeSpan(NamedTuple):
    """A span of time, in seconds since the epoch."""

    start: float
    end: float


class History:
    """The data of a Prometheus for a span of time.

    :param url: the address of the Prometheus.
    :param start: in seconds since the epoch; so is ``end``.
    :param step: seconds between looks.
    """

    def __init__(
        self, client: aiohttp.ClientSession, url: str, start: float, end: float, step: float
    ) -> None:
        self.step = step
        self.seconds = end - start
        self._client = client
        self._url = url.rstrip("/")
        self._start = start
        self._end = end

    async def moments(self, expr: str) -> list[float]:
        """List when an expression had a value, in order.

        :raises HistoryUnavailable: when Prometheus does not answer, or cannot evaluate it.
        """
        found: set[float] = set()
        for part in self._parts():
            found.update(await self._ask(expr, part))
        return sorted(found)

    def _parts(self) -> Iterator[TimeSpan]:
        at = self._start
        while at <= self._end:
            end = min(at + (MAX_QUERY_POINTS - 1) * self.step, self._end)
            yield TimeSpan(at, end)
            at = end + self.step

    async def _ask(self, expr: str, part: TimeSpan) -> set[float]:
        params = {
            "query": expr,
            "start": f"{part.start:.3f}",
            "end": f"{part.end:.3f}",
            "step": f"{self.step:g}",
        }
        timeout = aiohttp.ClientTimeout(QUERY_TIMEOUT_SECONDS)
        try:
            async with self._client.post(
                f"{self._url}/api/v1/query_range", data=params, timeout=timeout
            ) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise HistoryUnavailable(
                f"Prometheus does not answer at {self._url}: give its address."
            ) from error
        if body.get("status") != "success":
            raise HistoryUnavailable(f"Prometheus refused the query: {body.get('error', 'no reason given')}.")
        return {float(at) for series in body["data"]["result"] for at, _ in series["values"]}
