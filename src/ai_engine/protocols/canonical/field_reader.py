"""Read the JSON of a request field by field, so that each mistake is named and no field goes unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.request import FeatureUse
from vital_shared.errors import InvalidRequest

__all__ = ["FieldReader"]

MAX_INTEGER: Final = 2**63 - 1
MAX_SHOWN_NAME_CHARACTERS: Final = 100


class FieldReader:
    """A reader of one object, and of the objects in it; null is an absent field.

    :param value: the JSON.
    :param path: its place in the request, dotted; empty for the whole.
    :param uses: collects the features that not every protocol has.
    """

    __slots__ = ("_children", "_fields", "_path", "_unread", "uses")

    def __init__(self, value: Any, path: str = "", uses: list[FeatureUse] | None = None) -> None:
        if not isinstance(value, dict):
            place = path or "The body"
            raise InvalidRequest(f"{place} must be an object", field=path or None)
        self._fields: Mapping[str, Any] = value
        self._path = path
        self._unread = {name for name, content in value.items() if content is not None}
        self._children: list[FieldReader] = []
        self.uses: list[FeatureUse] = [] if uses is None else uses

    def place(self, name: str) -> str:
        """Return a field's place in the request."""
        return f"{self._path}.{name}" if self._path else name

    def any(self, name: str) -> Any:
        """Return a field's value, whatever it is."""
        self._unread.discard(name)
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """Return a text; empty where there is none."""
        value = self.any(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, "must be text")
        return value

    def required_text(self, name: str) -> str:
        """Return a text that has to be there."""
        text = self.text(name)
        if not text:
            raise self.wrong(name, "is missing")
        return text

    def flag(self, name: str) -> bool | None:
        """Return true, false, or None where it is absent."""
        value = self.any(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def number(self, name: str) -> float | None:
        """Return a number, or None where there is none."""
        value = self.any(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not -MAX_INTEGER <= value <= MAX_INTEGER or not isfinite(value):
            raise self.wrong(name, "must be a number")
        return float(value)

    def integer(self, name: str, least: int = -MAX_INTEGER) -> int | None:
        """Return a whole number, or None where there is none."""
        value = self.number(name)
        if value is None:
            return None
        if not value.is_integer() or value < least:
            raise self.wrong(name, "must be a whole number" + (f" from {least} on" if least >= 0 else ""))
        return int(self._fields[name])

    def object(self, name: str) -> FieldReader | None:
        """Return a reader of an object, or None where there is none."""
        value = self.any(name)
        return None if value is None else self._child(value, self.place(name))

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """Return an object as it is, or None where there is none."""
        value = self.any(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        return value

    def objects(self, name: str) -> Sequence[FieldReader]:
        """Return readers of a list's objects; none where there is no list."""
        return [self._child(each, place) for place, each in self.items(name)]

    def items(self, name: str) -> Sequence[tuple[str, Any]]:
        """Return a list's values with their places; none where there is no list."""
        value = self.any(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        return [(f"{self.place(name)}.{number}", each) for number, each in enumerate(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        if isinstance(self._fields.get(name), str):
            return (self.text(name),)
        items = self.items(name)
        for place, each in items:
            if not isinstance(each, str):
                raise InvalidRequest(f"{place} must be text", field=place)
        return tuple(each for _, each in items)

    def use(self, feature: Feature, *names: str) -> None:
        """Note the fields that ask for a feature, if they are there."""
        for name in names:
            if self.any(name) is not None:
                self.uses.append(FeatureUse(feature, self.place(name)))

    def note(self, feature: Feature, name: str = "") -> None:
        """Note a feature for a field, or for the whole object, of which nothing more is read."""
        if name:
            self.any(name)
        else:
            self._unread.clear()
        self.uses.append(FeatureUse(feature, self.place(name) if name else self._path))

    def ignore(self, *names: str) -> None:
        """Pass over fields that ask for nothing."""
        self._unread.difference_update(names)

    def finish(self) -> None:
        """Note the fields that nobody read, here and in all objects within; empty lists ask for nothing."""
        for name in sorted(self._unread):
            if self._fields[name] == []:
                continue
            feature = Feature.CACHE_CONTROL if name == "cache_control" else Feature.OTHER_FIELDS
            self.uses.append(FeatureUse(feature, self.place(name[:MAX_SHOWN_NAME_CHARACTERS])))
        for child in self._children:
            child.finish()

    def wrong(self, name: str, message: str) -> InvalidRequest:
        """Return the error of a field."""
        place = self.place(name)
        return InvalidRequest(f"{place} {message}", field=place)

    def _child(self, value: Any, path: str) -> FieldReader:
        child = FieldReader(value, path, self.uses)
        self._children.append(child)
        return child
