"""The providers that are known by name, and those of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

from pydantic import SecretStr

from vital_shared.errors import ConfigurationError, NotFound
from vital_shared.llm.configuration import Configuration, ProviderTable
from vital_shared.llm.routing.rate_limits import RateLimitBook
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.base import Wire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import AzureWire, OpenAIWire
from vital_shared.llm.wires.timing import Timeouts

if TYPE_CHECKING:
    from vital_shared.llm.pydantic_ai import PydanticAIProvider
    from vital_shared.llm.wires.provider import Provider

__all__ = ["BUILT_IN", "ChatProvider", "KnownProvider", "ProviderStatus", "Providers"]


FOREIGN: Final = "pydantic-ai"
"""The name, in the configuration, of the wire for providers without one of ours."""

ChatProvider: TypeAlias = "Provider | PydanticAIProvider"


@runtime_checkable
class CheckedProvider(Protocol):
    """A provider that can try its key."""

    name: str

    async def check(self) -> str | None:
        """Return the reason why the provider does not answer; None: it does."""
        ...


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider that needs nothing but its key."""

    wire: str
    base_url: str = ""
    """Empty: it has to be configured."""
    key_env: tuple[str, ...] = ()
    """The environment's variables that may hold its key, the first one first; none: it wants none."""
    url_env: str = ""
    """The variable that names another base address, as its own client knows it."""


