"""A workflow that fails each time: its runs are counted as failed, whatever the deadline is."""

from __future__ import annotations

from vital_shared import Workflow, node


class Failing(Workflow):
    @node
    async def answer(self, query: str) -> str:
        raise RuntimeError(query)
