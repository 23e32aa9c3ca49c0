"""Conversations: listed, read, renamed and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, or_, select, tuple_, update

from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.conversation import (
    ConversationPage,
    ConversationQuery,
    ConversationSummary,
    ConversationView,
    StoredMessage,
)
from vital_shared.models.cursor import ListPlace
from vital_shared.store.database import Database
from vital_shared.store.session_runs import open_session_runs
from vital_shared.store.tables import conversations, messages

__all__ = ["MAX_MESSAGES", "ConversationListStore"]

MAX_MESSAGES: Final = 400
"""Messages of a conversation that are read at once: the newest ones."""


class ConversationListStore:
    """The conversations of all tenants; None as a tenant is an administrator, who sees all.

    Two tenants may have a conversation of the same session id: an administrator has to name one of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: ConversationQuery, *, tenant_id: str | None) -> ConversationPage:
        """Return a page of conversations.

        :raises InvalidRequest: when the cursor is none of a page.
        """
        statement = (
            select(conversations)
            .where(*_conditions(query, tenant_id))
            .order_by(conversations.c.updated_at.desc(), conversations.c.session_id.desc())
            .limit(query.limit + 1)
        )
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        page, rest = rows[: query.limit], rows[query.limit :]
        cursor = ListPlace(page[-1]["updated_at"], page[-1]["session_id"]).to_text() if rest else None
        return ConversationPage(conversations=tuple(_summary(row) for row in page), next_cursor=cursor)

    async def get(
        self, session_id: str, *, tenant_id: str | None, now: datetime, before: str | None = None
    ) -> ConversationView:
        """Return a conversation with its newest messages, and with its runs that have not ended.

        One whose first run has not ended has no messages yet.

        :param now: the moment for which deadlines count.
        :param before: the cursor of the messages that are known; the messages before them are returned.
        :raises NotFound: when the tenant has no such session.
        :raises InvalidRequest: when several tenants have it, and none is named, or when the cursor is none.
        """
        place = None if before is None else _message_id(before)

        def read(connection: Connection) -> ConversationView:
            unfinished = open_session_runs(connection, session_id, tenant_id=tenant_id, now=now)
            row = _only(connection, session_id, tenant_id, begun=unfinished)
            statement = (
                select(
                    messages.c.id,
                    messages.c.role,
                    messages.c.content,
                    messages.c.run_id,
                    messages.c.created_at,
                )
                .where(messages.c.tenant_id == row["tenant_id"], messages.c.session_id == session_id)
                .order_by(messages.c.id.desc())
                .limit(MAX_MESSAGES + 1)
            )
            if place is not None:
                statement = statement.where(messages.c.id < place)
            rows = connection.execute(statement).mappings().all()
            found = rows[:MAX_MESSAGES]
            is_whole = len(rows) <= MAX_MESSAGES
            return ConversationView(
                **_summary(row).model_dump(),
                messages=tuple(map(_message, reversed(found))),
                is_whole=is_whole,
                next_cursor=None if is_whole else _message_cursor(found[-1]),
                open_runs=tuple(run["id"] for run in unfinished if run["tenant_id"] == row["tenant_id"]),
            )

        return await self._database.read(read)

    async def rename(self, session_id: str, title: str, *, tenant_id: str | None) -> ConversationSummary:
        """Give a conversation another name.

        :raises NotFound: when the tenant has no such session.
        :raises InvalidRequest: when several tenants have it, and none is named.
        """

        def write(connection: Connection) -> ConversationSummary:
            row = _only(connection, session_id, tenant_id)
            connection.execute(update(conversations).where(*_key(row)).values(title=title))
            return _summary(dict(row) | {"title": title})

        async with self._database.begin() as connection:
            return await connection.run_sync(write)

    async def delete(self, session_id: str, *, tenant_id: str | None) -> None:
        """Delete a conversation and its messages; its runs stay.

        :raises NotFound: when the tenant has no such session.
        :raises InvalidRequest: when several tenants have it, and none is named.
        """

        def write(connection: Connection) -> None:
            row = _only(connection, session_id, tenant_id)
            connection.execute(delete(conversations).where(*_key(row)))

        async with self._database.begin() as connection:
            await connection.run_sync(write)


def _conditions(query: ConversationQuery, tenant_id: str | None) -> Iterator[ColumnElement[bool]]:
    if tenant_id is not None:
        yield conversations.c.tenant_id == tenant_id
    if query.user is not None:
        yield conversations.c.user_id == query.user
    if query.cursor is not None:
        place = tuple_(*ListPlace.read(query.cursor))
        yield tuple_(conversations.c.updated_at, conversations.c.session_id) < place
    if query.text is not None:
        words = query.text.replace("\0", "\ufffd").strip()
        said = select(messages.c.tenant_id, messages.c.session_id).where(
            messages.c.content.icontains(words, autoescape=True)
        )
        if tenant_id is not None:
            said = said.where(messages.c.tenant_id == tenant_id)
        yield or_(
            conversations.c.title.icontains(words, autoescape=True),
            tuple_(conversations.c.tenant_id, conversations.c.session_id).in_(said),
        )


def _only(
    connection: Connection, session_id: str, tenant_id: str | None, begun: Iterable[RowMapping] = ()
) -> Mapping[Any, Any]:
    """Find the one conversation that is meant.

    :param begun: open runs of the session; the first stands for a conversation that is not stored yet.
    """
    statement = select(conversations).where(conversations.c.session_id == session_id).limit(2)
    if tenant_id is not None:
        statement = statement.where(conversations.c.tenant_id == tenant_id)
    found: list[Mapping[Any, Any]] = list(connection.execute(statement).mappings())
    tenants = {row["tenant_id"] for row in found}
    for run in begun:
        if run["tenant_id"] not in tenants:
            tenants.add(run["tenant_id"])
            found.append(_begun_conversation(session_id, run))
    if not found:
        raise NotFound("There is no such conversation: GET /v1/conversations lists all", field="session_id")
    if len(found) > 1:
        raise InvalidRequest(
            "Several tenants have a conversation with this id: name one in the header X-Tenant-ID",
            field="X-Tenant-ID",
        )
    return found[0]


def _message(row: RowMapping) -> StoredMessage:
    return StoredMessage(**{name: row[name] for name in StoredMessage.model_fields})


def _message_cursor(row: RowMapping) -> str:
    return ListPlace(row["created_at"], str(row["id"])).to_text()


def _message_id(cursor: str) -> int:
    """Return the id of the message that a cursor stands for.

    :raises InvalidRequest: when it is none of a message.
    """
    try:
        key = ListPlace.read(cursor).key
    except InvalidRequest:
        key = ""
    if not re.fullmatch(r"[0-9]{1,18}", key):
        raise InvalidRequest(
            "before is not the next_cursor of a conversation: begin without one", field="before"
        )
    return int(key)


def _summary(row: Mapping[Any, Any]) -> ConversationSummary:
    return ConversationSummary(**dict(row) | {"title": row["title"] or ""})


def _begun_conversation(session_id: str, run: RowMapping) -> Mapping[Any, Any]:
    begun = {name: run[name] for name in ("tenant_id", "user_id", "title", "created_at")}
    return begun | {"session_id": session_id, "updated_at": run["created_at"]}


def _key(row: Mapping[Any, Any]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        conversations.c.tenant_id == row["tenant_id"],
        conversations.c.session_id == row["session_id"],
    )
