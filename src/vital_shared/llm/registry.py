"""Which models there are."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.errors import ConfigurationError, NotFound
from vital_shared.llm.base import Model

__all__ = ["ModelRegistry"]


class ModelRegistry:
    """The models of an engine, by name.

    :param models: each name once; the last one answers where the one that was asked fails.
    :raises ConfigurationError: when there is no model, or two have one name.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        if not models:
            raise ConfigurationError("There is no model: give at least one.")
        self._models: dict[str, Model] = {}
        for model in models:
            if model.name in self._models:
                raise ConfigurationError(f'Two models are called "{model.name}": rename one of them.')
            self._models[model.name] = model
        self.last = models[-1]
        """The end of every chain."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models, in the order in which they were given."""
        return tuple(self._models)

    def get(self, name: str) -> Model:
        """Find a model.

        :raises NotFound: naming the models that there are.
        """
        try:
            return self._models[name]
        except KeyError:
            raise NotFound(
                f'There is no model "{name}"; the models are: {", ".join(self._models)}.', field="model"
            ) from None
