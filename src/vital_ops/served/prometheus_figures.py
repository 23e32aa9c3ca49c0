"""FigureSource of a Prometheus, by its HTTP API.

See https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import orjson

from ai_engine.monitoring.monitor import MonitoringUnavailable
from ai_engine.monitoring.views import DataSource, Variable
from vital_ops.config import OpsConfig
from vital_ops.dashboards.panel import Board
from vital_ops.dashboards.scope import board_scope
from vital_ops.durations import write_seconds
from vital_ops.expressions.evaluation import INTERVAL, RANGE
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import scoped
from vital_ops.served.choices import OF_ENGINES, choices
from vital_ops.served.figures import Evaluated, QueryWindow
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_TOTAL

__all__ = ["PrometheusFigures", "ask_json"]

ANSWER_SECONDS: Final = 15.0
MAX_ANSWER_BYTES: Final = 16_000_000

SCRAPE_SECONDS: Final = 10.0
"""The stack's interval of scrapes; a window of a graph's point holds four of them."""

SCRAPES_PER_INTERVAL: Final = 4

ANY: Final = ".*"

_VARIABLE: Final = re.compile(r"\$(environment|instance|mode|tenant|workflow)\b")


class PrometheusFigures:
    """The figures of one Prometheus.

    :param url: its address.
    """

    def __init__(self, config: OpsConfig, url: str) -> None:
        self._config = config
        self._url = url.rstrip("/")

    async def query(
        self, expressions: Sequence[QueryExpression], window: QueryWindow
    ) -> Sequence[Sequence[Evaluated]]:
        """Evaluate expressions, each by one range query."""
        async with _session() as session:
            return [await self._query(session, each, window) for each in expressions]

    async def _query(
        self, session: aiohttp.ClientSession, expression: QueryExpression, window: QueryWindow
    ) -> Sequence[Evaluated]:
        params = {
            "query": self._text(expression, window),
            "start": repr(window.times[0]),
            "end": repr(window.times[-1]),
            "step": repr(window.step),
            "timeout": f"{ANSWER_SECONDS:g}s",
        }
        found = await ask_json(session, f"{self._url}/api/v1/query_range", params)
        places = {round(at * 1000): place for place, at in enumerate(window.times)}
        return [_evaluated(each, places) for each in found["data"]["result"]]

    async def variables(self, board: Board) -> tuple[Variable, ...]:
        """Return the values that labels have had in the last hour."""
        engines, requests = f"up{{{self._config.selector}}}", WORKFLOW_REQUESTS_TOTAL.name
        asked = [(choice, engines) for choice in OF_ENGINES]
        asked += [(choice, f"{requests}{{{self._config.selector}}}") for choice in choices(board)]
        async with _session() as session:
            return tuple(
                [
                    Variable(name=name, label=heading, values=await self._values(session, label, of))
                    for (name, heading, label), of in asked
                ]
            )

    async def _values(self, session: aiohttp.ClientSession, label: str, series: str) -> tuple[str, ...]:
        found = await ask_json(session, f"{self._url}/api/v1/label/{label}/values", {"match[]": series})
        return tuple(found["data"])

    async def source(self) -> DataSource:
        """Name it."""
        return DataSource(kind="prometheus")

    def _text(self, expression: QueryExpression, window: QueryWindow) -> str:
        """Fill in everything that Grafana would fill in."""
        interval = max(window.step + SCRAPE_SECONDS, SCRAPES_PER_INTERVAL * SCRAPE_SECONDS)
        text = scoped(expression, board_scope(self._config.selector))
        text = text.replace(INTERVAL, write_seconds(interval)).replace(
            RANGE, write_seconds(window.range_seconds)
        )

        def values(found: re.Match[str]) -> str:
            chosen = window.chosen.get(found[1])
            return ANY if chosen is None else "|".join(map(_literal, sorted(chosen)))

        return _VARIABLE.sub(values, text)


def _literal(value: str) -> str:
    r"""Write a value so that it stands for itself in a regular expression within a text of PromQL."""
    plain = re.sub(r"[^\w]", lambda found: f"\\{found[0]}" if found[0].isascii() else found[0], value)
    return plain.replace("\\", "\\\\").replace('\\\\"', '\\"').replace("\n", "")


def _evaluated(series: Mapping[str, Any], places: Mapping[int, int]) -> Evaluated:
    values: list[float | None] = [None] * len(places)
    for at, text in series["values"]:
        value = float(text)
        place = places.get(round(at * 1000))
        if place is not None and math.isfinite(value):
            values[place] = value
    labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
    return Evaluated(labels, values)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_SECONDS), trust_env=False)


async def ask_json(
    session: aiohttp.ClientSession,
    url: str,
    params: Mapping[str, str],
    *,
    method: str = "GET",
    body: Any = None,
    program: str = "Prometheus",
) -> Any:
    """Ask for JSON.

    :param program: the program that is asked, for messages.
    :raises MonitoringUnavailable: when it does not answer in time, refuses, or answers with too much.
    """
    try:
        async with session.request(method, url, params=params, json=body) as response:
            text = bytearray()
            async for chunk in response.content.iter_any():
                text += chunk
                if len(text) > MAX_ANSWER_BYTES:
                    raise MonitoringUnavailable(f"{program} answers with too much: choose a shorter time.")
            if not response.ok:
                raise MonitoringUnavailable(f"{program} refused with status {response.status}.")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise MonitoringUnavailable(f"{program} does not answer: {type(error).__name__}.") from error
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError as error:
        raise MonitoringUnavailable(f"{program} has answered with what is no JSON.") from error
