"""An engine with something to see on every page of the console, and where the pages are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Executable, update
from tests.ai_engine.harness import SUM
from tests.console.conftest import RunningEngine, running_engine
from tests.ledger_rows import row, write

from ai_engine.monitoring.samples import OwnSamples
from vital_cli.served_monitor import load_monitor
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_OVERALL_TOTAL
from vital_shared.store.tables import runs

ACME = {"X-Tenant-ID": "acme"}

GRAFANA = "https://grafana.example"
TRACE = "0af7651916cd43dd8448eb211c80319c"
"""The id of the trace of the run whose page is shown."""

MAIL = (
    b"Subject: The plan of a device, a title that does not fit into one line of a telephone\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nSee the plan.\r\n--b\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=plan.pdf\r\n\r\nx\r\n--b--\r\n"
)

NOTIFICATION = {
    "version": "4",
    "receiver": "engine",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighErrorRate", "severity": "critical"},
            "annotations": {"summary": "Many requests fail."},
            "startsAt": "2026-01-05T08:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "0123456789abcdef",
        }
    ],
}


async def execute(running: RunningEngine, statement: Executable) -> None:
    async with running.service.services.database.begin() as connection:
        await connection.execute(statement)


@contextmanager
def engine_of_every_page(folder: Path) -> Iterator[RunningEngine]:
    config = folder / "ops.toml"
    config.write_text(f'grafana_url = "{GRAFANA}"\ntraces_url = "http://tempo:3200"\n', encoding="utf-8")
    with running_engine(folder, monitor=load_monitor, ops_config=config) as running:
        client = running.service.client
        samples = running.service.engine.samples
        assert isinstance(samples, OwnSamples)
        running.call(samples.sample)
        labels = {"mode": "2", "outcome": "failed"}
        names = [each.name for each in WORKFLOW_REQUESTS_OVERALL_TOTAL.label_set]
        WORKFLOW_REQUESTS_OVERALL_TOTAL.labels(*(labels[name] for name in names)).inc(500)
        running.agent("expert", model="canned")
        first = running.ask("Which evidence does a Class III device need?", mode=4, session_id="s1")
        running.call(lambda: execute(running, update(runs).values(trace_id=TRACE)))
        second = running.ask("When is a De Novo request possible?", model="canned")
        running.ask(SUM, mode=1)
        files = {"file": ("mail.eml", MAIL)}
        stored = running.call(lambda: client.post("/v1/documents", files=files, headers=ACME)).json()
        charges = [row(at=datetime.now(UTC), user_id="ann"), row(at=datetime.now(UTC), name="other-model")]
        running.call(lambda: write(running.service.services.database, *charges))
        running.call(lambda: client.put("/v1/budgets/acme", json={"monthly_dollars": "9"}))
        limit = {"level": "tenant", "id": "acme", "unit": "tokens", "period": "day", "amount": "9000000"}
        running.call(lambda: client.put("/v1/limits", json=limit))
        running.call(lambda: client.post("/v1/alerts", json=NOTIFICATION))
        running.call(running.service.services.request_counts.flush)
        running.call(samples.sample)
        running.places = places(first["run_id"], second["run_id"], stored["document_id"])  # type: ignore[attr-defined]
        yield running


def places(first: str, second: str, document: str) -> dict[str, tuple[str, str]]:
    """Return for each page its path, and a part that is there once it shows what it is for."""
    shown = {
        "new-chat": ("/", ".welcome"),
        "chat": ("/ask/s1", ".answer table"),
        "runs": ("/runs", "tbody tr"),
        "run": (f"/runs/{first}", ".waterfall-row"),
        "compare": (f"/runs/compare?a={first}&b={second}", ".compare .waterfall-row"),
        "approvals": ("/approvals", ".inbox-item"),
        "alerts": ("/alerts", "tbody tr"),
        "alert": ("/alerts/HighErrorRate", ".alert-facts"),
        "notifications": ("/alerts?tab=notifications", "tbody tr"),
        "silences": ("/alerts?tab=silences", ".state"),
        "costs": ("/costs", "[aria-label=Budgets] tbody tr"),
        "report": ("/report", ".answer-line"),
        "knowledge": ("/knowledge", "tbody tr"),
        "knowledge-search": ("/knowledge?tab=search&q=the+plan+of+a+device", ".signals"),
        "knowledge-document": (f"/knowledge/{document}", ".notice-wait"),
        "audit": ("/audit", "tbody tr"),
        "retention": ("/retention", "tbody tr"),
        "settings-models": ("/settings?tab=models", "tbody tr"),
        "settings-agents": ("/settings?tab=agents", "tbody tr"),
        "settings-tools": ("/settings?tab=tools", "tbody tr"),
        "settings-keys": ("/settings?tab=keys", ".state"),
        "settings-limits": ("/settings?tab=limits", "tbody tr"),
        "no-page": ("/settings/nothing", ".state"),
    }
    for board in boards(DEFAULT_CONFIG):
        shown[board.uid] = (f"/dashboards/{board.uid}", ".panel[data-state=drawn], .panel[data-state=empty]")
    return shown
