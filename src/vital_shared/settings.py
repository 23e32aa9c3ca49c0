"""Settings of the library, from the environment (``VITAL_…``) alone."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["MAX_LEASE_SECONDS", "Settings"]

MAX_LEASE_SECONDS: Final = 60.0
"""The longest lease of a worker."""


class Settings(BaseSettings):
    """Settings of workflows and their parts; every field is ``VITAL_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="VITAL_", frozen=True)

    data_dir: Path = Field(default_factory=lambda: user_data_path("vital"))
    """The folder of the SQLite file, the index, and, unless `models_dir` names another, the models."""

    models_dir: Path | None = None
    """The folder of the installed models; None: ``models`` in `data_dir`. An image has a separate folder for
    them, so that no volume hides newer ones."""

    database_url: str = ""
    """SQLAlchemy address; empty: the SQLite file ``vital.db`` in `data_dir`.
    ``postgresql://…`` and ``sqlite://…`` get their async drivers."""

    store_seconds: float = Field(default=30.0, gt=0)
    """Seconds that a request waits for a database that is locked, frozen or busy; then it is refused."""

    lease_seconds: float = Field(default=5.0, ge=1, le=MAX_LEASE_SECONDS)
    """Seconds without a renewal after which the durable runs of a worker are taken over by others."""

    config: Path | None = None
    """The file of providers, models and prices; None: ``vital.toml`` in `data_dir`, if it exists."""

    model: str = Field(default="", max_length=200)
    """The model of agents whose profile leaves it at the extractive composer; empty: the composer answers."""

    contact_email: str = ""
    """The address sent to the public services that tools call, so that their operators can contact you."""

    run_timeout_seconds: float = Field(default=300.0, gt=0)
    """Time limit of a run, or of its part after an approval; a longer run fails."""

    embedder: Literal["auto", "english", "multilingual"] = "auto"
    """The embedding model of an empty knowledge store; ``auto``: by the language of its first documents."""

    ingest_seconds: float = Field(default=120.0, gt=0)
    """Time limit for reading one document, without embedding it."""

    ingest_memory_bytes: int = Field(default=1_000_000_000, ge=200_000_000)
    """Memory limit for reading one document."""

    approval_ttl_seconds: float = Field(default=86_400.0, gt=0)
    """Seconds that a run waits for its approval before it expires."""

    background_runs: int = Field(default=8, ge=1, le=1_000)
    """Concurrent background runs of one workflow in this process."""

    background_runs_per_tenant: int = Field(default=4, ge=1, le=1_000)
    """Concurrent background runs of one workflow and tenant, over all processes."""

    background_runs_per_minute: int = Field(default=0, ge=0, le=1_000_000)
    """Background runs of one workflow and tenant that may start within a minute; 0: any number."""

    background_waiting: int = Field(default=100_000, ge=1, le=10_000_000)
    """Runs of one tenant that may wait in the background; further ones are refused."""

    passages: int = Field(default=5, ge=1, le=50)
    """Passages that an answer may use."""

    history_messages: int = Field(default=20, ge=0, le=200)
    """Messages of a conversation that are read back."""

    cache_entries: int = Field(default=1_000, ge=0, le=1_000_000)
    """Cached answers kept in this process; 0: none."""

    cache_bytes: int = Field(default=64_000_000, ge=1)
    """Bytes of all cached answers together, as JSON."""

    cache_ttl_seconds: float = Field(default=300.0, gt=0)
    """Seconds for which an answer is cached."""

    cache_similarity: float = Field(default=0.85, ge=0.5, le=1)
    """The minimum cosine of two questions to be compared word by word, for agents with `similar_questions`;
    see `vital_shared.cache.paraphrase`."""

    redis_url: SecretStr = SecretStr("")
    """``redis://…`` of a Redis in which processes share event logs and answers; empty: none."""

    cache_redis_entries: int = Field(default=10_000, ge=1, le=10_000_000)
    """Cached answers kept in Redis."""

    supabase_url: SecretStr = SecretStr("")
    """``postgresql://…`` of a server with pgvector that holds a copy of the documents; empty: none."""

    hedged_sources: str = Field(default="", max_length=1_000)
    """Names of sources, separated by commas, that are asked a second time when they are slow. The first
    answer counts, and both searches are charged."""

    hedge_share: float = Field(default=0.1, ge=0, le=1)
    """The share of a source's searches, and of the calls of agents with ``hedge_after_seconds``, that may be
    hedged."""

    store_prompts: bool = False
    """Whether the prompt and the answer of each model call are stored with its run."""

    unpriced: Literal["warn", "refuse"] = "warn"
    """Handling of a model without a known price: a warning in the answer, or a refusal to call it."""

    pinecone_host: str = ""
    """Host of a Pinecone index, whose key is in ``PINECONE_API_KEY``; empty: none."""

    pinecone_embedder: str = ""
    """A Pinecone-hosted model that computes the vectors; empty: the installed model does."""

    pinecone_reranker: str = ""
    """A Pinecone-hosted model that reranks the results; empty: none."""

    pinecone_read_dollars_per_million: Decimal = Field(default=Decimal(16), ge=0, le=1_000_000)
    """Price of a million read units: plan "Standard", AWS us-east-1, pricing page as of 2026-11-04."""

    pinecone_embedding_dollars_per_million: Decimal = Field(default=Decimal("0.16"), ge=0, le=1_000_000)
    """Price of a million tokens of the hosted embedding model: llama-text-embed-v2, as of 2025."""

    pinecone_rerank_dollars_per_thousand: Decimal = Field(default=Decimal(2), ge=0, le=1_000_000)
    """Price of a thousand units of the hosted reranking model: bge-reranker-v2-m3, as of 2025."""

    pinecone_max_read_units: int = Field(default=100, ge=1, le=1_000_000)
    """Maximum read units of one query, one for each gigabyte of its namespace: budgets reserve it."""

    @field_validator("data_dir", "models_dir")
    @classmethod
    def _as_absolute(cls, path: Path | None) -> Path | None:
        """Let programs that are started in other folders, such as Prometheus, find what is in it."""
        return path and path.absolute()

    @property
    def hedged_source_names(self) -> tuple[str, ...]:
        """The names in `hedged_sources`."""
        return tuple(name for name in map(str.strip, self.hedged_sources.split(",")) if name)

    @property
    def models_path(self) -> Path:
        """The folder of the installed models."""
        return self.models_dir or self.data_dir / "models"

    @property
    def config_path(self) -> Path | None:
        """The file to read, or None where there is none."""
        default = self.data_dir / "vital.toml"
        return self.config or (default if default.is_file() else None)

    @cached_property
    def url(self) -> str:
        """The database's address, with an async driver."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{self.data_dir / 'vital.db'}"
        scheme, _, rest = self.database_url.partition("://")
        drivers = {
            "sqlite": "sqlite+aiosqlite",
            "postgres": "postgresql+asyncpg",
            "postgresql": "postgresql+asyncpg",
        }
        return f"{drivers.get(scheme, scheme)}://{rest}"
