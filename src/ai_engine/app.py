"""The application: routes, errors, and what lives as long as the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cache, partial
from importlib.util import find_spec
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from ai_engine.api import (
    background,
    chat,
    completions,
    console,
    embeddings,
    gemini,
    health,
    messages,
    metrics,
    models,
    pages,
    responses,
    resumption,
    runbooks,
    runs,
    workflows,
)
from ai_engine.asgi.access_log import AccessLog
from ai_engine.asgi.azure_paths import AzurePaths
from ai_engine.asgi.exact_router import ExactRouter
from ai_engine.asgi.lazy_app import LazyApp
from ai_engine.asgi.trace_context import TraceContext
from ai_engine.auth.allowed_origins import AllowedOrigins
from ai_engine.auth.false_key_pace import open_pace
from ai_engine.auth.false_keys import FalseKeys
from ai_engine.auth.identity import TokenVerifier
from ai_engine.auth.key_cache import KeyRing
from ai_engine.auth.loopback_guard import is_loopback
from ai_engine.auth.middleware import Authentication
from ai_engine.auth.session_ring import SessionRing
from ai_engine.background.background_gauges import background_gauges
from ai_engine.background.background_runs import BackgroundRuns
from ai_engine.background.background_work import BackgroundWork
from ai_engine.background.budget_gauges import budget_gauges
from ai_engine.background.dead_letter_gauge import dead_letter_gauge
from ai_engine.background.forecast_gauge import forecast_gauge
from ai_engine.background.label_names import watch_label_names
from ai_engine.background.limit_gauges import limit_gauges
from ai_engine.background.retention import Retention
from ai_engine.background.run_sweep import RunSweep
from ai_engine.background.runtime_metrics import sample
from ai_engine.background.source_follow import follow_documents
from ai_engine.background.spending_gauges import spending_gauges
from ai_engine.background.takeover import Takeover
from ai_engine.background.warm_up import warm_up
from ai_engine.background.watchdog import WatchdogWatch
from ai_engine.engine import Engine
from ai_engine.gateway.answer_cache import AnswerCache
from ai_engine.gateway.relayed_call import RelayedCall
from ai_engine.monitoring.monitor import MonitorLoader
from ai_engine.monitoring.samples import OwnSamples, SampleSource
from ai_engine.readiness import Readiness
from ai_engine.report.reporter import Reporter
from ai_engine.runs.fair_slots import FairSlots
from ai_engine.runs.hub import RunHub
from ai_engine.scraping import Scrape, Shared, scrape_alone
from ai_engine.served_classes import ServedClasses
from ai_engine.served_workflows import ServedWorkflows
from ai_engine.settings import ServerSettings
from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.monitoring.snapshot import Snapshot, take
from vital_shared.monitoring.tracing import tracer
from vital_shared.retrieval.ingest.ingest import Ingestor
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.store.alerts import AlertStore
from vital_shared.store.console_sessions import ConsoleSessionStore
from vital_shared.store.dead_letters import DeadLetterStore
from vital_shared.store.idempotency import IdempotencyStore
from vital_shared.store.keys import KeyStore
from vital_shared.store.webhook_deliveries import WebhookStore
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.services import Services

__all__ = ["create_app"]

logger = get_logger(__name__)

BUILT_IN_ALONE: Final[ServedClasses] = {BUILT_IN: BaseWorkflow}

GATEWAY: Final = {"gateway": RelayedCall}
"""The workflow of calls that are passed on to models."""

TICK_SECONDS: Final = 1.0
RUNS_PER_EXTRA_RUN: Final = 10
"""One run more for each 10 is for tenants with few, so that these start although one has taken all."""

MAX_CONCURRENT_UPLOADS: Final = 2
"""Documents that are read and embedded; the others wait, so that questions have room."""

UPLOADS_IN_MEMORY: Final = 16
"""Documents that are received, or wait to be read."""

UPLOADS_WAITING: Final = 100
"""Uploads of one tenant that may wait before their body is received."""

UPLOAD_WAIT_SECONDS: Final = 120.0
"""The longest wait of an upload for its turn."""


def create_app(
    services: Services | None = None,
    settings: ServerSettings | None = None,
    scrape: Scrape = scrape_alone,
    classes: ServedClasses = BUILT_IN_ALONE,
    reporter: Reporter | None = None,
    monitor: MonitorLoader | None = None,
    samples: SampleSource | None = None,
) -> Starlette:
    """Make the service.

    :param services: the services to use, closed by the caller that opened them; None: opened with the
        application, from the environment, and closed with it.
    :param settings: None: from the environment.
    :param scrape: gives the metrics; by default, those of this process.
    :param classes: the workflows that answer, by name; the first one answers where a request names none.
    :param reporter: makes reports; None: there are none.
    :param monitor: loads what shows dashboards and alerts; None: there are none.
    :param samples: gives the samples of all workers; None: this process keeps its own.
    """
    settings = settings or ServerSettings()
    made = None if services is None else ServedWorkflows.create(classes, services, GATEWAY)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            parts = services
            if parts is None:
                parts = await Services.open()
                stack.push_async_callback(parts.aclose)
            may_be_open = is_loopback(settings.host) and not settings.jwt_issuer
            keys = KeyRing(KeyStore(parts.database), may_be_open=may_be_open, now=parts.now)
            stack.push_async_callback(keys.aclose)
            pace = open_pace(parts.settings)
            stack.push_async_callback(pace.aclose)
            readiness = Readiness(parts.database, parts.settings.data_dir, parts.collections)
            stack.push_async_callback(readiness.aclose)
            watchdog = WatchdogWatch(
                AlertStore(parts.database), parts.now, is_expected=bool(settings.alertmanager_url)
            )
            await keys.load()
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            hub = RunHub(
                tasks,
                logs=parts.logs,
                slots=FairSlots(
                    settings.max_concurrent_runs,
                    extra_slots=settings.max_concurrent_runs // RUNS_PER_EXTRA_RUN,
                    max_waiting=settings.max_waiting_runs,
                    wait_seconds=settings.queue_seconds,
                    work="runs",
                ),
                weight_of=parts.limits.weight,
                grace_seconds=settings.grace_seconds,
                retention_seconds=settings.event_retention_seconds,
            )
            sweep, background_work = RunSweep(parts), BackgroundWork(tasks)
            served = made or ServedWorkflows.create(classes, parts, GATEWAY)
            background_runs = BackgroundRuns(parts, served, hub)
            takeover = Takeover(parts, served, hub, max_takeovers=settings.max_takeovers)
            webhooks = WebhookStore(parts.database)
            own_samples = OwnSamples(_take)
            app.state.engine = Engine(
                settings=settings,
                services=parts,
                workflows=served,
                hub=hub,
                background=background_runs,
                webhooks=webhooks,
                ingestor=Ingestor(parts.knowledge, parts.embedder, limits=Limits.of(parts.settings)),
                scrape=Shared(scrape),
                keys=keys,
                identity_tokens=_identity_tokens(settings, parts.now),
                sessions=SessionRing(ConsoleSessionStore(parts.database), parts.now),
                false_keys=FalseKeys(pace),
                readiness=readiness,
                sweep=sweep,
                background_work=background_work,
                watchdog=watchdog,
                idempotency=IdempotencyStore(parts.database),
                uploads=_upload_slots(UPLOADS_IN_MEMORY, extra_slots=2),
                ingesting=_upload_slots(MAX_CONCURRENT_UPLOADS, extra_slots=1),
                answers=AnswerCache(parts.settings.cache_entries, parts.settings.cache_bytes),
                reporter=reporter,
                monitor=None if monitor is None else cache(monitor),
                samples=samples or own_samples,
            )
            if samples is None and monitor is not None and not settings.prometheus_url:
                background_work.observe(("own_samples", own_samples.watch))
            background_work.observe(
                ("warm_up", partial(warm_up, parts)),
                ("runtime_metrics", partial(sample, parts)),
                ("budget_gauges", budget_gauges(parts).watch),
                ("limit_gauges", limit_gauges(parts).watch),
                ("forecast_gauge", forecast_gauge(parts).watch),
                ("dead_letter_gauge", dead_letter_gauge(DeadLetterStore(parts.database)).watch),
                ("watchdog", watchdog.watch),
                ("label_names", partial(watch_label_names, parts)),
                ("spending_gauges", spending_gauges(parts).watch),
                ("tick", partial(_tick, hub, parts)),
            )
            background_work.take_on(
                ("run_sweep", sweep.watch),
                ("background_runs", background_runs.watch),
                ("takeover", takeover.watch),
                ("retention", Retention(parts.database, parts.knowledge, parts.retention, parts.now).watch),
                ("webhooks", partial(_send_webhooks, webhooks, settings, parts.now)),
                ("background_gauges", background_gauges(background_runs.store, webhooks, parts.now).watch),
                *(("source_follow", partial(follow_documents, parts, each)) for each in parts.collections),
            )
            try:
                yield
            finally:  # the task group waits until the runs have ended and are stored
                hub.stop()
                background_work.stop()

    administration = LazyApp(partial(_administration, classes))
    routes = [
        *runs.routes,  # first: they are asked most
        *workflows.routes,
        *background.routes,
        *resumption.routes,
        *chat.routes,
        *messages.routes,
        *gemini.routes,
        *models.routes,
        *responses.routes,
        *embeddings.routes,
        *completions.routes,
        Route("/v1/agui", LazyApp(_agui), methods=["POST"]),
        Route("/v1/runs", administration, methods=["GET"]),  # beside the plain one that begins a run
        *health.routes,
        *metrics.routes,
        *console.routes(),
        *pages.routes,
        *runbooks.routes,
    ]
    app = Starlette()
    app.router = ExactRouter(
        routes,
        lifespan=lifespan,
        redirect_slashes=False,
        default=administration,
    )
    inner: ASGIApp = AzurePaths(Authentication(app.router))
    if settings.cors_origins:
        inner = AllowedOrigins(inner, settings.cors_origins)
    if tracer() is not None:
        inner = TraceContext(inner)
    app.middleware_stack = AccessLog(inner)  # Starlette's own would handle errors twice more
    return app


async def _take() -> Snapshot:
    return await asyncio.to_thread(take)


def _identity_tokens(settings: ServerSettings, now: Callable[[], datetime]) -> TokenVerifier | None:
    """Make the verification of the identity provider's tokens; None: there is no provider.

    :raises ConfigurationError: when the package for it is not installed.
    """
    if not settings.jwt_issuer:
        return None
    if not find_spec("joserfc"):
        raise ConfigurationError("VITAL_JWT_ISSUER is set: run `pip install 'vital-engine[jwt]'`.")
    from ai_engine.auth.identity_tokens import open_identity_tokens  # noqa: PLC0415 - an extra

    return open_identity_tokens(settings, now)


def _agui() -> ASGIApp:
    from ai_engine.api.agui import run  # noqa: PLC0415 - the protocol's models are many, and seldom needed

    return request_response(run)


def _administration(classes: ServedClasses) -> ASGIApp:
    from ai_engine.api.administration.app import Administration  # noqa: PLC0415 - FastAPI takes long to load

    return Administration(classes)


def _upload_slots(slots: int, extra_slots: int = 0) -> FairSlots:
    return FairSlots(
        slots,
        extra_slots=extra_slots,
        max_waiting=UPLOADS_WAITING,
        wait_seconds=UPLOAD_WAIT_SECONDS,
        work="documents",
    )


async def _send_webhooks(store: WebhookStore, settings: ServerSettings, now: Callable[[], datetime]) -> None:
    """Send what is due, until cancelled, where this engine signs webhooks."""
    if settings.webhook_secret.get_secret_value():
        from ai_engine.webhooks.sender import WebhookSender  # noqa: PLC0415 - a large library

        await WebhookSender(store, settings, now).watch()


async def _tick(hub: RunHub, services: Services) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        await hub.tick()
        await services.cache.sweep()
        await asyncio.gather(services.savings.flush(), services.request_counts.flush())  # one transaction
