"""Read YAML whose tables name each key once: of two, the first would be gone without a word."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

__all__ = ["DuplicateKey", "read_yaml"]


def read_yaml(text: str) -> object:
    """Read a document of plain values.

    :raises DuplicateKey: when a table names a key twice.
    :raises YAMLError: when it is no YAML.
    """
    loader = _UniqueKeyLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class DuplicateKey(yaml.YAMLError):
    """A table names a key twice.

    :param line: the number of the second one's line.
    """

    def __init__(self, key: str, line: int) -> None:
        super().__init__(key, line)
        self.key, self.line = key, line


class _UniqueKeyLoader(yaml.SafeLoader):
    """A loader of plain values that refuses a key which is named twice, but for those of merged tables."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read a table.

        :raises DuplicateKey: when it names a key twice.
        """
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise DuplicateKey(key.value, key.start_mark.line + 1)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
