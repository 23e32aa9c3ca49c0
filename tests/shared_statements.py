"""SQL statements that the engines of all tests compile once: most tests open a store, and ask it the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from vital_shared.store import engines

STATEMENTS = 2_000


@contextmanager
def shared_statements() -> Iterator[None]:
    """Give all engines of SQLite one cache of compiled statements for each driver.

    SQLAlchemy keys what it has compiled by the dialect, of which each engine has its own; those of one class are
    equal here, as they are in what they compile.
    """
    caches: dict[type, LRUCache[Any, Any]] = {}

    def sharing(create: Callable[..., Any]) -> Callable[..., Any]:
        def created(*arguments: Any, **options: Any) -> Any:
            engine: Engine | AsyncEngine = create(*arguments, **options)
            plain = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
            if isinstance(plain.dialect, SQLiteDialect):
                plain._compiled_cache = caches.setdefault(type(plain.dialect), LRUCache(STATEMENTS))
            return engine

        return created

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "create_async_engine", sharing(engines.create_async_engine))
        patch.setattr(engines, "create_engine", sharing(engines.create_engine))
        patch.setattr(SQLiteDialect, "__hash__", lambda self: hash(type(self)), raising=False)
        patch.setattr(SQLiteDialect, "__eq__", lambda self, other: type(self) is type(other), raising=False)
        yield
