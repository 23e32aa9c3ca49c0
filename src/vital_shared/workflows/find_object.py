"""Find a custom object by its module or file and its name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any, Final

from vital_shared.errors import InvalidRequest
from vital_shared.graph import GraphError

__all__ = ["MODULE_PREFIX", "find_object"]

MODULE_PREFIX: Final = "vital_target_"
"""Prefix of the names of modules imported from a file, so that none takes the place of another module."""

_versions: Final[dict[str, tuple[int, int, int]]] = {}
"""The version of the file of each module that was imported from one, by the module's name."""


def find_object(target: str) -> Any:
    """Import an object.

    :param target: ``module:name``, or ``file.py:name``.
    :raises InvalidRequest: when there is none, or its module cannot be imported.
    :raises PlanError: when its module defines a class that does not describe a graph.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise InvalidRequest(f"{target} names no object: write module:name, or file.py:name.")
    found = getattr(_module(place), name, None)
    if found is None:
        raise InvalidRequest(f"{target} does not exist: check its name.")
    return found


def _module(place: str) -> ModuleType:
    is_file = place.endswith(".py")
    if is_file and not Path(place).is_file():
        raise InvalidRequest(f"{place} cannot be imported: there is no such file.")
    name = _module_name(Path(place)) if is_file else place
    try:
        return _from_file(Path(place), name) if is_file else _from_path(name)
    except GraphError:
        raise
    except (Exception, SystemExit) as error:  # a module may raise anything while it is imported
        reason = f"{_line(error, name)}{type(error).__name__}: {error}"
        raise InvalidRequest(f"{place} cannot be imported ({reason}).") from error


def _line(error: BaseException, module: str) -> str:
    """Name the line of a module at which its import has failed; empty: none of it was executed."""
    lines = [
        line for frame, line in walk_tb(error.__traceback__) if frame.f_globals.get("__name__") == module
    ]
    return f"line {lines[-1]}: " if lines else ""


def _from_path(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as `python -m` has it
    return importlib.import_module(name)


def _module_name(path: Path) -> str:
    """Name the module of a file, apart from that of another file of the same name."""
    name = f"{MODULE_PREFIX}{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is None or Path(loaded.__file__ or "").resolve() == path.resolve():
        return name
    return f"{name}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


def _from_file(path: Path, name: str) -> ModuleType:
    """Import a file, once for as long as it does not change.

    A lock or a connection of the module is then one for all classes and tools of the file.
    """
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)  # the file may import those beside it, as `python file.py` has it
    written = path.stat()
    version = (written.st_ino, written.st_mtime_ns, written.st_size)
    if name in sys.modules and _versions.get(name) == version:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    _versions.pop(name, None)
    sys.modules[name] = module  # where dataclasses and pydantic look up annotations
    spec.loader.exec_module(module)
    _versions[name] = version
    return module
