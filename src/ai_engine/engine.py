"""The parts of the engine that the routes use."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from ai_engine.auth.false_keys import FalseKeys
from ai_engine.auth.identity import TokenVerifier
from ai_engine.auth.key_cache import KeyRing
from ai_engine.auth.session_ring import SessionRing
from ai_engine.background.background_runs import BackgroundRuns
from ai_engine.background.background_work import BackgroundWork
from ai_engine.background.run_sweep import RunSweep
from ai_engine.background.watchdog import WatchdogWatch
from ai_engine.gateway.answer_cache import AnswerCache
from ai_engine.monitoring.monitor import MonitorLoader
from ai_engine.monitoring.samples import SampleSource
from ai_engine.readiness import Readiness
from ai_engine.report.reporter import Reporter
from ai_engine.runs.fair_slots import FairSlots
from ai_engine.runs.hub import RunHub
from ai_engine.scraping import Scrape
from ai_engine.served_workflows import ServedWorkflows
from ai_engine.settings import ServerSettings
from vital_shared.retrieval.ingest.ingest import Ingestor
from vital_shared.store.idempotency import IdempotencyStore
from vital_shared.store.webhook_deliveries import WebhookStore
from vital_shared.workflows.services import Services

__all__ = ["Engine", "engine_of"]


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running service."""

    settings: ServerSettings
    services: Services
    workflows: ServedWorkflows
    hub: RunHub
    background: BackgroundRuns
    webhooks: WebhookStore
    ingestor: Ingestor
    scrape: Scrape
    """The source of the metrics."""
    keys: KeyRing
    identity_tokens: TokenVerifier | None
    """None: no identity provider is configured."""
    sessions: SessionRing
    """Sessions of the console."""
    false_keys: FalseKeys
    readiness: Readiness
    sweep: RunSweep
    """The sweep that ends the runs of dead workers."""
    background_work: BackgroundWork
    watchdog: WatchdogWatch
    idempotency: IdempotencyStore
    uploads: FairSlots
    """Documents that are received, or wait in memory."""
    ingesting: FairSlots
    """Documents that are read and embedded."""
    answers: AnswerCache
    """The answers of models that clients have asked to be cached."""
    reporter: Reporter | None
    """None: reports are not made here."""
    monitor: MonitorLoader | None
    """None: dashboards are not shown here."""
    samples: SampleSource
    """The engine's own samples, merged over its workers."""


def engine_of(connection: HTTPConnection) -> Engine:
    """Return the engine of the application that a request came to."""
    engine: Engine = connection.app.state.engine
    return engine
