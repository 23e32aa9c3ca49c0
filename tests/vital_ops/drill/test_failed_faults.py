"""A fault that cannot be made is a sentence of its own, and not only an alert that does not fire."""

import aiohttp

from vital_ops.drill.drill import Drill
from vital_ops.drill.faults import DrillFault
from vital_ops.stack.scratch import Scratch

NOWHERE = "http://127.0.0.1:1"


class NoReceivers:
    """Receivers that get nothing."""

    async def notified(self, place, alert, status):
        raise AssertionError

    def got(self, alert):
        return frozenset()


async def refused(site):
    async with site.client.put(f"{site.at.engine}/v1/budgets/acme") as answer:
        answer.raise_for_status()


async def test_the_reason_why_a_fault_could_not_be_made_is_reported(tmp_path):
    fault = DrillFault("a tenant has spent its budget", refused, alerts=frozenset({"TenantBudget"}))
    at = Scratch(NOWHERE, NOWHERE, "", tmp_path)
    async with aiohttp.ClientSession() as client:
        drill = Drill(client, at, NoReceivers(), lambda *_: None, patience=0.2)
        (journey,) = await drill.run({"TenantBudget": frozenset()}, [fault])
    assert journey.failure.startswith(
        "TenantBudget does not fire. Its fault could not be made or ended: Client"
    )
