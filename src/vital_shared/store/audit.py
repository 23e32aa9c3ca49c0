"""The audit log: added to in the transaction of the change itself, listed page by page, never changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, insert, or_, select, text

from vital_shared.errors import InvalidRequest
from vital_shared.models.audit import AuditAction, AuditEntry, AuditOutcome, AuditPage, AuditQuery
from vital_shared.models.cursor import ListPlace
from vital_shared.store.actor import Actor, current_actor
from vital_shared.store.audit_table import audit_log, person_keys
from vital_shared.store.database import Database
from vital_shared.store.persons import pseudonym_of
from vital_shared.store.tables import owner

__all__ = ["AuditStore", "AuditedChange", "add_entry"]

# Whether a role could take the triggers away: that of a superuser, and of the table's owner or its members.
_OWNS_LOG = text(
    "SELECT rolsuper OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = "
    "'audit_log'::regclass), 'MEMBER') FROM pg_roles WHERE rolname = current_user"
)


@dataclass(frozen=True, slots=True)
class AuditedChange:
    """A change, as the audit log notes it."""

    action: AuditAction
    object_id: str
    tenant_id: str | None
    at: datetime
    person: str | None = None
    """The tenant's user that decided, or is the object; stored as a pseudonym."""

    outcome: AuditOutcome = "done"
    details: Mapping[str, Any] = field(default_factory=dict)
    """Values that JSON has; none that a person has written."""


def add_entry(connection: Connection, change: AuditedChange, actor: Actor | None = None) -> None:
    """Add an entry in the transaction of the change.

    :param actor: None: the current one. A job of a shared transaction runs elsewhere and has to name it.
    """
    actor, tenant, person = actor or current_actor(), change.tenant_id, change.person
    is_person = actor.kind == "user"
    row = {
        "at": change.at,
        "actor_kind": actor.kind,
        "actor": pseudonym_of(connection, actor.tenant_id, actor.id) if is_person else actor.id,
        "tenant_id": owner(tenant),
        "action": change.action,
        "object": change.object_id,
        "person": None if person is None else pseudonym_of(connection, tenant, person),
        "outcome": change.outcome,
        "details": json.dumps(dict(change.details)),
    }
    connection.execute(insert(audit_log), row)


class AuditStore:
    """The entries of all tenants; where a tenant is asked for, None is an operator, who sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: AuditQuery, *, tenant_id: str | None) -> AuditPage:
        """Return a page of entries, the newest first.

        :raises InvalidRequest: when the cursor is none of a page.
        """

        def read(connection: Connection) -> AuditPage:
            rows = connection.execute(_statement(query, tenant_id)).mappings().all()
            page, rest = rows[: query.limit], rows[query.limit :]
            cursor = ListPlace(page[-1]["at"], str(page[-1]["id"])).to_text() if rest else None
            entries = tuple(map(_entry, page))
            return AuditPage(entries=entries, next_cursor=cursor, protection=_protection(connection))

        async with self._database.connect() as connection:
            return await connection.run_sync(read)

    async def entries(self, query: AuditQuery, *, tenant_id: str | None) -> AsyncIterator[AuditEntry]:
        """Yield all entries, the newest first, read page by page."""
        while True:
            page = await self.page(query, tenant_id=tenant_id)
            for entry in page.entries:
                yield entry
            if page.next_cursor is None:
                return
            query = query.model_copy(update={"cursor": page.next_cursor})


def _statement(query: AuditQuery, tenant_id: str | None) -> Select[Any]:
    actors, persons = person_keys.alias(), person_keys.alias()
    return (
        select(
            *(column for column in audit_log.c if column.name not in ("actor", "person")),
            func.coalesce(actors.c.user_id, audit_log.c.actor).label("actor"),
            func.coalesce(persons.c.user_id, audit_log.c.person).label("person"),
        )
        .outerjoin(actors, and_(audit_log.c.actor_kind == "user", actors.c.pseudonym == audit_log.c.actor))
        .outerjoin(persons, persons.c.pseudonym == audit_log.c.person)
        .where(*_conditions(query, tenant_id, actors.c.user_id, persons.c.user_id))
        .order_by(audit_log.c.id.desc())
        .limit(query.limit + 1)
    )


def _conditions(
    query: AuditQuery, tenant_id: str | None, actor: ColumnElement[str], person: ColumnElement[str]
) -> Iterator[ColumnElement[bool]]:
    log = audit_log.c
    if tenant_id is not None:
        yield log.tenant_id == owner(tenant_id)
    if query.cursor is not None:
        yield log.id < _number(query.cursor)
    if query.action is not None:
        yield log.action == query.action
    if query.actor is not None:
        yield or_(log.actor == query.actor, actor == query.actor)
    if query.object is not None:
        yield log.object == query.object
    if query.person is not None:
        yield or_(log.person == query.person, person == query.person)
    if query.start is not None:
        yield log.at >= query.start
    if query.end is not None:
        yield log.at < query.end


def _number(cursor: str) -> int:
    key = ListPlace.read(cursor).key
    if not key.isdecimal() or int(key) >= 2**63:
        raise InvalidRequest("cursor is not the next_cursor of a page: begin without one", field="cursor")
    return int(key)


def _protection(connection: Connection) -> Literal["role", "triggers"]:
    if connection.dialect.name == "sqlite" or connection.execute(_OWNS_LOG).scalar():
        return "triggers"
    return "role"


def _entry(row: RowMapping) -> AuditEntry:
    values = dict(row) | {"tenant_id": row["tenant_id"] or None, "details": json.loads(row["details"])}
    return AuditEntry(**values)
