"""The finished nodes of durable runs: stored as they finish, and deleted with the end of the run.

The finished items of a fan-out, and the finished rounds of a loop, are beside them until their node is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select

from vital_shared.models.fence import Fence
from vital_shared.store.durable_tables import run_nodes
from vital_shared.store.fencing import FENCED, fence_values
from vital_shared.store.prepared import Prepared
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["finished_nodes", "forget_nodes", "keep_nodes"]

_COLUMNS: Final = ("run_id", "node", "epoch", "finished")

_FORGET: Final = Prepared(delete(run_nodes).where(run_nodes.c.run_id == bindparam("of")))


@cache  # made once: it is executed with each node
def _keep(dialect: str) -> Prepared:
    """Make the statement that stores a node, where the run is running and still this worker's."""
    values = [bindparam(name, type_=run_nodes.c[name].type) for name in _COLUMNS]
    is_own = (runs.c.id == bindparam("of"), runs.c.status == "running", *FENCED)
    own = select(*values).where(*is_own).with_for_update(key_share=True)
    statement = upsert(run_nodes, dialect).from_select(list(_COLUMNS), own)
    changed = {name: statement.excluded[name] for name in ("epoch", "finished")}
    return Prepared(statement.on_conflict_do_update(index_elements=["run_id", "node"], set_=changed))


def keep_nodes(
    connection: Connection,
    run_id: str,
    fence: Fence,
    finished: Mapping[str, str],
    without_parts: Collection[str] = (),
) -> bool:
    """Store finished nodes, and return whether the run is running and still this worker's.

    :param finished: JSON of what each node, or part of one, has made, by its name.
    :param without_parts: the nodes among them whose parts, stored before, are in their values now.
    """
    statement = _keep(connection.dialect.name)
    common: dict[str, Any] = {"run_id": run_id, "of": run_id, "epoch": fence.epoch} | fence_values(fence)
    is_own = True
    for node, made in finished.items():
        is_own = bool(statement.execute(connection, common | {"node": node, "finished": made}))
    if is_own and without_parts:
        connection.execute(delete(run_nodes).where(run_nodes.c.run_id == run_id, _parts_of(without_parts)))
    return is_own


def forget_nodes(connection: Connection, run_id: str, except_parts_of: Collection[str] = ()) -> None:
    """Delete the finished nodes of a run that has ended, or whose checkpoint has them.

    :param except_parts_of: nodes that were cut off, whose finished parts stay.
    """
    if not except_parts_of:
        _FORGET.execute(connection, {"of": run_id})
        return
    others = run_nodes.c.run_id == run_id, ~_parts_of(except_parts_of)
    connection.execute(delete(run_nodes).where(*others))


def _parts_of(nodes: Collection[str]) -> ColumnElement[bool]:
    """Select the parts of nodes, which are named ``node[number]``."""
    return or_(*(func.substr(run_nodes.c.node, 1, len(node) + 1) == f"{node}[" for node in nodes))


def finished_nodes(connection: Connection, run_id: str) -> dict[str, str]:
    """Return what the finished nodes of a run have made, as JSON by name, in the order of their names."""
    statement = select(run_nodes.c.node, run_nodes.c.finished).where(run_nodes.c.run_id == run_id)
    return {row.node: row.finished for row in connection.execute(statement.order_by(run_nodes.c.node))}
