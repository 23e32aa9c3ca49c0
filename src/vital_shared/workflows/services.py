"""The services that workflows use: the store, the sources, the models and the tools."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from vital_shared.billing.pricing import Prices
from vital_shared.breaker import Breakers, ModelBreakers
from vital_shared.cache.cache import Cache
from vital_shared.errors import ConfigurationError, StoreError
from vital_shared.events.flights import Flights
from vital_shared.events.logs import EventLogs
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.hedge_budget import MAX_SAVED_HEDGES, HedgeBudget
from vital_shared.llm.answer_calibration import SCORERS, shipped_calibration
from vital_shared.llm.base import Model
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.configuration import Configuration, load_configuration
from vital_shared.llm.extractive import ExtractiveComposer
from vital_shared.llm.local.model import installed_models
from vital_shared.llm.prompts.counting import Count, WordPieces, at_most, estimate_tokens
from vital_shared.llm.providers import Providers
from vital_shared.llm.registry import ModelRegistry
from vital_shared.llm.traced_content import check_telemetry
from vital_shared.logs import get_logger
from vital_shared.models.retention import RetentionTable
from vital_shared.monitoring.metrics import MODEL, SOURCE, TOOL
from vital_shared.retrieval.base import Source
from vital_shared.retrieval.collection import Collection
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.embedding_models import BGE, E5
from vital_shared.retrieval.fusion import Fusion
from vital_shared.retrieval.hedged_search import Searches
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.missing_models import MissingModels
from vital_shared.retrieval.pinned_models import BGE_SMALL, DECLARED, ENTAILMENT, MS_MARCO, MULTILINGUAL
from vital_shared.retrieval.sources.configured import configured_collections
from vital_shared.retrieval.tunings import Tunings
from vital_shared.retrieval.weights import installed
from vital_shared.settings import Settings
from vital_shared.store.agents import AgentStore
from vital_shared.store.background_runs import BackgroundRunStore
from vital_shared.store.cache_epochs import CacheEpochs
from vital_shared.store.conversations import ConversationStore
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.label_values import LabelValues
from vital_shared.store.limits import LimitStore
from vital_shared.store.request_counts import RequestCounts
from vital_shared.store.retrieval_tunings import RetrievalTuningStore
from vital_shared.store.runs import RunStore
from vital_shared.store.savings import Savings
from vital_shared.store.store import Store
from vital_shared.store.store_clock import StoreClock
from vital_shared.store.usage_limits import UsageLimitStore
from vital_shared.store.worker_lease import WorkerLease
from vital_shared.tools.base import Tool
from vital_shared.tools.calculator.tool import calculator
from vital_shared.tools.document_search import document_search
from vital_shared.tools.mcp.tools import McpTools
from vital_shared.tools.public_tools import PublicTools
from vital_shared.tools.registry import ToolRegistry
from vital_shared.tools.suggest import Suggester
from vital_shared.workflows.additions import load_additions
from vital_shared.workflows.model_selection import check_default_model
from vital_shared.workflows.own_parts import check_parts
from vital_shared.workflows.profiles import SHIPPED_AGENTS
from vital_shared.workflows.run_line import log_ended

if TYPE_CHECKING:
    from vital_shared.cache.redis import RedisTier
    from vital_shared.retrieval.embedding import Embedder
    from vital_shared.retrieval.entailment import Entailment
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["Services", "check_redis_package"]

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that workflows share, each behind its own interface."""

    settings: Settings
    database: Database
    agents: AgentStore
    conversations: ConversationStore
    knowledge: KnowledgeStore
    runs: RunStore
    lease: WorkerLease
    """The lease of this process on its durable runs; it is held as soon as there is one."""
    background: BackgroundRunStore
    """The queue of background runs."""
    savings: Savings
    """The savings by cache hits that are not in the ledger yet."""
    request_counts: RequestCounts
    """The finished requests that are not in the store yet."""
    logs: EventLogs
    """The event logs of the runs."""
    flights: Flights
    """The runs that identical requests follow."""
    cache: Cache
    """The cached answers."""
    epochs: CacheEpochs
    """The epochs: cached answers of earlier epochs are stale."""
    limits: LimitStore
    """The tenants' limits on spending and request rate."""
    usage_limits: UsageLimitStore
    """The limits of organisations, tenants, keys and users."""
    labels: LabelValues
    """The tenants, agents, models, tools and nodes that have names in metrics."""
    sources: tuple[Source, ...]
    """The sources: the embedded index, the collections, and those of the caller."""
    collections: tuple[Collection, ...]
    """The sources that can be written to."""
    source_breakers: Breakers
    """The circuit breakers of the collections."""
    searches: Searches
    """The searches of the sources, with hedging for slow ones."""
    memory: MemorySource
    """The first of the sources: the embedded index."""
    tunings: Tunings
    """The retrieval tunings of the tenants."""
    fusion: Fusion
    guardrails: Guardrails
    """The guardrails: checks of the texts that models, tools and searches receive and return."""
    models: ModelRegistry
    breakers: ModelBreakers
    """The circuit breakers of the models."""
    hedges: HedgeBudget
    """The budget of hedged calls of models."""
    account: CallPricing
    """The pricing of model calls."""
    tools: ToolRegistry
    mcp: McpTools
    """The MCP servers, which add tools."""
    public: PublicTools
    """The tools that call public services."""
    suggester: Suggester
    """The suggester of tools for a question."""
    embedder: DocumentEmbedder | None
    """The embedder of the documents; None if no model is installed: the search then uses keywords only, and
    answers contain a warning."""

    phrase_embedder: Embedder | None
    """The bge model, for paraphrases and the choice of tools, independent of the documents' model."""

    reranker: Reranker | None
    """The reranker; None if none is installed: sentences are then checked by their words only."""

    entailment: Entailment | None
    """The entailment model; None if none is installed: contradictions are then detected by words only."""

    retention: RetentionTable
    """The retention periods of the data."""

    now: StoreClock
    """The clock of the store, which all engines that use the store share."""

    closing: AsyncExitStack
    """The resources to close, in order."""

    @classmethod
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        tools: Sequence[Tool] = (),
        models: Sequence[Model] = (),
        sources: Sequence[Source] = (),
        now: Callable[[], datetime] | None = None,
    ) -> Services:
        """Open the store, migrate it to the current version, and create all parts.

        :param tools: tools in addition to the built-in ones.
        :param models: more models; the extractive composer remains the last resort.
        :param sources: RAG sources in addition to the embedded index.
        :param now: a clock to use instead of the store's.
        :raises StoreError: when the database cannot be reached.
        :raises ConfigurationError: when a setting is wrong or a name is taken twice.
        """
        check_parts(tools, models, sources)
        settings = settings or Settings()
        check_telemetry()  # reports what is missing now, and not with the first run
        async with AsyncExitStack() as stack:
            store = await Store.open(settings, now)
            stack.push_async_callback(store.aclose)
            database, clock = store.database, store.now
            savings = Savings(database, clock)
            stack.push_async_callback(savings.aclose)
            request_counts = RequestCounts(database, clock)
            stack.push_async_callback(request_counts.aclose)
            agents = AgentStore(database)
            epochs = CacheEpochs(database)
            knowledge = KnowledgeStore(database, epochs.forget)
            embedded = await asyncio.to_thread(_embedded, settings)
            embedders, reranker, entailment, vocabulary, missing = embedded
            embedder = DocumentEmbedder(knowledge, embedders, settings.embedder) if embedders else None
            phrase_embedder = embedders.get(BGE.name)
            count, bound = vocabulary or estimate_tokens, vocabulary or at_most
            configuration = load_configuration(settings.config_path)
            added = await asyncio.to_thread(load_additions, configuration, settings.config_path)
            await agents.add_missing((*SHIPPED_AGENTS, *added.agents))
            guardrails = _checked(configuration, stack)
            own_prices = {name: table.price for name, table in configuration.models.items() if table.price}
            prices = Prices(own_prices, now=clock, price_name=configuration.price_name)
            local = await asyncio.to_thread(installed_models, settings.models_path, reranker, bound)
            for model in local:
                stack.push_async_callback(model.aclose)
            all_models = ModelRegistry(
                (*models, *local, ExtractiveComposer(reranker, entailment)),
                providers=Providers(configuration, os.environ),
                configuration=configuration,
                count=count,
                bound=bound,
                default=settings.model,
                guardrails=guardrails,
                price=prices.typical_nanos,
            )
            stack.push_async_callback(all_models.aclose)
            check_default_model(settings.model, all_models)
            source_breakers = Breakers()
            tunings, fusion = _tuned(database, embedder, reranker, entailment, missing)
            collections = configured_collections(settings, embedders, source_breakers, tunings)
            for collection in collections:
                stack.push_async_callback(collection.aclose)
            memory = MemorySource(knowledge, embedder, settings.data_dir / "index", tunings)
            stack.push_async_callback(memory.aclose)
            all_sources, searches = _searched(
                settings, added.sources_after((memory, *collections, *sources)), guardrails
            )
            public = _public(settings, stack)
            own_tools = added.tools_after(
                (calculator, document_search(all_sources, fusion, searches), *public.tools, *tools)
            )
            mcp = McpTools(configuration.mcp, os.environ)
            stack.push_async_callback(mcp.aclose)
            registry = ToolRegistry(
                (*own_tools, *await mcp.connect(taken={tool.name for tool in own_tools})),
                guardrails=guardrails,
            )
            labels = LabelValues(database)
            await labels.open(
                (
                    *((TOOL, name) for name in registry.names),
                    *((SOURCE, source.name) for source in all_sources),
                    *((MODEL, name) for name in (*all_models.names, *configuration.models)),
                ),
                now=clock(),
            )
            logs, redis = await _event_logs(settings, stack), _redis(settings, stack)
            return cls(
                settings=settings,
                database=database,
                agents=agents,
                conversations=ConversationStore(database),
                knowledge=knowledge,
                runs=store.runs,
                background=BackgroundRunStore(database, settings.background_waiting),
                lease=store.lease,
                savings=savings,
                request_counts=request_counts,
                logs=logs,
                flights=Flights(),
                cache=Cache(
                    settings.cache_entries,
                    settings.cache_bytes,
                    settings.cache_ttl_seconds,
                    redis,
                    settings.cache_similarity,
                ),
                epochs=epochs,
                limits=LimitStore(database),
                usage_limits=UsageLimitStore(database),
                labels=labels,
                sources=all_sources,
                collections=collections,
                source_breakers=source_breakers,
                searches=searches,
                memory=memory,
                tunings=tunings,
                fusion=fusion,
                guardrails=guardrails,
                models=all_models,
                breakers=ModelBreakers(),
                hedges=HedgeBudget(settings.hedge_share, MAX_SAVED_HEDGES),
                account=CallPricing(
                    prices.rates, count, bound, has_own_price=prices.has_own, max_nanos=prices.max_nanos
                ),
                tools=registry,
                mcp=mcp,
                public=public,
                suggester=Suggester(registry, phrase_embedder),
                embedder=embedder,
                phrase_embedder=phrase_embedder,
                reranker=reranker,
                entailment=entailment,
                retention=configuration.retention,
                now=clock,
                closing=stack.pop_all(),
            )

    async def enter_lost(self) -> None:
        """End the runs of processes that have died, and enter what these have cost.

        An engine does so by itself, and counts them. What the store does not take stays for the next time.
        """
        try:
            for ended in await self.runs.end_lost(self.now()):
                log_ended(ended)
        except StoreError as error:
            logger.warning("lost_runs_not_ended", exc_info=error)

    async def aclose(self) -> None:
        """Close all resources."""
        await self.closing.aclose()


