"""The one file of configuration, in TOML: providers, models, MCP servers, own parts; all is optional.

Keys are never in it: it names the environment's variables that hold them.
"""

from __future__ import annotations

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from vital_shared.billing.pricing import Price
from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.models.base import Frozen
from vital_shared.models.durability import Durability
from vital_shared.models.mcp_server import McpServer
from vital_shared.models.retention import RetentionTable
from vital_shared.wrong_field import WrongField

__all__ = ["Configuration", "ModelTable", "ProviderTable", "RouteTable", "load_configuration"]


class ProviderTable(Frozen):
    """``[providers.<name>]``: what differs from the built-in provider of that name, or a new one."""

    like: str | None = None
    """Another provider that it is as, but for what follows: a second key, region or account."""
    wire: Literal["openai", "anthropic", "gemini", "azure", "pydantic-ai"] | None = None
    """Its protocol; a new provider needs one. ``pydantic-ai`` is for what we have none for (bedrock, …)."""
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    key_env: str | None = Field(default=None, pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """The environment's variable that holds the key; empty for a provider that wants none."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Additional headers of each request; nothing secret."""
    api_version: str | None = None
    """Azure's."""
    responses: bool | None = None
    """Whether it offers OpenAI's Responses API, so that requests of its clients pass as they are; None: only
    OpenAI does, at its own address."""
    connect_seconds: float = Field(default=5.0, gt=0, strict=False)
    first_token_seconds: float = Field(default=30.0, gt=0, strict=False)
    between_tokens_seconds: float = Field(default=20.0, gt=0, strict=False)
    total_seconds: float = Field(default=180.0, gt=0, strict=False)
    attempts: int = Field(default=3, ge=1, le=10)
    connections: int = Field(default=500, ge=1, le=10_000)


class ModelTable(Frozen):
    """``[models."provider:model"]``."""

    context_tokens: int | None = Field(default=None, ge=1_000)
    """Tokens of prompt and answer together."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2, strict=False)
    calls_tools: bool = True
    options: dict[str, Any] = Field(default_factory=dict)
    """Additional fields of the provider's own request."""
    price: Price | None = None
    """Dollars per million tokens; None: the table's."""
    priced_as: str | None = Field(default=None, min_length=1)
    """Another model, ``provider:model``, that has the same price: for deployments with names of their own."""


class RouteTable(Frozen):
    """``[routes.<name>]``: a name for one or several deployments of a model."""

    deployments: dict[str, float] = Field(min_length=1, max_length=100, strict=False)
    """Shares of the calls, by ``provider:model``; they need not add up to anything."""
    strategy: Literal["share", "latency", "cost", "remaining"] = "share"
    """The deployment to ask first: drawn by its share, the fastest, the cheapest, or the one that has the
    most left of its rate limit."""
    fallbacks: tuple[str, ...] = Field(default=(), max_length=20, strict=False)
    """Models and routes that are asked where no deployment answers."""
    hedge_after_seconds: float | None = Field(default=None, gt=0, le=60, strict=False)
    """Ask the next model too where a relayed call has no answer by then, and take the first; None: never."""

    @model_validator(mode="before")
    @classmethod
    def _take_shorthands(cls, value: object) -> object:
        """Take a list of deployments, which have equal shares."""
        if isinstance(value, dict) and isinstance(value.get("deployments"), list):
            return value | {"deployments": {str(name): 1.0 for name in value["deployments"]}}
        return value

    @field_validator("deployments")
    @classmethod
    def _check_shares(cls, deployments: dict[str, float]) -> dict[str, float]:
        if not all(math.isfinite(share) and share >= 0 for share in deployments.values()):
            raise ValueError("a share is a number from 0 on")
        if not any(deployments.values()):
            raise ValueError("one share at least has to be above 0")
        return deployments


class WorkflowTable(Frozen):
    """A workflow that is served, with settings of its own."""

    target: str = Field(validation_alias="class")
    """The class: ``module:Class`` or ``file.py:Class``."""
    durable: Durability | None = None
    """The part of its runs that outlives their process; None: as the class has it."""

    @model_validator(mode="before")
    @classmethod
    def _take_a_name(cls, value: object) -> object:
        """Take the class alone, as text, for a table."""
        return {"class": value} if isinstance(value, str) else value


class Configuration(Frozen):
    """The whole file."""

    providers: dict[str, ProviderTable] = Field(default_factory=dict)
    models: dict[str, ModelTable] = Field(default_factory=dict)
    routes: dict[str, RouteTable] = Field(default_factory=dict)
    """Names for several deployments of a model; a table of numbers in ``models`` is one too."""
    mcp: dict[str, McpServer] = Field(default_factory=dict)
    workflows: dict[str, WorkflowTable] = Field(default_factory=dict)
    """The classes that the service runs, by name: ``module:Class`` or ``file.py:Class``, or tables."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Tools of one's own, by name: ``module:name`` or ``file.py:name``."""
    sources: dict[str, str] = Field(default_factory=dict)
    """RAG sources of one's own, in the same way."""
    guardrails: GuardrailTable = Field(default_factory=GuardrailTable)
    agents: dict[str, str] = Field(default_factory=dict)
    """Profiles of agents that are shared by all tenants, by id, in the same way."""
    retention: RetentionTable = Field(default_factory=RetentionTable)

    @model_validator(mode="before")
    @classmethod
    def _take_shares(cls, value: object) -> object:
        """Take a table of numbers in ``models`` for a route: ``x = {"openai:a" = 95, "openai:b" = 5}``."""
        models = value.get("models") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(models, dict):
            return value
        shares = {name: {"deployments": table} for name, table in models.items() if _is_shares(table)}
        kept = {name: table for name, table in models.items() if name not in shares}
        routes = value.get("routes", {})
        if not shares or not isinstance(routes, dict):
            return value
        return value | {"models": kept, "routes": shares | routes}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for name, route in self.routes.items():
            if ":" in name or not name.strip():
                raise ValueError(f'the route "{name}" needs a name without a colon')
            nested = [each for each in route.deployments if each in self.routes]
            if nested:
                raise ValueError(f'the route "{name}" has a route, "{nested[0]}", for a deployment')
        for name, provider in self.providers.items():
            if provider.like == name:
                raise ValueError(f'the provider "{name}" is like itself')
        return self

    def price_name(self, model: str) -> str:
        """Return the name under which a model's price is looked up.

        :param model: ``provider:model``.
        """
        table = self.models.get(model)
        if table is not None and table.priced_as:
            return table.priced_as
        provider, colon, name = model.partition(":")
        like = self.providers[provider].like if provider in self.providers else None
        return f"{like}:{name}" if colon and like else model


def _is_shares(table: object) -> bool:
    return (
        isinstance(table, dict)
        and bool(table)
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in table.values())
        and all(":" in str(name) for name in table)
    )


