"""The states of all alerts, shared by the readers of the same samples."""

from __future__ import annotations

import asyncio

from ai_engine.monitoring.monitor import MonitoringSources
from ai_engine.monitoring.views import AlertRuleList
from vital_ops.config import OpsConfig
from vital_ops.served.alert_states import alert_states
from vital_ops.served.figures import FigureSource

__all__ = ["SharedStates"]


class SharedStates:
    """The states of all alerts, evaluated once for each of the engine's own samples.

    Each open page asks again and again, and judging all alerts is work for the processor.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._evaluated: tuple[int, AlertRuleList] | None = None
        """The time of the newest sample, and what followed from it."""

    async def read(
        self, config: OpsConfig, sources: MonitoringSources, figures: FigureSource
    ) -> AlertRuleList:
        """Return them: as Prometheus judges them now, or as they were at the newest of the engine's samples.

        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        if sources.prometheus_url:
            return await alert_states(config, sources, figures)
        async with self._one_at_a_time:
            times = (await sources.samples(())).times
            newest = times[-1] if times else 0
            if self._evaluated is None or self._evaluated[0] != newest:
                self._evaluated = newest, await alert_states(config, sources, figures)
            return self._evaluated[1]
