"""Providers that are odd on the wire, at once: each call has one row, and an answered one its exact cost."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from sqlalchemy import select
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import COST_NANOS, WHOLE
from tests.llm.wires.servers.base import Reply

from vital_shared.store.account_tables import ledger

BODY = json.dumps(WHOLE).encode()
HEAD = b"Content-Type: application/json\r\n"
SIZED = HEAD + b"Content-Length: %d\r\n" % len(BODY)
TWICE = BODY[:-1] + b', "usage": ' + json.dumps(WHOLE["usage"]).encode() + b"}"

TRAILED = b"".join(
    b'%x;an-extension="a;b"\r\n%s\r\n' % (len(BODY[start : start + 50]), BODY[start : start + 50])
    for start in range(0, len(BODY), 50)
)

ANSWERED: dict[str, list[bytes]] = {
    "sized": [b"HTTP/1.1 200 OK\r\n" + SIZED + b"\r\n" + BODY],
    "interim": [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + SIZED + b"\r\n" + BODY,
    ],
    "trailers": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Odd\r\n" + HEAD + b"\r\n",
        TRAILED + b"0\r\nX-Odd: 1\r\n\r\n",
    ],
    "until it closes": [b"HTTP/1.0 200 OK\r\n" + HEAD + b"\r\n", BODY],
    "no reason": [b"HTTP/1.1 200\r\n" + SIZED + b"\r\n" + BODY],
    "trickling": [bytes([each]) for each in b"HTTP/1.1 200 OK\r\n" + SIZED + b"\r\n" + BODY],
    "keys twice": [b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + HEAD + b"\r\n" + TWICE],
    "more behind it": [b"HTTP/1.1 200 OK\r\n" + SIZED + b"\r\n" + BODY + b"HTTP/1.1 200 OK\r\n\r\n"],
}
"""Packets of answers that are whole, by the model that gets them."""

FAILED: dict[str, list[bytes]] = {
    "cut amid the head": [b"HTTP/1.1 200 OK\r\nContent-Ty"],
    "no answer": [],
    "another protocol": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n" + HEAD + b"\r\n" + BODY],
    "redirect": [b"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"],
    "wait for NaN": [b"HTTP/1.1 429 Slow\r\nRetry-After: NaN\r\nContent-Length: 0\r\n\r\n"],
    "wait for ever": [b"HTTP/1.1 429 Slow\r\nRetry-After: 1e308\r\nContent-Length: 0\r\n\r\n"],
    "wait until yesterday": [
        b"HTTP/1.1 503 Away\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    ],
    "wait below nothing": [b"HTTP/1.1 529 Away\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n"],
}
"""Packets of what is no answer."""


@dataclass
class OddProvider:
    """A provider of bytes, which counts its calls by their marker, the field `user`."""

    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = re.findall(rb"(?i)content-length: *(\d+)", head)
            body = json.loads(await reader.readexactly(int(length)))
            self.calls[body["user"]] += 1
            for packet in (ANSWERED | FAILED)[body["model"]]:
                writer.write(packet)
                await writer.drain()
                await asyncio.sleep(0)  # the packets leave one by one
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def odd_provider() -> AsyncIterator[OddProvider]:
    """Serve it."""
    provider = OddProvider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    async with server:
        provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield provider


def configuration(url: str) -> str:
    prices = "".join(
        f'[models."odd:{name}"]\nprice = {{ input = "10", cached_input = "1", output = "30" }}\n'
        for name in ANSWERED | FAILED
    )
    return f'[providers.odd]\nwire = "openai"\nbase_url = "{url}/v1"\nkey_env = ""\nattempts = 2\n{prices}'


def marker_of(model: str, number: int) -> str:
    return f"{model} {number}".replace(" ", "-")


async def test_each_answer_has_one_row_whatever_the_connection_does(gateway: OpenGateway) -> None:
    async with odd_provider() as provider, gateway(Reply([]), more=configuration(provider.url)) as given:
        statuses: dict[str, int] = {}

        async def ask(model: str, number: int) -> None:
            marker = marker_of(model, number)
            answer = await client.post(
                "/v1/chat/completions",
                json={
                    "model": f"odd:{model}",
                    "user": marker,
                    "messages": [{"role": "user", "content": marker}],
                },
                headers={"X-Tenant-ID": f"tenant-{number}"},
            )
            statuses[marker] = answer.status_code
            if answer.status_code != 200:
                assert answer.json()["error"]["message"].endswith(".")

        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{given.service.port}", timeout=60) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for number in range(3):
                for model in ANSWERED | FAILED:
                    tasks.create_task(ask(model, number))
        await given.service.engine.hub.drained()
        async with given.service.services.database.connect() as connection:
            found = await connection.execute(select(ledger.c.user_id, ledger.c.cost_nanos, ledger.c.status))
            rows = sorted(tuple(row) for row in found)
    markers = {marker_of(model, number) for model in ANSWERED for number in range(3)}
    assert {marker for marker, status in statuses.items() if status == 200} == markers
    assert [user for user, _, _ in rows] == sorted(statuses)
    assert [row for row in rows if row[2] == "success"] == [
        (marker, COST_NANOS, "success") for marker in sorted(markers)
    ]
    assert {row[2] for row in rows if row[0] not in markers} == {"failed"}
    assert all(provider.calls[marker] == 1 for marker in markers)
