"""Values that are stored as JSON."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from vital_shared.errors import StoreError

__all__ = ["read_json"]

Model = TypeVar("Model", bound=BaseModel)


def read_json(model: type[Model], text: str) -> Model:
    """Read a value back, and check it: the database may have been written by another version, or by hand.

    :raises StoreError: when it does not fit.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreError(
            f"A stored {model.__name__} cannot be read (at {field or 'its start'}): "
            "it was changed by hand, or stored by another version of this program"
        ) from error
