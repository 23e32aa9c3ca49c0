"""The schema of the source, made and brought up to date by versioned SQL.

The tables stand in a schema of their own: Supabase serves ``public`` to every browser. Three roles share
them:

- the user of the address owns them and changes the schema;
- ``vital_source`` reads and writes passages. Row-level security holds it to the tenant of the transaction's
  settings, and it cannot log in, own or bypass anything. Every search and every write takes this role;
- ``vital_source_index`` only looks words up. PostgreSQL uses no keyword index under row-level security, since
  ``@@`` is not leakproof ("Rules and Privileges" in its manual): so a function of this role, which sees all
  rows and restricts itself to the tenant, finds the ids, and the passages are read as ``vital_source``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import SourceError

__all__ = [
    "COMMON_PASSAGES",
    "READER",
    "SCHEMA",
    "count_words",
    "create_index_table",
    "drop_index_table",
    "index_for_search",
    "migrate",
]

SCHEMA: Final = "vital_source"
READER: Final = "vital_source"
INDEXER: Final = "vital_source_index"

_ADVISORY_LOCK: Final = 0x564954534F  # "VITSO", a number that other programs on this server do not use
_MIN_PGVECTOR: Final = (0, 8)
"""The first version whose HNSW scans go on until they have enough of the tenant's own."""
_INHERIT_OPTION_VERSION: Final = 160_000
"""The first server that can grant a role without giving its rights away at once."""

COMMON_PASSAGES: Final = 2_000
COMMON_SHARE: Final = 200
"""A word that more passages have than this, and than one in 200, finds none by itself: it says little, and to
rank its passages takes 7 microseconds each."""

