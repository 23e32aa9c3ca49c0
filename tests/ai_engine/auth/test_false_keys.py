"""False keys are slowed down by address; keys that can be used are not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.ai_engine.harness import Serve, Service
from tests.redis import running_redis

from ai_engine.asgi.client_address import client_network
from ai_engine.auth import false_key_pace
from ai_engine.auth.caller import TooManyFalseKeys
from ai_engine.auth.false_key_pace import (
    FREE_FALSE_KEYS,
    MAX_ADDRESSES,
    MAX_DELAY_SECONDS,
    LocalPace,
    SharedPace,
)
from ai_engine.auth.false_keys import FalseKeys
from ai_engine.settings import ServerSettings
from vital_shared.events.redis_link import RedisLink
from vital_shared.store.key_token import KeyToken

FALSE = {"Authorization": f"Bearer {KeyToken('0' * 16, '0' * 64).text}"}


class Time:
    """A clock that sleeping moves on, where a test wants it to."""

    def __init__(self, *, moves: bool = True) -> None:
        self.seconds, self.slept, self._moves = 100.0, [], moves

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._moves:
            self.seconds += seconds


async def test_the_first_false_keys_are_answered_at_once_and_the_others_one_a_second() -> None:
    time = Time()
    keys = FalseKeys(LocalPace(time), time.sleep)
    for _ in range(FREE_FALSE_KEYS):
        await keys.hold_back("a")
    assert time.slept == []
    for _ in range(5):
        await keys.hold_back("a")
    assert time.slept == [1.0] * 5


async def test_those_at_once_wait_longer_each_and_too_many_are_refused() -> None:
    time = Time(moves=False)
    keys = FalseKeys(LocalPace(time), time.sleep)
    for _ in range(FREE_FALSE_KEYS + int(MAX_DELAY_SECONDS)):
        await keys.hold_back("a")
    assert time.slept == [float(number + 1) for number in range(10)]
    for _ in range(100):
        with pytest.raises(TooManyFalseKeys) as caught:
            await keys.hold_back("a")
    assert caught.value.retry_after_seconds == 11
    await keys.hold_back("b")
    assert len(time.slept) == 10
    time.seconds += 60
    await keys.hold_back("a")
    assert len(time.slept) == 10


async def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    time = Time()
    keys = FalseKeys(LocalPace(time), time.sleep)
    for number in range(MAX_ADDRESSES + 500):
        await keys.hold_back(str(number))
    assert len(keys._pace._next_at) == MAX_ADDRESSES


async def test_processes_that_share_a_redis_count_together_and_alone_while_it_is_away(tmp_path) -> None:
    async with running_redis(tmp_path) as redis:
        paces = [SharedPace(RedisLink(redis.url)) for _ in range(3)]
        delays = [await paces[number % 3].take("a") for number in range(FREE_FALSE_KEYS + 20)]
        assert max(delays[:FREE_FALSE_KEYS]) <= 0
        refused = [delay for delay in delays if delay > MAX_DELAY_SECONDS]
        assert 5 <= len(refused) <= 10
        assert all(delay > MAX_DELAY_SECONDS for delay in delays[-3:])
        assert await paces[0].take("b") <= 0
        await redis.kill()
        alone = [await paces[0].take("a") for _ in range(FREE_FALSE_KEYS)]
        assert max(alone) <= 0
        for pace in paces:
            await pace.aclose()


@pytest.fixture
async def closed(serve: Serve) -> tuple[Service, Time, dict[str, str]]:
    """A service that asks for keys, whose time stands still."""
    service = await serve(settings={"trusted_proxies": "127.0.0.0/8"})
    key = await service.key("acme", "ask")
    await service.client.get("/v1/agents", headers=key)
    time = Time(moves=False)
    service.engine.false_keys._pace, service.engine.false_keys._sleep = LocalPace(time), time.sleep
    return service, time, key


async def flood(service: Service, count: int, headers: dict[str, str]) -> list[int]:
    return [(await service.client.get("/v1/agents", headers=headers)).status_code for _ in range(count)]


async def test_a_key_that_can_be_used_is_never_slowed(closed) -> None:
    service, time, key = closed
    other = await service.key("globex", "ask")  # not in memory yet
    statuses = await flood(service, FREE_FALSE_KEYS + 15, FALSE)
    assert statuses == [401] * (FREE_FALSE_KEYS + 10) + [429] * 5
    assert len(time.slept) == 10
    response = await service.client.get("/v1/agents", headers=FALSE)
    assert response.headers["retry-after"] == "11"
    for headers in (key, other):
        assert await flood(service, 3, headers) == [200] * 3
    assert await flood(service, 3, {}) == [401] * 3
    assert len(time.slept) == 10


async def test_behind_a_trusted_proxy_each_client_is_slowed_alone(closed) -> None:
    service, time, _ = closed
    await flood(service, FREE_FALSE_KEYS + 5, FALSE | {"X-Forwarded-For": "198.51.100.7, 192.0.2.1"})
    assert len(time.slept) == 5
    await flood(service, 5, FALSE | {"X-Forwarded-For": "192.0.2.2"})
    assert len(time.slept) == 5
    await flood(service, 1, FALSE | {"X-Forwarded-For": "203.0.113.9, 192.0.2.1"})
    assert len(time.slept) == 6


@pytest.mark.parametrize(
    "header", ["Bearer vital_x", "Bearer \xff\xfe", "Basic YTpi", "Bearer " + "a" * 20_000, "Bearer", ""]
)
async def test_malformed_keys_are_false_keys(closed, header: str) -> None:
    service, time, _ = closed
    headers = {"Authorization": header.encode("latin-1")}
    assert await flood(service, FREE_FALSE_KEYS + 2, headers) == [401] * (FREE_FALSE_KEYS + 2)
    assert len(time.slept) == 2


def network(peer: str, forwarded: str | None = None, trusted: str = "10.0.0.0/8,fd00::/8") -> str:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"client": (peer, 1), "headers": headers}
    return client_network(scope, ServerSettings(trusted_proxies=trusted).trusted_proxies)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        ("10.0.0.1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1," + "10.0.0.2," * 100, "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "198.51.100.1", "2001:db8::/64"),
        ("fe80::1%eth0", None, "fe80::/64"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: str | None, found: str) -> None:
    assert network(peer, forwarded) == found


def test_several_headers_are_one_list() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-for", b"198.51.100.1")]
    trusted = ServerSettings(trusted_proxies="10.0.0.0/8").trusted_proxies
    assert client_network({"client": ("10.0.0.1", 1), "headers": headers}, trusted) == "198.51.100.1"
    assert client_network({"client": None, "headers": headers}, trusted) == ""


def test_proxies_are_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1 ,fd00::/8")
    assert [str(each) for each in ServerSettings().trusted_proxies] == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "fd00::/8",
    ]
    monkeypatch.setenv("VITAL_TRUSTED_PROXIES", "")
    assert ServerSettings().trusted_proxies == ()
    with pytest.raises(ValidationError, match="trusted_proxies"):
        ServerSettings(trusted_proxies="proxy.example")
    assert false_key_pace.INTERVAL_SECONDS == 1.0
