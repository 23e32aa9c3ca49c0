"""The files that documents were read from."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import Conflict
from vital_shared.store.database import Database
from vital_shared.store.document_file_table import document_files
from vital_shared.store.tables import documents, knowledge_version, owner

__all__ = ["ClaimedFile", "DocumentFiles", "NameTaken", "check_name", "note_file"]


class NameTaken(Conflict):
    """Another file's document has this name by now; internal: the document gets a longer one."""


class ClaimedFile(NamedTuple):
    """The file that a document is read from."""

    path: str
    freed: str | None = None
    """A file that is gone, whose document may be replaced."""


class DocumentFiles:
    """The documents that were read from files of this machine, by tenant.

    Paths are absolute, as ``file:`` addresses: percent-encoded, so that any name is one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def uri_of(self, path: str, *, tenant_id: str | None) -> str | None:
        """Return the uri of the document that was read from a file."""
        statement = (
            select(documents.c.uri)
            .join_from(document_files, documents)
            .where(document_files.c.tenant_id == owner(tenant_id), document_files.c.path == path)
            .limit(1)
        )
        uri: str | None = await self._database.read(lambda connection: connection.execute(statement).scalar())
        return uri

    async def path_of(self, document_id: str) -> str | None:
        """Return the file that a document was read from."""
        statement = select(document_files.c.path).where(document_files.c.document_id == document_id)
        path: str | None = await self._database.read(
            lambda connection: connection.execute(statement).scalar()
        )
        return path

    async def put(self, document_id: str, path: str, *, tenant_id: str | None) -> None:
        """Note the file of a document; no other document has it then. A document that is gone gets none."""
        async with self._database.begin() as connection:
            # After a change of documents that is under way: it may replace this one by itself.
            await connection.execute(select(knowledge_version.c.version).with_for_update())
            await note_file(connection, document_id, path, tenant_id=tenant_id)

    async def below(self, folder: str, *, tenant_id: str | None) -> dict[str, str]:
        """Return the files below a folder, with the ids of their documents."""
        statement = select(document_files.c.path, document_files.c.document_id).where(
            document_files.c.tenant_id == owner(tenant_id),
            document_files.c.path.startswith(f"{folder.rstrip('/')}/", autoescape=True),
        )
        async with self._database.connect() as connection:
            return {row.path: row.document_id for row in await connection.execute(statement)}


async def check_name(
    connection: AsyncConnection, file: ClaimedFile, *, tenant_id: str | None, uri: str
) -> None:
    """Check that a document's name is no other file's, within the transaction that stores it.

    :raises NameTaken: when it is.
    """
    statement = (
        select(document_files.c.path)
        .join_from(document_files, documents)
        .where(documents.c.tenant_id == owner(tenant_id), documents.c.uri == uri)
    )
    holder: str | None = (await connection.execute(statement)).scalar()
    if holder not in (None, file.path, file.freed):
        raise NameTaken(f"The name {uri} now belongs to another file.")


async def note_file(
    connection: AsyncConnection, document_id: str, path: str, *, tenant_id: str | None
) -> None:
    """Note the file of a document in a transaction; no other document has it then."""
    holder = owner(tenant_id)
    await connection.execute(
        delete(document_files).where(
            (document_files.c.document_id == document_id)
            | ((document_files.c.tenant_id == holder) & (document_files.c.path == path))
        )
    )
    row = select(documents.c.id, literal(holder), literal(path)).where(documents.c.id == document_id)
    await connection.execute(insert(document_files).from_select(["document_id", "tenant_id", "path"], row))