_CREATE_ROLE: Final = """
    DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""

_TENANT: Final = "current_setting('vital.tenant', true)"
_WRITTEN: Final = "'of:' || tenant_id = current_setting('vital.writes', true)"
"""A condition that holds for no row where the setting is missing or was reset, which leaves an empty text."""

_MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """CREATE TABLE indexes (
            number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text NOT NULL UNIQUE,
            embedder text NOT NULL,
            dimension integer NOT NULL,
            is_active boolean NOT NULL DEFAULT false,
            common_words text[] NOT NULL DEFAULT '{}',
            counted_passages bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now())""",
        "CREATE UNIQUE INDEX one_active_index ON indexes (is_active) WHERE is_active",
        f"GRANT SELECT ON indexes TO {READER}, {INDEXER}",
        # Kept exact by each write: a search is exact where few passages are visible.
        """CREATE TABLE tenants (
            index_number integer NOT NULL REFERENCES indexes ON DELETE CASCADE,
            tenant_id text NOT NULL,
            passages bigint NOT NULL,
            PRIMARY KEY (index_number, tenant_id))""",
        f"GRANT SELECT, INSERT, UPDATE ON tenants TO {READER}",
        # Not forced: the owner counts all.
        "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY visible ON tenants FOR SELECT TO {READER} USING (tenant_id IN ('', {_TENANT}))",
        f"CREATE POLICY written ON tenants TO {READER} USING ({_WRITTEN}) WITH CHECK ({_WRITTEN})",
    ),
    # The passages of an index from before have no language.
    ("ALTER TABLE indexes ADD COLUMN has_languages boolean NOT NULL DEFAULT false",),
)
"""The statements that lead from each version of the schema to the next; only ever added to."""


async def migrate(connection: AsyncConnection) -> None:
    """Bring the schema up to date, within the transaction; others who do the same wait.

    :raises SourceError: when the server lacks pgvector 0.8, or the schema is newer than this program.
    """
    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    await _make_extension(connection)
    await _run(connection, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await _make_roles(connection)
    await _use_schema(connection)
    await _run(connection, "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
    version = (await connection.execute(text("SELECT max(version) FROM schema_version"))).scalar() or 0
    if version > len(_MIGRATIONS):
        raise SourceError(
            f"The schema {SCHEMA} has version {version}, and this program knows {len(_MIGRATIONS)}: "
            "update it."
        )
    for number, statements in enumerate(_MIGRATIONS[version:], start=version + 1):
        await _run(connection, *statements, f"INSERT INTO schema_version VALUES ({number})")


async def create_index_table(connection: AsyncConnection, number: int, dimension: int) -> None:
    """Make the table of an index, without what searches need: filling it is then several times faster."""
    table = f"passages_{number}"
    await _run(
        connection,
        f"""CREATE TABLE {table} (
            id text PRIMARY KEY,
            tenant_id text NOT NULL,
            document_id text NOT NULL,
            uri text NOT NULL,
            title text NOT NULL,
            section text NOT NULL,
            text text NOT NULL,
            language regconfig NOT NULL,
            search tsvector NOT NULL GENERATED ALWAYS AS (
                setweight(to_tsvector(language, title), 'A')
                || setweight(to_tsvector(language, section), 'B')
                || setweight(to_tsvector(language, text), 'D')) STORED,
            embedding vector({dimension}) NOT NULL)""",
        f"CREATE INDEX ON {table} (tenant_id)",
        f"CREATE INDEX ON {table} (document_id)",
        f"CREATE INDEX ON {table} (language)",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {READER}",
        f"GRANT SELECT ON {table} TO {INDEXER}",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY visible ON {table} FOR SELECT TO {READER} USING (tenant_id IN ('', {_TENANT}))",
        f"CREATE POLICY written ON {table} TO {READER} USING ({_WRITTEN}) WITH CHECK ({_WRITTEN})",
        f"CREATE POLICY looked_up ON {table} FOR SELECT TO {INDEXER} USING (true)",
        f"SET LOCAL ROLE {INDEXER}",
        _keyword_function(number),
        f"REVOKE ALL ON FUNCTION keyword_hits_{number}(text, bigint, boolean) FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION keyword_hits_{number}(text, bigint, boolean) TO {READER}",
        "RESET ROLE",
    )


async def index_for_search(connection: AsyncConnection, number: int) -> None:
    """Build what makes searches of a filled table fast."""
    table = f"passages_{number}"
    await _use_schema(connection)
    await _run(
        connection,
        "SET LOCAL statement_timeout = 0",
        f"CREATE INDEX IF NOT EXISTS {table}_nearest ON {table} USING hnsw (embedding vector_cosine_ops)",
        f"CREATE INDEX IF NOT EXISTS {table}_words ON {table} USING gin (search)",
        f"ANALYZE {table}",
    )
    await count_words(connection, number)


async def count_words(connection: AsyncConnection, number: int) -> None:
    """Note the words that too many passages have; after each doubling anew."""
    sizes = text(
        f"""SELECT counted_passages, (SELECT coalesce(sum(passages), 0) FROM {SCHEMA}.tenants
            WHERE index_number = number) AS passages FROM {SCHEMA}.indexes WHERE number = {number}"""
    )
    size = (await connection.execute(sizes)).one()
    if size.passages <= 2 * size.counted_passages:
        return
    common = text(
        f"""SELECT word FROM ts_stat('SELECT search FROM {SCHEMA}.passages_{number}')
            WHERE ndoc > greatest({COMMON_PASSAGES}, CAST(:passages AS bigint) / {COMMON_SHARE})"""
    )
    await _run(connection, f"SET LOCAL ROLE {INDEXER}")
    words = (await connection.execute(common, {"passages": int(size.passages)})).scalars().all()
    await _run(connection, "RESET ROLE")
    noted = text(
        f"""UPDATE {SCHEMA}.indexes SET common_words = CAST(:words AS text[]), counted_passages = :passages
            WHERE number = {number}"""
    )
    await connection.execute(noted, {"words": list(words), "passages": int(size.passages)})


async def drop_index_table(connection: AsyncConnection, number: int) -> None:
    """Drop the table of an index."""
    await _run(
        connection,
        f"SET LOCAL ROLE {INDEXER}",
        f"DROP FUNCTION IF EXISTS {SCHEMA}.keyword_hits_{number}(text, bigint, boolean)",
        "RESET ROLE",
        f"DROP TABLE IF EXISTS {SCHEMA}.passages_{number}",
    )


def _keyword_function(number: int) -> str:
    """Write the function that looks words up; planned for each tenant anew, small and large ones differ."""
    # Any word may match. Where few passages are visible all words count; otherwise common ones do not, unless
    # there are no others: then a passage has to have all of them. A question is too short for its language to
    # be certain, so its words are looked up as in each language of the passages, read off their index.
    return f"""
    CREATE FUNCTION keyword_hits_{number}(words text, most bigint, few boolean)
    RETURNS TABLE (id text, score real)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    DECLARE
        lexemes text[];
        lexeme text;
        word tsquery;
        wanted tsquery;
    BEGIN
        WITH RECURSIVE languages(language) AS (
            (SELECT p.language FROM {SCHEMA}.passages_{number} AS p ORDER BY p.language LIMIT 1)
            UNION ALL
            SELECT (SELECT p.language FROM {SCHEMA}.passages_{number} AS p
                WHERE p.language > before.language ORDER BY p.language LIMIT 1)
            FROM languages AS before WHERE before.language IS NOT NULL)
        SELECT array_agg(DISTINCT said.lexeme) INTO lexemes
            FROM languages, unnest(to_tsvector(languages.language, words)) AS said
            WHERE languages.language IS NOT NULL;
        lexemes := coalesce(lexemes, ARRAY[]::text[]);
        IF NOT few THEN
            lexemes := ARRAY(SELECT unnest(lexemes) EXCEPT
                SELECT unnest(common_words) FROM {SCHEMA}.indexes WHERE number = {number});
        END IF;
        FOREACH lexeme IN ARRAY lexemes LOOP
            word := plainto_tsquery('simple', lexeme);
            wanted := coalesce(wanted || word, word);
        END LOOP;
        RETURN QUERY EXECUTE
            'SELECT p.id, ts_rank(''{{0.5, 0.5, 0.75, 1.0}}'', p.search, $1, 1) AS score
            FROM {SCHEMA}.passages_{number} AS p
            WHERE p.search @@ $1 AND p.tenant_id IN ('''', $2)
            ORDER BY score DESC, p.id LIMIT $3'
            USING coalesce(wanted, plainto_tsquery('english', words)), {_TENANT}, most;
    END $$"""


async def _make_extension(connection: AsyncConnection) -> None:
    await _run(connection, "CREATE EXTENSION IF NOT EXISTS vector")
    found = text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    version = str((await connection.execute(found)).scalar_one())
    if tuple(int(part) for part in version.split(".")[:2]) < _MIN_PGVECTOR:
        raise SourceError(
            f"The server has pgvector {version}, and 0.8 or later is needed: install it and run "
            "ALTER EXTENSION vector UPDATE."
        )


async def _make_roles(connection: AsyncConnection) -> None:
    number = (await connection.execute(text("SHOW server_version_num"))).scalar_one()
    has_options = int(number) >= _INHERIT_OPTION_VERSION
    option, right = ("WITH INHERIT FALSE, SET TRUE", "SET") if has_options else ("", "MEMBER")
    for role in (READER, INDEXER):
        known = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
        if not (await connection.execute(known, {"role": role})).scalar_one():
            await _run(connection, _CREATE_ROLE.format(role=role))
        may_take = text("SELECT pg_has_role(CAST(:role AS name), CAST(:right AS text))")
        if not (await connection.execute(may_take, {"role": role, "right": right})).scalar_one():
            await _run(connection, f"GRANT {role} TO CURRENT_USER {option}")
    await _run(
        connection,
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}",
        f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {INDEXER}",
    )


async def _use_schema(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SELECT set_config('search_path', {search_path()}, true)"))


def search_path() -> str:
    """Return an expression of SQL: our schema, and the one that holds pgvector's operators."""
    return f"""'{SCHEMA}, ' || (SELECT quote_ident(nspname) FROM pg_catalog.pg_extension
        JOIN pg_catalog.pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'vector')"""


async def _run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)
