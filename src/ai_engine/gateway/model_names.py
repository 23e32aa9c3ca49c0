"""The names by which clients ask for models behind providers."""

from __future__ import annotations

from typing import Final, NamedTuple

from ai_engine.gateway.embedded_models import LOCAL
from vital_shared.errors import NotFound
from vital_shared.llm.providers import Providers, ProviderStatus
from vital_shared.llm.registry import ModelRegistry
from vital_shared.llm.routing.deployment import DeploymentObserver, observer_of
from vital_shared.models.workflow_io import MAX_MODEL_CHARACTERS
from vital_shared.workflows.services import Services

__all__ = [
    "AskedModel",
    "AskedModels",
    "embedded_names",
    "find_embedding_models",
    "find_models",
    "missing_key",
    "require_embedding_models",
]

FAMILIES: Final[tuple[tuple[str, str], ...]] = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
)
"""The beginnings of models' names, and whose they are: clients of one provider do not name it."""


class AskedModel(NamedTuple):
    """A model that may answer."""

    name: str
    """``provider:model``."""
    observer: DeploymentObserver | None = None
    """The observer of its calls, where a route asks it."""


class AskedModels(NamedTuple):
    """The models that a name stands for."""

    name: str | None
    """The name that limits of tenants know: of a model, or of a route; None: all may name it."""
    models: tuple[AskedModel, ...]
    """In the order in which they are asked; at least one."""
    hedge_after_seconds: float | None = None
    """Ask the next one too after this time without an answer; None: never."""


def find_models(name: str, models: ModelRegistry) -> AskedModels | None:
    """Return the models that a name stands for; None: it is none of ours.

    A name is that of a route, ``provider:model``, ``provider/model``, the name of a model that is configured,
    or one that shows whose it is, where that provider can be asked.

    :raises NotFound: when none of a route's deployments can be asked.
    """
    if models.providers is None:
        return None
    if name in models.routes:
        chain = tuple(AskedModel(each.name, observer_of(each)) for each in models.chain(name))
        return AskedModels(name, chain, models.hedge_after_seconds(name))
    found = _full_name(name, models, models.providers.names)
    if found is None or len(found) > MAX_MODEL_CHARACTERS:  # such a name can stand in no stored run
        return None
    return AskedModels(found, (AskedModel(found),))


def _full_name(name: str, models: ModelRegistry, providers: tuple[str, ...]) -> str | None:
    if not _is_name(name):
        return None
    for separator in (":", "/"):
        provider, found, model = name.partition(separator)
        if found and model and provider in providers:
            return f"{provider}:{model}"
    configured = next((each for each in models.configured if each.partition(":")[2] == name), None)
    if configured is not None or models.providers is None:
        return configured
    family = _family(name, models.providers)
    return f"{family.name}:{name}" if family is not None and family.ready else None


def _family(name: str, providers: Providers) -> ProviderStatus | None:
    known = next((provider for begin, provider in FAMILIES if name.startswith(begin)), None)
    return next((each for each in providers.status() if each.name == known), None)


def missing_key(name: str, models: ModelRegistry) -> str:
    """Return the environment's variable without which a name stands for no model; empty: there is none."""
    family = None if models.providers is None else _family(name, models.providers)
    return "" if family is None or family.ready else family.key


def find_embedding_models(name: str, services: Services) -> AskedModels | None:
    """Return the models of embeddings that a name stands for, as `find_models` does.

    The name of an embedded model is enough; ``local:`` may stand before it. It costs nothing: each key may
    name it.

    :raises NotFound: as `find_models`.
    """
    bare = name.removeprefix(f"{LOCAL}:").removeprefix(f"{LOCAL}/")
    if f"{LOCAL}:{bare}" in embedded_names(services):
        return AskedModels(None, (AskedModel(f"{LOCAL}:{bare}"),))
    return find_models(name, services.models)


def require_embedding_models(name: str, services: Services) -> AskedModels:
    """Return the models of embeddings that a name stands for.

    :raises NotFound: when there are none.
    """
    found = find_embedding_models(name, services)
    if found is not None:
        return found
    if key := missing_key(name, services.models):
        raise NotFound(
            f'The model "{name[:200]}" needs a key: set {key} in the environment of the engine.',
            field="model",
        )
    raise NotFound(
        f'There is no model "{name[:200]}" for embeddings: name one as provider:model, or an '
        "embedded one, and GET /v1/models lists those that are configured.",
        field="model",
    )


def embedded_names(services: Services) -> tuple[str, ...]:
    """Return the names of the embedding models on this machine, as ``local:model``."""
    return () if services.embedder is None else tuple(f"{LOCAL}:{name}" for name in services.embedder.names)


def _is_name(name: str) -> bool:
    """Return whether a name can stand in the address of a request, and nowhere else than where it is put."""
    parts = name.replace(":", "/").split("/")
    return name.isprintable() and "." not in parts and ".." not in parts