def load_configuration(path: Path | None) -> Configuration:
    """Read the file; None: there is none.

    :raises ConfigurationError: when it cannot be read, naming the file, the place and what to do.
    """
    if path is None:
        return Configuration()
    try:
        tables = tomllib.loads(
            path.read_text(encoding="utf-8-sig")
        )  # editors on Windows begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration {path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The configuration {path} is not TOML: {error}.") from error
    except RecursionError as error:
        raise ConfigurationError(f"The configuration {path} is nested too deeply: see the guide.") from error
    _refuse_keys(tables, path)
    try:
        return Configuration.model_validate(tables)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
        # A misspelt setting first: what it leaves missing is only its consequence.
        first = next((each for each in mistakes if each["type"] == "extra_forbidden"), mistakes[0])
        wrong = WrongField.of(first)
        at = f' at "{wrong.place}"' if wrong.place else ""
        explained = _misspelt(first["loc"]) if wrong.kind == "extra_forbidden" else f"{wrong.remark}."
        raise ConfigurationError(f"The configuration {path} is wrong{at}: {explained}") from error


def _refuse_keys(tables: dict[str, Any], path: Path) -> None:
    """Refuse a key in the file itself before anything of it could be shown."""
    kinds = {kind: tables[kind] for kind in ("providers", "mcp") if isinstance(tables.get(kind), dict)}
    named = ((f"{kind}.{name}", table) for kind, each in kinds.items() for name, table in each.items())
    for place, table in named:
        for field in table if isinstance(table, dict) else ():
            if field in ("key", "api_key", "token", "secret", "password"):
                raise ConfigurationError(
                    f'The configuration {path} has a "{field}" at "{place}": keys belong in the '
                    'environment; write the name of the variable that holds it as "key_env".'
                )


def _misspelt(place: tuple[int | str, ...]) -> str:
    """Explain a setting that there is not; it may be a misspelt one."""
    names = [
        field.validation_alias if isinstance(field.validation_alias, str) else name
        for name, field in _table_of(place).model_fields.items()
    ]
    near = get_close_matches(str(place[-1]), names, n=1)
    known = f'did you mean "{near[0]}"?' if near else f"it may have {', '.join(names)}."
    return f"there is no such setting; {known}"


def _table_of(place: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the kind of table that has the setting at a place."""
    kind: Any = Configuration
    for part in place[:-1]:
        inner = kind.model_fields[part].annotation if _is_table(kind) else get_args(kind)[-1]
        optional = get_origin(inner) is UnionType
        kind = next(filter(_is_table, get_args(inner))) if optional else inner
    table: type[BaseModel] = kind
    return table


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
