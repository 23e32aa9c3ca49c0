"""The statements that search and write passages, as the role ``vital_source``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import TextClause, text

from vital_shared.retrieval.sources.supabase.schema import READER, SCHEMA, search_path

__all__ = [
    "EXACT_PASSAGES",
    "TAKE_ROLE",
    "WRITE_FOR",
    "count_statement",
    "delete_statement",
    "insert_statement",
    "keyword_statement",
    "search_statement",
]

EXACT_PASSAGES: Final = 5_000
"""A tenant that sees no more passages than this is searched exactly: the neighbours of larger tenants cannot
crowd it out of an approximate index, and reading its passages takes a few milliseconds."""

EXACT_SHARE: Final = 500
"""The same for a tenant that sees no more than one of this number of passages: an HNSW scan gives up after
20,000 (``hnsw.max_scan_tuples``), before it has found enough of them. Where a scan gives up all the same,
since the passages of other tenants are nearer, an exact search follows."""

TAKE_ROLE: Final = text(
    f"""SELECT set_config('search_path', {search_path()}, true), set_config('vital.tenant', :tenant, true),
    set_config('hnsw.iterative_scan', 'strict_order', true), set_config('role', '{READER}', true)"""
)
"""Bind the transaction to a tenant. Every setting ends with the transaction, so that a session that a pooler
hands to another client keeps nothing."""

WRITE_FOR: Final = text("SELECT set_config('vital.writes', 'of:' || CAST(:tenant AS text), true)")
"""Bind what follows in the transaction to the rows of one tenant; the empty text is what all share."""


def search_statement(number: int) -> TextClause:
    """Write the search of an index: by meaning and by words in one statement.

    Parameters: ``vector`` (as pgvector writes it), ``words``, ``tenant``, ``candidates`` (of each side).
    Gives each candidate with its cosine and its keyword score, NULL where it is no keyword hit.
    """
    table, query = f"{SCHEMA}.passages_{number}", "CAST(CAST(:vector AS text) AS vector)"
    visible = "tenant_id IN ('', :tenant)"
    return text(f"""
    WITH {_counted_and_hits(number)},
    scanned AS MATERIALIZED (
        SELECT id FROM {table} WHERE {visible} AND NOT (SELECT few FROM counted)
        ORDER BY embedding <=> {query} LIMIT :candidates),
    compared AS ( -- an expression that no index has: all are compared
        SELECT id FROM {table} WHERE {visible} AND (SELECT count(*) FROM scanned) < :candidates
        ORDER BY 1 - (embedding <=> {query}) DESC LIMIT :candidates)
    SELECT p.id, p.document_id, p.uri, p.title, p.section, p.text,
        1 - (p.embedding <=> {query}) AS cosine, hits.score AS keyword
    FROM {table} AS p LEFT JOIN hits ON hits.id = p.id
    WHERE p.id = ANY (ARRAY(
        SELECT id FROM scanned UNION SELECT id FROM compared UNION SELECT id FROM hits)) AND p.{visible}""")


def keyword_statement(number: int) -> TextClause:
    """Write the search by words alone, with the parameters ``words``, ``tenant`` and ``candidates``."""
    return text(f"""
    WITH {_counted_and_hits(number)}
    SELECT p.id, p.document_id, p.uri, p.title, p.section, p.text, hits.score AS keyword
    FROM {SCHEMA}.passages_{number} AS p JOIN hits ON hits.id = p.id
    WHERE p.tenant_id IN ('', :tenant)""")


def _counted_and_hits(number: int) -> str:
    """Write whether the tenant sees few passages, and the passages with words of the question."""
    return f"""
    counted AS MATERIALIZED (
        SELECT coalesce(sum(passages), 0) <= greatest({EXACT_PASSAGES}, (SELECT reltuples / {EXACT_SHARE}
            FROM pg_class WHERE oid = '{SCHEMA}.passages_{number}'::regclass)) AS few
        FROM {SCHEMA}.tenants WHERE index_number = {number} AND tenant_id IN ('', :tenant)),
    hits AS MATERIALIZED (
        SELECT id, score FROM {SCHEMA}.keyword_hits_{number}(
            CAST(:words AS text), :candidates, (SELECT few FROM counted)))"""


def delete_statement(number: int) -> TextClause:
    """Write the deletion of a tenant's documents: ``documents`` and ``tenant``."""
    return text(
        f"DELETE FROM {SCHEMA}.passages_{number} WHERE tenant_id = :tenant"
        " AND document_id = ANY (CAST(:documents AS text[]))"
    )


def insert_statement(number: int) -> TextClause:
    """Write the insertion of a tenant's passages, given as one array for each column."""
    return text(f"""
    INSERT INTO {SCHEMA}.passages_{number}
        (tenant_id, id, document_id, uri, title, section, text, language, embedding)
    SELECT :tenant, id, document_id, uri, title, section, text,
        coalesce((SELECT c.oid::regconfig FROM pg_catalog.pg_ts_config AS c
            WHERE c.cfgname = language AND c.cfgnamespace = 'pg_catalog'::regnamespace),
            'pg_catalog.english'::regconfig),
        CAST(embedding AS vector)
    FROM unnest(CAST(:ids AS text[]), CAST(:documents AS text[]), CAST(:uris AS text[]),
        CAST(:titles AS text[]), CAST(:sections AS text[]), CAST(:texts AS text[]),
        CAST(:languages AS text[]),
        CAST(:embeddings AS text[]))
        AS new (id, document_id, uri, title, section, text, language, embedding)""")


def count_statement(number: int) -> TextClause:
    """Write the change of a tenant's number of passages: ``tenant`` and ``more``; it locks the tenant."""
    return text(f"""
    INSERT INTO {SCHEMA}.tenants AS t (index_number, tenant_id, passages) VALUES ({number}, :tenant, :more)
    ON CONFLICT (index_number, tenant_id) DO UPDATE SET passages = t.passages + excluded.passages""")
