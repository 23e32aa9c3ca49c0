"""The engine notices when alerts would not arrive."""

from datetime import UTC, datetime, timedelta

from tests.ai_engine.api.test_alerts import notify
from tests.ai_engine.conftest import Serve
from tests.ai_engine.harness import Service

from ai_engine.background.watchdog import WatchdogWatch
from vital_shared.errors import StoreError
from vital_shared.monitoring.metrics import WATCHDOG_AGE_SECONDS
from vital_shared.store.alerts import AlertStore

MINUTE = timedelta(minutes=1)


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


class Alerts:
    """A store with one sign of Watchdog, which may be away."""

    def __init__(self) -> None:
        self.last: datetime | None = None
        self.away = False

    async def last_sign(self, name: str) -> datetime | None:
        assert name == "Watchdog"
        if self.away:
            raise StoreError("away")
        return self.last


async def test_it_warns_after_five_minutes_of_silence_and_no_longer_when_the_next_comes():
    clock, alerts = Clock(), Alerts()
    watch = WatchdogWatch(alerts, clock)
    await watch.refresh()
    clock.at += 60 * MINUTE
    await watch.refresh()
    assert watch.warning() is None, "it never received one"
    assert WATCHDOG_AGE_SECONDS.labels().value == 3_600
    alerts.last = clock.at - MINUTE
    await watch.refresh()
    assert (watch.warning(), WATCHDOG_AGE_SECONDS.labels().value) == (None, 60)
    clock.at += 5 * MINUTE
    alerts.away = True
    await watch.refresh()
    assert "no Watchdog has come from Alertmanager for 6 minutes" in watch.warning()
    assert WATCHDOG_AGE_SECONDS.labels().value == 360
    alerts.last, alerts.away = clock.at, False
    await watch.refresh()
    assert watch.warning() is None


async def test_an_engine_whose_alertmanager_is_configured_warns_when_none_ever_came():
    clock, alerts = Clock(), Alerts()
    watch = WatchdogWatch(alerts, clock, is_expected=True)
    await watch.refresh()
    clock.at += 4 * MINUTE
    assert watch.warning() is None, "Alertmanager has its time to begin"
    clock.at += MINUTE
    assert "no Watchdog has come from Alertmanager for 5 minutes" in watch.warning()
    alerts.last = clock.at
    await watch.refresh()
    assert watch.warning() is None


async def test_an_engine_expects_it_where_its_alertmanager_is_configured(serve: Serve) -> None:
    service = await serve([], settings={"alertmanager_url": "http://127.0.0.1:9093"})
    watch = service.engine.watchdog
    await watch.refresh()
    clock = Clock()
    clock.at += 6 * MINUTE
    watch._now = clock
    missing = (await service.client.get("/readyz")).json()["missing"]
    assert any("no Watchdog has come from Alertmanager" in each for each in missing)


async def test_an_engine_without_an_alertmanager_expects_none(service: Service) -> None:
    watch = service.engine.watchdog
    await watch.refresh()
    clock = Clock()
    clock.at += 6 * MINUTE
    watch._now = clock
    assert not any("Watchdog" in each for each in (await service.client.get("/readyz")).json()["missing"])


async def test_after_a_start_silence_counts_from_there():
    clock, alerts = Clock(), Alerts()
    alerts.last = clock.at - 600 * MINUTE
    watch = WatchdogWatch(alerts, clock)
    await watch.refresh()
    assert watch.warning() is None
    clock.at += 5 * MINUTE
    assert "5 minutes" in watch.warning()


async def test_readiness_says_it_and_does_not_fail(service: Service) -> None:
    watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}}
    await notify(service, {"labels": {"alertname": "NotWatchdog"}, "fingerprint": "1"})
    watch = service.engine.watchdog
    await watch.refresh()
    assert watch._last is None
    await notify(service, watchdog)
    await watch.refresh()
    assert not any("Watchdog" in each for each in (await service.client.get("/readyz")).json()["missing"])
    clock = Clock()
    clock.at += 6 * MINUTE
    watch._now = clock
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert "/runbooks/Watchdog" in " ".join(response.json()["missing"])


async def test_the_end_of_a_watchdog_is_no_sign_of_life(service: Service) -> None:
    watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}}
    await notify(service, watchdog)
    await notify(service, watchdog | {"status": "resolved", "endsAt": "2026-11-25T12:05:00Z"})
    store = AlertStore(service.engine.services.database)
    assert await store.last_sign("Watchdog") == datetime(2026, 11, 25, 12, 5, tzinfo=UTC)
