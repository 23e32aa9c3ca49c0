"""The order in which background runs reach the queue: in turn by tenant.

The statement steps through the index, from one tenant to the next and from a tenant's run to its next one
(a loose index scan, https://wiki.postgresql.org/wiki/Loose_indexscan). So it reads what it returns and one
row for each tenant, however many runs wait; a window function over all of them took 0.3 s at 90,000.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Text, bindparam, text

__all__ = ["RUNS_IN_TURN"]

# NOT dispatched, in these words, is the condition of the index: SQLite takes it for nothing else.
# Nothing is joined, since Postgres would read the whole table where it expects many rows.
RUNS_IN_TURN: Final = text("""
WITH RECURSIVE tenants (tenant_id) AS (
    SELECT min(n.tenant_id) FROM background_runs AS n WHERE n.workflow = :workflow AND NOT n.dispatched
    UNION ALL
    SELECT (
        SELECT min(n.tenant_id) FROM background_runs AS n
        WHERE n.workflow = :workflow AND n.tenant_id > tenants.tenant_id AND NOT n.dispatched
    ) FROM tenants WHERE tenants.tenant_id IS NOT NULL
),
turns (turn, tenant_id, run_id) AS (
    SELECT 1, tenants.tenant_id, (
        SELECT n.run_id FROM background_runs AS n
        WHERE n.workflow = :workflow AND n.tenant_id = tenants.tenant_id AND NOT n.dispatched
        ORDER BY n.queued_at, n.run_id LIMIT 1
    ) FROM tenants WHERE tenants.tenant_id IS NOT NULL AND tenants.tenant_id NOT IN :without
    UNION ALL
    SELECT turns.turn + 1, turns.tenant_id, (
        SELECT n.run_id FROM background_runs AS n
        WHERE n.workflow = :workflow AND n.tenant_id = turns.tenant_id AND NOT n.dispatched
            AND (n.queued_at, n.run_id) > (
                (SELECT b.queued_at FROM background_runs AS b WHERE b.run_id = turns.run_id), turns.run_id
            )
        ORDER BY n.queued_at, n.run_id LIMIT 1
    ) FROM turns
    WHERE turns.run_id IS NOT NULL AND turns.turn * (SELECT count(*) - 1 FROM tenants) < :limit
)
SELECT turns.run_id, turns.tenant_id,
    (SELECT b.attempt FROM background_runs AS b WHERE b.run_id = turns.run_id) AS attempt
FROM turns WHERE turns.run_id IS NOT NULL
ORDER BY turns.turn, (SELECT b.queued_at FROM background_runs AS b WHERE b.run_id = turns.run_id),
    turns.tenant_id
LIMIT :limit
""").bindparams(bindparam("without", expanding=True, type_=Text))
"""Select runs of one workflow that the queue has no item for: each tenant's oldest, then each one's next.

These are no more than their tenants' share of the limit; what follows comes with the next selection."""
