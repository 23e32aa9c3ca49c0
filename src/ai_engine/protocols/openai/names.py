"""The names of models: ``mode-2/generalist`` is an agent, asked in a mode."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from vital_shared.errors import NotFound
from vital_shared.models.agent import AgentId
from vital_shared.models.workflow_io import WorkflowMode

__all__ = ["UNSERVED_SEGMENTS", "ModelName", "is_agents", "is_openai", "model_name", "read_name"]

SEGMENTS: Final = frozenset({"chat", "completions", "embeddings", "models", "responses"})
UNSERVED_SEGMENTS: Final = frozenset(
    {
        "assistants",
        "audio",
        "batches",
        "containers",
        "engines",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "moderations",
        "realtime",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    }
)
"""Parts of OpenAI's API that are not here; its clients get an error in its form."""

_NAME: Final = re.compile(r"mode-([1-4])/(.+)")
_agent_id: Final[TypeAdapter[str]] = TypeAdapter(AgentId)


class ModelName(NamedTuple):
    """The parts of a model's name."""

    mode: WorkflowMode
    agent_id: str


def model_name(mode: WorkflowMode, agent_id: str) -> str:
    """Write the name of a model."""
    return f"mode-{mode.value}/{agent_id}"


def is_agents(name: str) -> bool:
    """Return whether a name is that of a mode and an agent, there or not."""
    return _NAME.fullmatch(name) is not None


def read_name(name: str) -> ModelName:
    """Read the name of a model.

    :raises NotFound: when it can be none.
    """
    if found := _NAME.fullmatch(name):
        try:
            return ModelName(WorkflowMode(found[1]), _agent_id.validate_python(found[2]))
        except ValidationError:
            pass  # reported below
    raise NotFound(
        f'There is no model "{name[:200]}": a model is a workflow, a mode and an agent, such as '
        "mode-2/generalist, or provider:model, and GET /v1/models lists all.",
        field="model",
    )


def is_openai(path: str) -> bool:
    """Return whether a path is answered as OpenAI's API does, errors too."""
    version, _, rest = path.removeprefix("/").partition("/")
    segment = rest.partition("/")[0]
    return version == "v1" and (segment in SEGMENTS or segment in UNSERVED_SEGMENTS)