def _tuned(
    database: Database,
    embedder: DocumentEmbedder | None,
    reranker: Reranker | None,
    entailment: Entailment | None,
    missing: MissingModels | None,
) -> tuple[Tunings, Fusion]:
    """Make the tunings of the tenants' documents, and what merges passages by them."""
    calibrations = [
        shipped_calibration(language, with_entailment=entailment is not None) for language in SCORERS
    ]
    tunings = Tunings(
        RetrievalTuningStore(database),
        embedder,
        reranker="" if reranker is None else reranker.name,
        calibration="+".join(each.version for each in calibrations),
    )
    return tunings, Fusion(reranker, tunings, missing)


def _checked(configuration: Configuration, stack: AsyncExitStack) -> Guardrails:
    guardrails = Guardrails(configuration.guardrails)
    stack.push_async_callback(guardrails.aclose)
    return guardrails


def _public(settings: Settings, stack: AsyncExitStack) -> PublicTools:
    public = PublicTools(settings.contact_email, os.environ)
    stack.push_async_callback(public.aclose)
    return public


def _searched(
    settings: Settings, sources: tuple[Source, ...], guardrails: Guardrails
) -> tuple[tuple[Source, ...], Searches]:
    """Return the sources, and their searches, hedged as the settings have it."""
    names, share = settings.hedged_source_names, settings.hedge_share
    return sources, Searches.hedging(names, share, sources, guardrails)