BUILT_IN: Final[dict[str, KnownProvider]] = {
    "openai": KnownProvider("openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "anthropic": KnownProvider(
        "anthropic", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"
    ),
    "gemini": KnownProvider(
        "gemini",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
    ),
    "azure": KnownProvider("azure", "", ("AZURE_OPENAI_API_KEY",), "AZURE_OPENAI_ENDPOINT"),
    "openrouter": KnownProvider("openai", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
    "groq": KnownProvider("openai", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
    "mistral": KnownProvider("openai", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",)),
    "deepseek": KnownProvider("openai", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",)),
    "together": KnownProvider("openai", "https://api.together.xyz/v1", ("TOGETHER_API_KEY",)),
    "xai": KnownProvider("openai", "https://api.x.ai/v1", ("XAI_API_KEY",)),
    "ollama": KnownProvider("openai", "http://127.0.0.1:11434/v1", (), "OLLAMA_BASE_URL"),
    "vllm": KnownProvider("openai", "", (), "VLLM_BASE_URL"),
}


OPENAI: Final = "openai"

RESPONSES_PATHS: Final[Mapping[str, str]] = {"openai": "/responses", "azure": "/openai/v1/responses"}
"""Paths of the Responses API, by the names of the wires (OpenAI's and Azure's references)."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """The status of a provider; never its key."""

    name: str
    wire: str
    base_url: str
    key: str
    """The variable that holds its key, or would; empty: it wants none."""
    ready: bool
    """Whether its models can be asked."""


class Providers:
    """The providers by name, each opened once.

    :param configuration: the file.
    :param environ: the environment.
    """

    def __init__(self, configuration: Configuration, environ: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._environ = environ
        self._open: dict[str, ChatProvider] = {}
        self.rate_limits = RateLimitBook()
        """The rate limits that the providers state."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that are known, ready or not."""
        return tuple(dict.fromkeys((*self._configuration.providers, *BUILT_IN)))

    def status(self) -> tuple[ProviderStatus, ...]:
        """Return the status of each provider."""
        return tuple(self._status(name) for name in self.names)

    def load(self) -> None:
        """Import what carries and prices chats, where the configuration or a key says that there will be any.

        It takes a tenth of a second, for which the first question would hold the others up: call it in a
        thread, at the start.
        """
        if self._configuration.providers or any(each.ready and each.key for each in self.status()):
            import_module("vital_shared.llm.wires.provider")
            import_module("vital_shared.billing.price_table")

    @property
    def opened(self) -> tuple[ChatProvider, ...]:
        """Those that were asked for, whose use is counted."""
        return tuple(self._open.values())

    def get(self, name: str, model: str) -> ChatProvider:
        """Return a provider, ready to be asked; no connection is made.

        :param model: ``provider:model``, for errors.
        :raises NotFound: when there is no such provider, or it lacks its key or address; says what to do.
        :raises ConfigurationError: when its key would go over the network in the clear, or pydantic-ai lacks
            something.
        """
        if name not in self._open:
            self._open[name] = self._opened(name, model)
        return self._open[name]

    async def check(self) -> dict[str, str]:
        """Try the key of each provider that has one: "yes", or the reason why it does not answer.

        Azure has another list, of what it could deploy, and pydantic-ai has none: they are left out.
        """
        ready = [each.name for each in self.status() if each.ready and each.key and each.wire != "azure"]
        try:
            opened = [self.get(name, name) for name in ready]
            checked = [each for each in opened if isinstance(each, CheckedProvider)]
            problems = await asyncio.gather(*(each.check() for each in checked))
        finally:
            await self.aclose()
        return {each.name: problem or "yes" for each, problem in zip(checked, problems, strict=True)}

    async def aclose(self) -> None:
        """Close all connections."""
        for provider in self._open.values():
            await provider.aclose()

    def _opened(self, name: str, model: str) -> ChatProvider:
        from vital_shared.llm.wires.provider import Provider  # noqa: PLC0415 - aiohttp is slow to import

        like = self._configuration.providers.get(name, ProviderTable()).like
        if like is not None and like not in self.names:
            raise ConfigurationError(f'There is no provider "{like}", which "providers.{name}" is like.')
        if name not in self.names:
            near = get_close_matches(name, self.names, n=1)
            hint = f'did you mean "{near[0]}:…"?' if near else f"the providers are: {', '.join(self.names)}."
            raise NotFound(f'There is no provider "{name}" for the model "{model}"; {hint}', field="model")
        status, table = self._status(name), self._table(name)
        timeouts = Timeouts(
            table.connect_seconds,
            table.first_token_seconds,
            table.between_tokens_seconds,
            table.total_seconds,
        )
        if status.wire == FOREIGN:
            return _foreign(name, timeouts)
        if not status.base_url:
            raise NotFound(
                f'The address of "{name}" is not known: set "base_url" at "providers.{name}" of the '
                "configuration.",
                field="model",
            )
        if not status.ready:
            raise NotFound(
                f'The model "{model}" needs a key: set {status.key} in the environment of the engine.',
                field="model",
            )
        key = self._environ.get(status.key) if status.key else None
        if key and not _is_private(status.base_url):
            what = f'The key of "{name}" would go over the network in the clear: use https in '
            raise ConfigurationError(f"{what}its base_url.").detailed(f"{what}{status.base_url}.")
        return Provider(
            name,
            _wire(table.like or name, status.wire, table),
            base_url=status.base_url,
            key=SecretStr(key) if key else None,
            headers=table.headers,
            timeouts=timeouts,
            attempts=table.attempts,
            connections=table.connections,
            responses_path=_responses_path(name, status, table),
            limits=self.rate_limits,
        )

    def _table(self, name: str) -> ProviderTable:
        """Return a provider's settings, where they are missing those of the one that it is like."""
        table = self._configuration.providers.get(name, ProviderTable())
        if table.like is None:
            return table
        base = self._configuration.providers.get(table.like, ProviderTable())
        given = {field: getattr(table, field) for field in table.model_fields_set}
        return base.model_copy(update=given)

    def _status(self, name: str) -> ProviderStatus:
        table = self._table(name)
        known = BUILT_IN.get(table.like or name, KnownProvider(""))
        names = known.key_env if table.key_env is None else (table.key_env,)
        key = next((each for each in names if self._environ.get(each)), next(iter(names), ""))
        base_url = table.base_url or self._environ.get(known.url_env or " ") or known.base_url
        wire = table.wire or known.wire or "openai"
        ready = wire == FOREIGN or (bool(base_url) and (not key or bool(self._environ.get(key))))
        return ProviderStatus(name, wire, base_url, key, ready)


def _wire(name: str, wire: str, table: ProviderTable) -> Wire:
    if wire == "anthropic":
        return AnthropicWire()
    if wire == "gemini":
        return GeminiWire()
    if wire == "azure":
        return AzureWire(table.api_version or "2024-10-21")
    return OpenAIWire("max_completion_tokens" if name == "openai" else "max_tokens")


def _responses_path(name: str, status: ProviderStatus, table: ProviderTable) -> str | None:
    """Return the path of OpenAI's Responses API; None: the provider does not offer it, as far as is known.

    :raises ConfigurationError: when it should, and speaks no protocol of OpenAI's.
    """
    is_openais_own = (table.like or name) == OPENAI and status.base_url == BUILT_IN[OPENAI].base_url
    if not (is_openais_own if table.responses is None else table.responses):
        return None
    if status.wire not in RESPONSES_PATHS:
        raise ConfigurationError(
            f'"providers.{name}" has "responses", which a provider of the wire {status.wire} does not offer.'
        )
    return RESPONSES_PATHS[status.wire]


def _is_private(base_url: str) -> bool:
    """Return whether what is sent there cannot be read on the way: https, or this machine or network."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_private
    except ValueError:  # a name: within a cluster it has no dots
        return "." not in (parts.hostname or ".")


def _foreign(name: str, timeouts: Timeouts) -> PydanticAIProvider:
    """Make a provider without a wire of ours.

    :raises ConfigurationError: when pydantic-ai, or something that it needs, is missing.
    """
    try:
        from vital_shared.llm.pydantic_ai import PydanticAIProvider  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            f'The models of "{name}" need pydantic-ai: install "vital-engine[pydantic-ai]".'
        ) from error
    return PydanticAIProvider(name, timeouts=timeouts)
