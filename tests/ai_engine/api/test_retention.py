"""The periods and the last pass of retention over HTTP, for administrators alone."""

from __future__ import annotations

from datetime import timedelta

from tests.ai_engine.harness import serving
from tests.store.test_retention import fill, run

from ai_engine.background.retention import LEASE, Retention
from vital_shared.store.source_leases import SourceLease
from vital_shared.testing import workflow_services

CONFIGURATION = """
[retention]
runs = "30d"

[retention.tenants.acme]
runs = "12h"
conversations = "7d"

[retention.tenants.globex]
runs = "forever"
"""

DAY = 86_400.0


async def test_periods_and_the_last_pass_are_shown_as_far_as_the_key_reaches(tmp_path) -> None:
    (tmp_path / "vital.toml").write_text(CONFIGURATION, encoding="utf-8")
    async with (
        workflow_services(tmp_path, config=tmp_path / "vital.toml") as services,
        serving(services) as service,
    ):
        operator, acme = await service.key(None, "admin"), await service.key("acme", "admin")
        await service.client.get("/v1/session", headers=operator)  # so that it is noticed that there are keys
        shown = (await service.client.get("/v1/retention", headers=operator)).json()
        assert shown["kinds"][:2] == [
            {"kind": "runs", "seconds": 30 * DAY, "tenants": {"acme": DAY / 2, "globex": None}},
            {"kind": "conversations", "seconds": None, "tenants": {"acme": 7 * DAY}},
        ]
        rows = [run(0, number) | {"created_at": services.now()} for number in range(3)]
        await fill(services.database, rows)
        later = services.now() + timedelta(days=4_000)

        async def rest(_: float) -> None:
            """Go on at once."""

        retention = Retention(
            services.database, services.knowledge, services.retention, lambda: later, sleep=rest
        )
        lease = SourceLease(services.database, LEASE, services.now)
        await lease.run(retention.run)  # after the engine's own first pass
        shown = (await service.client.get("/v1/retention", headers=operator)).json()
        assert shown["deleted"] == {"runs": 3, "conversations": 0}
        assert shown["last_pass_at"].startswith(f"{later:%Y-%m-%d}")
        own = (await service.client.get("/v1/retention", headers=acme)).json()
        assert own["kinds"][0] == {"kind": "runs", "seconds": DAY / 2, "tenants": {}}
        assert own["deleted"] is None
        assert "globex" not in str(own)
        refused = await service.client.get("/v1/retention", headers=await service.key("acme", "ask", "costs"))
        assert refused.status_code == 403
