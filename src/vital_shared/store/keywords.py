"""Keyword search, in the words of each database.

Whatever a user types is only ever words to look for: any of them may match, none is an operator.
"""

from __future__ import annotations

import re

from sqlalchemy import TextClause, bindparam, text

from vital_shared.store.tables import SHARED, SafeText

__all__ = ["match_expression", "search_statement"]

_MAX_WORDS = 64
_MAX_WORD_CHARACTERS = 200
_WORD = re.compile(r"[^\W_]+")

# The stop words of Postgres's English dictionary (Snowball's list), so that both databases pass over
# the same; FTS5 has none, and would rank every chunk that has a "the".
_STOP_WORDS = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her
    hers herself it its itself they them their theirs themselves what which who whom this that these
    those am is are was were be been being have has had having do does did doing a an the and but if or
    because as until while of at by for with about against between into through during before after
    above below to from up down in out on off over under again further then once here there when where
    why how all any both each few more most other some such no nor not only own same so than too very s
    t can will just don should now
    """.split()  # noqa: SIM905  # a list of 127 strings reads worse
)

# CROSS JOIN fixes the order of the tables: the index gives its hits best first, and the join
# stops when there are enough.
_SQLITE = """
    SELECT chunks.id, -chunks_fts.rank AS score
    FROM chunks_fts CROSS JOIN chunks ON chunks.id = chunks_fts.rowid
    WHERE chunks_fts MATCH :words AND chunks.tenant_id IN (:tenant, :shared)
    ORDER BY chunks_fts.rank LIMIT :limit"""

# plainto_tsquery reads words as the index does and knows no operators; it demands all of them, so
# each "and" becomes an "or". Lexemes hold no blanks, so nothing else is replaced.
# The last argument of ts_rank, 1, divides by 1 + the logarithm of the length.
_POSTGRES = """
    SELECT chunks.id, ts_rank('{0.5, 0.5, 0.75, 1.0}', chunks.search, query.any, 1) AS score
    FROM chunks,
        (SELECT replace(plainto_tsquery('english', :words)::text, ' & ', ' | ')::tsquery AS any) AS query
    WHERE chunks.search @@ query.any AND chunks.tenant_id IN (:tenant, :shared)
    ORDER BY score DESC, chunks.id LIMIT :limit"""


def search_statement(dialect: str) -> TextClause:
    """Make the statement, with the parameters ``words``, ``tenant`` and ``limit``."""
    statement = text(_SQLITE if dialect == "sqlite" else _POSTGRES)
    return statement.bindparams(bindparam("words", type_=SafeText), shared=SHARED)


def match_expression(query: str, dialect: str) -> str:
    """Make the parameter ``words``; empty where the text has no word."""
    words = [word for word in query.split() if len(word) <= _MAX_WORD_CHARACTERS][:_MAX_WORDS]
    if dialect != "sqlite":
        return " ".join(words)
    parts = dict.fromkeys(part.lower() for word in words for part in _WORD.findall(word))
    wanted = [part for part in parts if part not in _STOP_WORDS]
    return " OR ".join(f'"{part}"' for part in wanted[:_MAX_WORDS])
