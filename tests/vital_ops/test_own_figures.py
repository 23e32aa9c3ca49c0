"""The figures of the engine's own samples."""

import asyncio

from ai_engine.monitoring.monitor import MonitoringSources, PanelWindow
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.served.monitor import DefinedMonitor
from vital_ops.served.panel_data import IN_TIME
from vital_shared.monitoring.sample_ring import SampleSet

UID = "vital-performance"


async def no_samples(names):
    return SampleSet([], [])


async def test_panels_are_evaluated_whichever_event_loop_was_the_first_to_have_many():
    await asyncio.to_thread(asyncio.run, many_panels())
    assert len(await many_panels()) == 20


async def test_alerts_are_evaluated_once_for_each_sample_for_all_readers():
    read, times = [], [1_000]

    async def samples(names):
        read.append(names)
        return SampleSet(times, [])

    monitor, sources = DefinedMonitor(), MonitoringSources(prometheus_url="", samples=samples)
    states = await asyncio.gather(*(monitor.alert_rules(sources) for _ in range(8)))
    detail = await monitor.alert_rule("HighErrorRate", sources)
    assert detail.rule in states[0].rules
    judged = sum(1 for names in read if names)
    times.append(11_000)
    await monitor.alert_rules(sources)
    assert 0 < judged == sum(1 for names in read if names) / 2


async def many_panels():
    monitor, sources = DefinedMonitor(), MonitoringSources(prometheus_url="", samples=no_samples)
    (board,) = (board for board in boards(DEFAULT_CONFIG) if board.uid == UID)
    shown = next(panel for panel in board.all_panels if panel.kind in IN_TIME)
    window = PanelWindow(start=0, end=600, step=15)
    return await asyncio.gather(*(monitor.panel(UID, shown.id, window, sources) for _ in range(20)))
