"""Names of providers: LiteLLM's prefixes, and the providers of VITAL that they stand for.

Source: LiteLLM's documentation, "Supported Models & Providers", and the addresses in the providers' own.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["KNOWN_PREFIXES", "ProviderGuess", "split_model"]


class ProviderGuess(NamedTuple):
    """The provider behind a prefix of LiteLLM's."""

    name: str
    """The name in VITAL."""
    base_url: str = ""
    """The address of a provider that VITAL does not have by name; empty: it has, or it has to be given."""
    key_env: str = ""
    """The variable that LiteLLM reads the key from."""


KNOWN_PREFIXES: Final[dict[str, ProviderGuess]] = {
    "openai": ProviderGuess("openai", key_env="OPENAI_API_KEY"),
    "azure": ProviderGuess("azure", key_env="AZURE_API_KEY"),
    "anthropic": ProviderGuess("anthropic", key_env="ANTHROPIC_API_KEY"),
    "gemini": ProviderGuess("gemini", key_env="GEMINI_API_KEY"),
    "groq": ProviderGuess("groq", key_env="GROQ_API_KEY"),
    "mistral": ProviderGuess("mistral", key_env="MISTRAL_API_KEY"),
    "deepseek": ProviderGuess("deepseek", key_env="DEEPSEEK_API_KEY"),
    "together_ai": ProviderGuess("together", key_env="TOGETHERAI_API_KEY"),
    "xai": ProviderGuess("xai", key_env="XAI_API_KEY"),
    "openrouter": ProviderGuess("openrouter", key_env="OPENROUTER_API_KEY"),
    "ollama": ProviderGuess("ollama"),
    "ollama_chat": ProviderGuess("ollama"),
    "vllm": ProviderGuess("vllm"),
    "hosted_vllm": ProviderGuess("vllm"),
    "perplexity": ProviderGuess("perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "fireworks_ai": ProviderGuess(
        "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"
    ),
    "cerebras": ProviderGuess("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepinfra": ProviderGuess("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "moonshot": ProviderGuess("moonshotai", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "nvidia_nim": ProviderGuess("nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "sambanova": ProviderGuess("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "cohere": ProviderGuess("cohere", "https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY"),
    "cohere_chat": ProviderGuess("cohere", "https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY"),
}

_BARE_NAMES: Final = (
    (re.compile(r"^(gpt-|chatgpt-|o\d)"), "openai"),
    (re.compile(r"^claude-"), "anthropic"),
    (re.compile(r"^gemini-"), "gemini"),
)
"""Models that LiteLLM knows without their prefix."""


def split_model(model: str, custom_provider: str = "") -> tuple[str, str]:
    """Return LiteLLM's prefix of a model and its name; the prefix is empty where it is not known."""
    prefix, slash, name = model.partition("/")
    if custom_provider:
        return custom_provider, name if slash and prefix == custom_provider else model
    if slash and name:
        return prefix, name
    return next((provider for pattern, provider in _BARE_NAMES if pattern.match(model)), ""), model
