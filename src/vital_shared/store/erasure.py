"""A person's rows: deleted in small steps, or left with a pseudonym in place of the user.

A person is a user of one tenant. The ledger keeps its sums, so its rows stay; so does a dead letter that is
still owed. Erasing somebody again changes nothing more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select, update

from vital_shared.models.erasure import ErasedRows
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.blanking import blank, texts_of
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.durable_tables import run_nodes
from vital_shared.store.feedback_table import run_feedback
from vital_shared.store.idempotency_table import idempotency_keys
from vital_shared.store.limit_tables import limit_usage, usage_limits
from vital_shared.store.model_call_table import model_calls
from vital_shared.store.model_calls import forget_model_calls
from vital_shared.store.open_runs import IS_RUNNING
from vital_shared.store.persons import destroy_key, pseudonym_of
from vital_shared.store.run_decision_table import run_decisions
from vital_shared.store.tables import conversations, messages, runs

__all__ = ["PersonRows", "forget_operator"]

STEP_ROWS: Final = 100
"""Runs, conversations or ledger rows of one transaction: others write in between."""

OPEN: Final = ("queued", "running", "awaiting_approval")
DECIDED: Final[dict[str, Any]] = {"reason": None, "answer": None, "arguments": None}
"""The parts of a decision that a person has written."""

Step = Callable[[Connection], Counter[str]]


class PersonRows:
    """The rows of one person.

    :param user_id: a user of the tenant.
    """

    def __init__(self, database: Database, tenant_id: str, user_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._user_id = user_id
        self._sessions: frozenset[str] = frozenset()
        self.changed_runs: set[str] = set()
        """Other users' runs from which the person's decisions were taken."""
        self._own_runs = (runs.c.tenant_id == tenant_id) & (runs.c.user_id == user_id)

    async def run_ids(self, *, is_open: bool) -> tuple[str, ...]:
        """Return the ids of the runs that have ended, or of those that have not."""
        state = runs.c.status.in_(OPEN) if is_open else runs.c.status.not_in(OPEN)
        async with self._database.connect() as connection:
            found = await connection.scalars(
                select(runs.c.id).where(self._own_runs, state).order_by(runs.c.id)
            )
            return tuple(found)

    async def reader_ids(self) -> tuple[str, ...]:
        """Return the ids of others' runs at work in conversations in which the person spoke.

        They may have read its words, and would store them when they pause. Once the words are deleted, the
        conversations are no longer known, and the marks of the first erasure say which runs these are; they
        do not say whose erasure it was.
        """
        self._sessions |= await self._conversations()
        others = (runs.c.tenant_id == self._tenant_id, runs.c.user_id != self._user_id)
        columns = (runs.c.id, runs.c.input, runs.c.prompts_erased)
        statement = select(*columns).where(*others, IS_RUNNING)
        async with self._database.connect() as connection:
            found = (await connection.execute(statement)).all()
        return tuple(
            row.id
            for row in found
            if row.prompts_erased or json.loads(row.input).get("session_id") in self._sessions
        )

    async def pseudonym(self) -> str:
        """Return the pseudonym that takes the place of the user."""
        async with self._database.begin() as connection:
            return await connection.run_sync(pseudonym_of, self._tenant_id, self._user_id)

    async def erase(self, run_ids: Sequence[str]) -> ErasedRows:
        """Delete the person's rows, with these runs, and put the pseudonym into those that stay.

        :param run_ids: runs that have ended; those that go on stay, for their workers write to them.
        :raises StoreError: when the database does not answer; called again, it goes on.
        """
        pseudonym = await self.pseudonym()
        erased: Counter[str] = Counter()
        sessions = await self._conversations()
        await self._forget_prompts(sessions)
        await self._hide_in_open_runs()
        for start in range(0, len(run_ids), STEP_ROWS):
            ids = run_ids[start : start + STEP_ROWS]
            erased += await self._step(partial(self._erase_runs, run_ids=ids))
        for work in (self._erase_conversations, self._erase_messages):
            while (step := await self._step(work)).total():
                erased += step
        await self._forget_prompts(sessions)  # of runs that began while there were messages to read
        erased += await self._step(self._erase_feedback)
        erased += await self._step(partial(self._hide_decisions, pseudonym=pseudonym))
        erased += await self._step(partial(self._hide_dead_letters, pseudonym=pseudonym))
        await self._step(self._erase_limits)
        erased["ledger_rows"] = await self._hide_in_ledger(pseudonym)
        return ErasedRows(**erased)

    async def finish(self, change: AuditedChange) -> None:
        """Note the erasure, and destroy the key of the pseudonym with it."""
        await self._step(partial(_finish, tenant_id=self._tenant_id, user_id=self._user_id, change=change))

    async def _step(self, work: Step) -> Counter[str]:
        async with self._database.begin() as connection:
            return await connection.run_sync(work)

    def _erase_runs(self, connection: Connection, run_ids: Sequence[str]) -> Counter[str]:
        """Delete runs, and what belongs to them without a reference by which it would go too."""
        of_runs = messages.c.run_id.in_(run_ids)
        in_sessions = messages.c.session_id.in_(_sessions(connection, run_ids))
        erased = _deleted(connection, messages, messages.c.tenant_id == self._tenant_id, in_sessions, of_runs)
        erased += _deleted(connection, idempotency_keys, idempotency_keys.c.run_id.in_(run_ids))
        connection.execute(delete(reservations).where(reservations.c.run_id.in_(run_ids)))
        return erased + _deleted(connection, runs, runs.c.id.in_(run_ids))

    def _erase_conversations(self, connection: Connection) -> Counter[str]:
        own = (conversations.c.tenant_id == self._tenant_id) & (conversations.c.user_id == self._user_id)
        found = select(conversations.c.session_id).where(own).limit(STEP_ROWS)
        return _deleted(
            connection, conversations, conversations.c.session_id.in_(found.scalar_subquery()), own
        )

    def _erase_messages(self, connection: Connection) -> Counter[str]:
        """Delete messages in the conversations of others, also those whose runs went by retention."""
        found = select(messages.c.id).where(self._said()).limit(STEP_ROWS)
        return _deleted(connection, messages, messages.c.id.in_(found.scalar_subquery()))

    def _said(self) -> ColumnElement[bool]:
        return (messages.c.tenant_id == self._tenant_id) & (messages.c.user_id == self._user_id)

    async def _conversations(self) -> frozenset[str]:
        """Return the ids of the conversations in which the person spoke."""
        own = select(runs.c.id).where(self._own_runs)
        spoken = select(messages.c.session_id).where(
            messages.c.tenant_id == self._tenant_id,
            (messages.c.user_id == self._user_id) | messages.c.run_id.in_(own),
        )
        async with self._database.connect() as connection:
            return frozenset(await connection.scalars(spoken.distinct()))

    async def _forget_prompts(self, sessions: Collection[str]) -> None:
        """Delete the words of others' calls of models in conversations, and let runs under way store none.

        A prompt may hold a part of what was said, so it is not searched for the person's messages.
        """
        if not sessions:
            return
        stored = exists().where(model_calls.c.run_id == runs.c.id)
        for those in (runs.c.status.in_(OPEN), stored):  # apart, so that each is found by an index
            last: str | None = ""
            while last is not None:
                last = await self._forget_prompts_after(last, those, sessions)

    async def _forget_prompts_after(
        self, last: str, those: ColumnElement[bool], sessions: Collection[str]
    ) -> str | None:
        """Look through a step of runs after one, and return the last of the step; None: there are no more."""
        others = (runs.c.tenant_id == self._tenant_id, runs.c.user_id != self._user_id)
        found = select(runs.c.id, runs.c.input).where(*others, those, runs.c.id > last)
        async with self._database.begin() as connection:
            rows = (await connection.execute(found.order_by(runs.c.id).limit(STEP_ROWS))).all()
            shared = [row.id for row in rows if json.loads(row.input).get("session_id") in sessions]
            if shared:
                await connection.run_sync(forget_model_calls, shared)
        return rows[-1].id if rows else None

    async def _hide_in_open_runs(self) -> None:
        """Take the person's messages out of others' runs that go on in the same conversations."""
        others = (runs.c.tenant_id == self._tenant_id, runs.c.user_id != self._user_id)
        statement = select(runs.c.id, runs.c.input).where(*others, runs.c.status.in_(OPEN))
        async with self._database.connect() as connection:
            found = (await connection.execute(statement)).all()
        for run_id, text in found:
            if session_id := json.loads(text).get("session_id"):
                await self._step(partial(self._hide_in_run, run_id=run_id, session_id=session_id))

    def _hide_in_run(self, connection: Connection, run_id: str, session_id: str) -> Counter[str]:
        own = select(runs.c.id).where(self._own_runs)
        said = connection.scalars(
            select(messages.c.content)
            .where(messages.c.tenant_id == self._tenant_id, messages.c.session_id == session_id)
            .where((messages.c.user_id == self._user_id) | messages.c.run_id.in_(own))
        )
        _blank_in_run(connection, run_id, tuple(said))
        return Counter()

    def _erase_feedback(self, connection: Connection) -> Counter[str]:
        of_tenant = select(runs.c.id).where(runs.c.tenant_id == self._tenant_id)
        own = (run_feedback.c.user_id == self._user_id, run_feedback.c.run_id.in_(of_tenant))
        return Counter(feedback=connection.execute(delete(run_feedback).where(*own)).rowcount)

    def _erase_limits(self, connection: Connection) -> Counter[str]:
        """Delete the limits that name the person, and what counted against them."""
        own = (
            usage_limits.c.level == "user",
            usage_limits.c.tenant_id == self._tenant_id,
            usage_limits.c.scope_id == self._user_id,
        )
        ids = select(usage_limits.c.id).where(*own)
        connection.execute(delete(limit_usage).where(limit_usage.c.limit_id.in_(ids)))
        connection.execute(delete(usage_limits).where(*own))
        return Counter()

    def _hide_decisions(self, connection: Connection, pseudonym: str) -> Counter[str]:
        """Put the pseudonym into decisions on other users' runs, without what the person has written."""
        key = (run_decisions.c.run_id, run_decisions.c.number)
        statement = (
            select(*key, run_decisions.c.decision)
            .join(runs, runs.c.id == run_decisions.c.run_id)
            .where(runs.c.tenant_id == self._tenant_id)
            .where(run_decisions.c.decision.contains(json.dumps(self._user_id), autoescape=True))
        )
        hidden = 0
        for run_id, number, text in connection.execute(statement).all():
            decision = json.loads(text)
            if decision["user_id"] != self._user_id:
                continue
            is_it = (run_decisions.c.run_id == run_id, run_decisions.c.number == number)
            rest = json.dumps(decision | DECIDED | {"user_id": pseudonym})
            hidden += connection.execute(update(run_decisions).where(*is_it).values(decision=rest)).rowcount
            self.changed_runs.add(run_id)
            _blank_in_run(connection, run_id, tuple(texts_of(decision)))
        return Counter(decisions=hidden)

    def _hide_dead_letters(self, connection: Connection, pseudonym: str) -> Counter[str]:
        """Delete the person's dead letters; a charge that is owed stays, without the person."""
        letters = dead_letters.c
        statement = select(letters.id, letters.kind, letters.resolved, letters.payload).where(
            letters.tenant_id == self._tenant_id,
            letters.payload.contains(json.dumps(self._user_id), autoescape=True),
        )
        hidden = 0
        for number, kind, resolved, text in connection.execute(statement).all():
            payload = json.loads(text)
            if payload["payer"]["user_id"] != self._user_id:
                continue
            hidden += 1
            if kind == "charge" and resolved is None:
                payload["payer"]["user_id"] = pseudonym
                rest = update(dead_letters).where(letters.id == number).values(payload=json.dumps(payload))
                connection.execute(rest)
            else:
                connection.execute(delete(dead_letters).where(letters.id == number))
        return Counter(dead_letters=hidden)

    async def _hide_in_ledger(self, pseudonym: str) -> int:
        """Put the pseudonym into the ledger, in steps; what was spent stays as it is."""
        own = (ledger.c.tenant_id == self._tenant_id) & (ledger.c.user_id == self._user_id)
        hidden, last = 0, 0
        while True:
            found = select(ledger.c.id).where(own, ledger.c.id > last).order_by(ledger.c.id).limit(STEP_ROWS)
            async with self._database.begin() as connection:
                ids = (await connection.execute(found)).scalars().all()
                if not ids:
                    return hidden
                hiding = update(ledger).where(ledger.c.id.in_(ids)).values(user_id=pseudonym)
                hidden += (await connection.execute(hiding)).rowcount
            last = ids[-1]


