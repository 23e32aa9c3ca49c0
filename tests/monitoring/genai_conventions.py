"""The attributes of the conventions for GenAI by span and metric, with their types and requirement levels.

Source: model/gen-ai/spans.yaml and metrics.yaml of the conventions, of 2026. Names and units are compared with
the package `opentelemetry-semantic-conventions`, which has neither types nor levels.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Level = Literal["required", "conditional", "recommended", "opt_in"]


class Attribute(NamedTuple):
    """An attribute of a span or a metric."""

    type: type | tuple[type, ...]
    level: Level


OPERATION: Final = {"gen_ai.operation.name": Attribute(str, "required")}
FAILURE: Final = {"error.type": Attribute(str, "conditional")}
SERVER: Final = {
    "server.address": Attribute(str, "recommended"),
    "server.port": Attribute(int, "conditional"),
}
MODEL: Final = {"gen_ai.request.model": Attribute(str, "conditional")}
CONVERSATION: Final = {"gen_ai.conversation.id": Attribute(str, "conditional")}
CONTENT: Final = {
    "gen_ai.system_instructions": Attribute(str, "opt_in"),
    "gen_ai.input.messages": Attribute(str, "opt_in"),
    "gen_ai.output.messages": Attribute(str, "opt_in"),
    "gen_ai.tool.definitions": Attribute(str, "opt_in"),
}

INFERENCE: Final = {
    **OPERATION,
    **FAILURE,
    **SERVER,
    **MODEL,
    **CONVERSATION,
    **CONTENT,
    "gen_ai.provider.name": Attribute(str, "required"),
    "gen_ai.output.type": Attribute(str, "conditional"),
    "gen_ai.request.choice.count": Attribute(int, "conditional"),
    "gen_ai.request.seed": Attribute(int, "conditional"),
    "gen_ai.request.stream": Attribute(bool, "conditional"),
    "gen_ai.request.frequency_penalty": Attribute(float, "recommended"),
    "gen_ai.request.max_tokens": Attribute(int, "recommended"),
    "gen_ai.request.presence_penalty": Attribute(float, "recommended"),
    "gen_ai.request.stop_sequences": Attribute(tuple, "recommended"),
    "gen_ai.request.temperature": Attribute(float, "recommended"),
    "gen_ai.request.top_k": Attribute(float, "recommended"),
    "gen_ai.request.top_p": Attribute(float, "recommended"),
    "gen_ai.response.finish_reasons": Attribute(tuple, "recommended"),
    "gen_ai.response.id": Attribute(str, "recommended"),
    "gen_ai.response.model": Attribute(str, "recommended"),
    "gen_ai.response.time_to_first_chunk": Attribute(float, "recommended"),
    "gen_ai.usage.cache_creation.input_tokens": Attribute(int, "recommended"),
    "gen_ai.usage.cache_read.input_tokens": Attribute(int, "recommended"),
    "gen_ai.usage.input_tokens": Attribute(int, "recommended"),
    "gen_ai.usage.output_tokens": Attribute(int, "recommended"),
    "gen_ai.usage.reasoning.output_tokens": Attribute(int, "recommended"),
    "gen_ai.prompt.name": Attribute(str, "recommended"),
}

SPANS: Final[dict[str, dict[str, Attribute]]] = {
    "chat": INFERENCE,
    "embeddings": {
        **OPERATION,
        **FAILURE,
        **SERVER,
        **MODEL,
        "gen_ai.provider.name": Attribute(str, "required"),
        "gen_ai.request.encoding_formats": Attribute(tuple, "recommended"),
        "gen_ai.usage.input_tokens": Attribute(int, "recommended"),
    },
    "execute_tool": {
        **OPERATION,
        **FAILURE,
        "gen_ai.tool.name": Attribute(str, "required"),
        "gen_ai.tool.call.id": Attribute(str, "recommended"),
        "gen_ai.tool.description": Attribute(str, "recommended"),
        "gen_ai.tool.type": Attribute(str, "recommended"),
        "gen_ai.tool.call.arguments": Attribute(str, "opt_in"),
        "gen_ai.tool.call.result": Attribute(str, "opt_in"),
    },
    "retrieval": {
        **OPERATION,
        **FAILURE,
        **SERVER,
        **MODEL,
        "gen_ai.provider.name": Attribute(str, "conditional"),
        "gen_ai.data_source.id": Attribute(str, "conditional"),
        "gen_ai.request.top_k": Attribute(float, "recommended"),
        "gen_ai.retrieval.query.text": Attribute(str, "opt_in"),
        "gen_ai.retrieval.documents": Attribute(str, "opt_in"),
    },
    "invoke_agent": {
        **OPERATION,
        **FAILURE,
        **MODEL,
        **CONVERSATION,
        "gen_ai.provider.name": Attribute(str, "required"),
        "gen_ai.agent.id": Attribute(str, "conditional"),
        "gen_ai.agent.name": Attribute(str, "conditional"),
    },
    "invoke_workflow": {
        **OPERATION,
        **FAILURE,
        "gen_ai.workflow.name": Attribute(str, "conditional"),
        "gen_ai.conversation.id": Attribute(str, "recommended"),
        "gen_ai.agent.id": Attribute(str, "recommended"),
        "session.id": Attribute(str, "recommended"),
        "user.id": Attribute(str, "recommended"),
    },
}
"""By operation. The last four of ``invoke_workflow`` are of the general registry, where the table has none."""

METRIC: Final = {
    **OPERATION,
    **MODEL,
    **SERVER,
    "gen_ai.provider.name": Attribute(str, "required"),
    "gen_ai.response.model": Attribute(str, "recommended"),
}

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = (
    *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864),
)

METRICS: Final[dict[str, dict[str, Attribute]]] = {
    "gen_ai.client.operation.duration": {**METRIC, **FAILURE},
    "gen_ai.client.operation.time_to_first_chunk": METRIC,
    "gen_ai.client.operation.time_per_output_chunk": METRIC,
    "gen_ai.client.token.usage": {**METRIC, "gen_ai.token.type": Attribute(str, "required")},
}

BUCKETS: Final = {name: TOKENS if name.endswith("usage") else SECONDS for name in METRICS}