async def _event_logs(settings: Settings, stack: AsyncExitStack) -> EventLogs:
    """Open the logs of runs, shared by all processes where there is an address."""
    url = settings.redis_url.get_secret_value()
    if not url:
        logs = EventLogs(settings.data_dir / "events")
        stack.push_async_callback(logs.aclose)
        return logs
    check_redis_package()
    from vital_shared.events.shared_logs import SharedEventLogs  # noqa: PLC0415 - redis is an extra

    shared = SharedEventLogs(url)
    stack.push_async_callback(shared.aclose)
    await shared.start()
    return shared


def _redis(settings: Settings, stack: AsyncExitStack) -> RedisTier | None:
    """Open the tier that all processes share, where there is an address."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return None
    check_redis_package()
    from vital_shared.cache.redis import RedisTier  # noqa: PLC0415 - redis is an extra

    tier = RedisTier(url, settings.cache_redis_entries, settings.cache_ttl_seconds)
    stack.push_async_callback(tier.aclose)
    return tier


def check_redis_package() -> None:
    """See that the package for a Redis is installed.

    :raises ConfigurationError: when it is not.
    """
    if not find_spec("redis"):
        raise ConfigurationError(
            "VITAL_REDIS_URL needs another package: run `pip install 'vital-engine[redis]'`."
        )


class _EmbeddedParts(NamedTuple):
    embedders: dict[str, Embedder]
    reranker: Reranker | None
    entailment: Entailment | None
    vocabulary: Count | None
    missing: MissingModels | None


def _embedded(settings: Settings) -> _EmbeddedParts:
    """Find the embedded models, and what counts tokens; without them the engine works, less well."""
    if not all(find_spec(package) for package in ("onnxruntime", "tokenizers")):
        hint = "run `pip install 'vital-engine[embedded]'`"
        return _EmbeddedParts({}, None, None, None, MissingModels("embedded_packages_missing", hint))
    folders = installed(settings.models_path, (*DECLARED, MULTILINGUAL, ENTAILMENT))
    embedders: dict[str, Embedder] = {}
    reranker = entailment = None
    # They load numpy, a tenth of all that the engine loads.
    if folders:
        from vital_shared.retrieval.embedding import Embedder  # noqa: PLC0415

        found = {BGE_SMALL.name: BGE, MULTILINGUAL.name: E5}
        embedders = {
            model.name: Embedder(folders[name], model) for name, model in found.items() if name in folders
        }
    if MS_MARCO.name in folders:
        from vital_shared.retrieval.rerank import Reranker  # noqa: PLC0415

        reranker = Reranker(folders[MS_MARCO.name], embedders.get(E5.name))
    if ENTAILMENT.name in folders:
        from vital_shared.retrieval.entailment import Entailment  # noqa: PLC0415

        entailment = Entailment(folders[ENTAILMENT.name])
    is_whole = BGE.name in embedders and reranker is not None
    missing = None if is_whole else MissingModels("embedded_models_missing", "run `vital models install`")
    vocabulary = WordPieces(folders[BGE_SMALL.name]) if BGE_SMALL.name in folders else None
    return _EmbeddedParts(embedders, reranker, entailment, vocabulary, missing)
