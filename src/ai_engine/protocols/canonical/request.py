"""A request for an answer of a model, as all chat protocols have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.messages import CanonicalMessage

__all__ = [
    "CanonicalRequest",
    "FeatureUse",
    "FunctionTool",
    "JsonFormat",
    "ReasoningWish",
    "Sampling",
    "ToolChoice",
]


class FeatureUse(NamedTuple):
    """A feature that not every protocol has, and the client's field that asks for it."""

    feature: Feature
    field: str


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A tool that the client runs."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    """JSON schema of its arguments; None: it has none."""
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """The tools that the model may or has to call."""

    kind: Literal["auto", "none", "required", "tool"] = "auto"
    name: str = ""
    """The tool to call, of the kind ``tool``."""
    parallel: bool = True
    """Whether the model may make several calls at once."""


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The JSON that an answer has to be."""

    schema: Mapping[str, Any] | None = None
    """None: any object."""
    name: str = "answer"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ReasoningWish:
    """The amount of reasoning before an answer."""

    effort: str = ""
    """``none``, ``minimal``, ``low``, ``medium``, ``high``, ``xhigh`` or ``max``; empty: the model's own."""
    max_tokens: int | None = None
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """The drawing of tokens, and its end; None: the model's own."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class CanonicalRequest:
    """A request.

    It holds what at least two protocols have; what only the client's has is among the uses.
    """

    model: str
    messages: tuple[CanonicalMessage, ...]
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    sampling: Sampling = Sampling()
    format: JsonFormat | None = None
    reasoning: ReasoningWish = ReasoningWish()
    user: str = ""
    stream: bool = False
    includes_usage: bool = False
    """Whether a stream of OpenAI's chat completions shall end with its usage."""
    drop_params: bool = False
    """Whether to leave out what the provider cannot take, rather than refuse it."""
    verbosity: str = ""
    """``low``, ``medium`` or ``high``, as OpenAI has it; empty: the model's own."""
    service_tier: str = ""
    """Terms of OpenAI's, such as ``flex``; empty: the default."""
    prompt_cache_key: str = ""
    """OpenAI's key of the cache of prompts."""
    uses: tuple[FeatureUse, ...] = ()
    repeated: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the answer repeats as they came."""