async def forget_operator(database: Database, user_id: str, change: AuditedChange) -> str:
    """Destroy the key of the pseudonym of a user of all tenants, note that, and return the pseudonym.

    :raises StoreError: when the database does not answer.
    """
    async with database.begin() as connection:
        pseudonym = await connection.run_sync(pseudonym_of, None, user_id)
        await connection.run_sync(partial(_finish, tenant_id=None, user_id=user_id, change=change))
    return pseudonym


def _finish(
    connection: Connection, *, tenant_id: str | None, user_id: str, change: AuditedChange
) -> Counter[str]:
    add_entry(connection, change)
    destroy_key(connection, tenant_id, user_id)
    return Counter()


def _blank_in_run(connection: Connection, run_id: str, texts: Sequence[str]) -> None:
    """Take texts of a person out of what another user's run has made."""
    if not texts:
        return
    forget_model_calls(connection, [run_id])  # what is said there may be cut, or within other words
    made = (run_nodes.c.node, run_nodes.c.finished)
    for node, value in connection.execute(select(*made).where(run_nodes.c.run_id == run_id)).all():
        is_it = (run_nodes.c.run_id == run_id, run_nodes.c.node == node)
        rest = json.dumps(blank(json.loads(value), texts))
        connection.execute(update(run_nodes).where(*is_it).values(finished=rest))
    columns = (runs.c.output, runs.c.checkpoint)
    row = connection.execute(select(*columns).where(runs.c.id == run_id)).one_or_none() or (None, None)
    blanked = {
        column.name: json.dumps(blank(json.loads(value), texts))
        for column, value in zip(columns, row, strict=True)
        if value is not None
    }
    if blanked:
        connection.execute(update(runs).where(runs.c.id == run_id).values(blanked))


def _sessions(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    """Return the sessions of runs, by which messages are found within an index."""
    inputs = connection.execute(select(runs.c.input).where(runs.c.id.in_(run_ids))).scalars()
    return {session for text in inputs if (session := json.loads(text).get("session_id"))}


def _deleted(connection: Connection, table: Table, *which: Any) -> Counter[str]:
    number = connection.execute(delete(table).where(*which)).rowcount
    return Counter({table.name: number})
