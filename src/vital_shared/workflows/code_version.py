"""The version of the code of a class's own nodes: answers of older versions are not reused."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType

from vital_shared.graph import Node

__all__ = ["code_version"]


def code_version(nodes: Iterable[Node]) -> str:
    """Return the version of the code of nodes; empty where there are none.

    It is the same in all processes of one Python, wherever the code stands in its file. What the nodes call,
    import or read is not in it.
    """
    parts = [part for node in nodes for part in _of_node(node)]
    return (
        hashlib.sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16] if parts else ""
    )


def _of_node(node: Node) -> Iterator[str]:
    yield node.name
    for function in (node.function, node.fallback, node.declaration.when):
        code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
        if isinstance(code, CodeType):
            yield from _of_code(code)
    loop = node.declaration.loop
    if loop is not None:
        yield from _of_code(loop.until.__code__) if hasattr(loop.until, "__code__") else ()
        for inner in node.loop_over.plan.nodes:
            yield from _of_node(inner)


def _of_code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant)
        else:
            yield _shown(constant)


def _shown(constant: object) -> str:
    """Write a constant, the same whatever the seed of the hashes is."""
    if isinstance(constant, frozenset):
        return repr(sorted(map(_shown, constant)))
    return repr(constant)
