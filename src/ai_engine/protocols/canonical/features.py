"""The table of what cannot be carried from one chat protocol to another.

It decides which requests are refused, and is printed into the documentation.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

__all__ = ["PROVIDER_PROTOCOLS", "Feature", "FeatureRule", "ProviderProtocol"]

ProviderProtocol = Literal["openai", "anthropic", "gemini"]
PROVIDER_PROTOCOLS: Final[tuple[ProviderProtocol, ...]] = ("openai", "anthropic", "gemini")


class FeatureRule(NamedTuple):
    """A feature, and the protocols of providers to which it can be carried from another protocol."""

    title: str
    """The feature in words, with its fields: Markdown."""
    carried_by: frozenset[ProviderProtocol] = frozenset()
    if_not_carried: Literal["refused", "left out"] = "refused"
    """``left out``: it does not change the answer, or the model does without it."""


def _rule(title: str, *carried_by: ProviderProtocol) -> FeatureRule:
    return FeatureRule(title, frozenset(carried_by))


def _optional(title: str, *carried_by: ProviderProtocol) -> FeatureRule:
    return FeatureRule(title, frozenset(carried_by), "left out")


class Feature(Enum):
    """A feature that not every protocol has."""

    SIGNED_THINKING = _rule(
        "Signed thinking of earlier turns (`thinking`, `redacted_thinking` blocks, `thoughtSignature`)"
    )
    ENCRYPTED_REASONING = _rule("Encrypted reasoning (`encrypted_content`, and `include` for it)")
    PLAIN_REASONING = _optional("Unsigned reasoning of earlier turns (`reasoning_content`, summaries)")
    CACHE_CONTROL = _rule("Cache marks (`cache_control`)")
    SEVERAL_ANSWERS = _rule("Several answers (`n`, `candidateCount`)")
    LOGPROBS = _rule("Log probabilities (`logprobs`, `top_logprobs`, `responseLogprobs`)")
    LOGIT_BIAS = _rule("Token biases (`logit_bias`)")
    SEED = _rule("`seed`", "openai", "gemini")
    TOP_K = _rule("`top_k`", "anthropic", "gemini")
    PENALTIES = _rule("`frequency_penalty`, `presence_penalty`", "openai", "gemini")
    HIGH_TEMPERATURE = _rule("`temperature` above 1", "openai", "gemini")
    JSON_OBJECT = _rule("JSON without a schema (`json_object`, `responseMimeType` alone)", "openai", "gemini")
    SINGLE_CALLS = _rule(
        "One tool call at a time (`parallel_tool_calls: false`, `disable_parallel_tool_use`)",
        "openai",
        "anthropic",
    )
    ALLOWED_TOOLS = _rule("A choice among several tools (`allowed_tools`, `allowedFunctionNames`)")
    PROVIDER_TOOLS = _rule(
        "Tools that the provider runs (such as `googleSearch`), and tools of free text (`custom`)"
    )
    THINKING_BUDGET = _rule("A budget of thinking (`budget_tokens`, `thinkingBudget`)", "anthropic", "gemini")
    IMAGE_URL = _rule("Images by address", "openai", "anthropic")
    IMAGE_DETAIL = _rule("An image's `detail` other than `auto`", "openai")
    AUDIO_INPUT = _rule("Audio in messages", "openai", "gemini")
    AUDIO_OUTPUT = _rule("Audio and images in answers (`modalities`, `audio`, `responseModalities`)")
    DOCUMENT_URL = _rule("Documents by address", "anthropic")
    STORED_FILES = _rule("Files stored at the provider (`file_id`, `fileData`)")
    DOCUMENT_OPTIONS = _rule("A document's `citations` and `context`, and documents of plain text")
    OUTPUT_MEDIA = _rule("Images and documents in a tool's output", "anthropic")
    FAILED_OUTPUT = _optional("The mark of a failed tool (`is_error`)", "anthropic", "gemini")
    ASSISTANT_PREFILL = _rule("A last message of the assistant, to be continued", "anthropic", "gemini")
    MESSAGE_NAMES = _rule("The `name` of a message's author")
    VERBOSITY = _rule("`verbosity`", "openai")
    SERVICE_TIER = _rule("A `service_tier` other than the default", "openai")
    SAFETY_SETTINGS = _rule("Filters of harmful content (`safetySettings`)")
    EAGER_ARGUMENTS = _optional("A tool's arguments piece by piece, unchecked (`eager_input_streaming`)")
    PROMPT_CACHE_KEY = _optional("A key of the prompt cache (`prompt_cache_key`)", "openai")
    REQUEST_LABELS = _optional("Labels: `metadata`, `prompt_cache_retention`, `store`, `labels`")
    OTHER_PARTS = _rule("Parts and items of any other type")
    OTHER_FIELDS = _rule("Any other field")

    @property
    def title(self) -> str:
        """The feature in words: Markdown."""
        return self.value.title

    def carried_to(self, provider: ProviderProtocol) -> Literal["carried", "refused", "left out"]:
        """Return what becomes of it on the way to a provider of another protocol."""
        return "carried" if provider in self.value.carried_by else self.value.if_not_carried
