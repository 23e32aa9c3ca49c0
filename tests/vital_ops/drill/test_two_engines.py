"""Two real engines: the loss of one is a ticket, and that of both is a page."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import aiohttp
import pytest

from vital_cli.terminal import say
from vital_ops.drill.models import PRICES
from vital_ops.drill.receivers import StandingIn
from vital_ops.drill.scaled_rules import scaled_rules
from vital_ops.drill.stand_in_destinations import stand_in_destinations
from vital_ops.drill.switch import kill_engine, release_engine
from vital_ops.receivers.stand_ins import stand_ins
from vital_ops.routing import QUICK, routing
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import Program, start, stop
from vital_ops.stack.scratch import scratch, scratch_environment
from vital_ops.stack.stack import ENGINES, HOST
from vital_ops.stack.supervise import until_ready

pytestmark = pytest.mark.long

ENGINE = (sys.executable, "-m", "vital_ops.drill.engine")


def second_engine(folder, address):
    folder.mkdir(exist_ok=True)
    environment = scratch_environment(folder, address)
    return Program(
        name="The second engine",
        command=ENGINE,
        ready_url=f"http://{address}/readyz",
        environment=environment,
        log=folder / "engine.log",
    )


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_one_engine_of_two_is_a_ticket_and_both_are_a_page(tmp_path):
    async with stand_ins() as stands, aiohttp.ClientSession() as client, asyncio.timeout(240):

        def made(engine_url, key_file):
            to = stand_in_destinations(tmp_path, stands, engine_url=engine_url, engine_key_file=key_file)
            return routing(to, QUICK)

        receivers = StandingIn(stands.inbox)
        async with (
            AsyncExitStack() as started,
            scratch(tmp_path, ENGINE, scaled_rules(), made, say, prices=PRICES, settings={}) as at,
        ):
            address, began = f"{HOST}:{free_port(HOST)}", datetime.now(UTC)
            program = second_engine(tmp_path / "second", address)
            second = await start(program)
            started.push_async_callback(stop, second)
            await until_ready(program, second, client)
            target = tmp_path / ENGINES / "second.json"
            target.write_text(json.dumps([{"targets": [address]}]), encoding="utf-8")
            url = f'{at.prometheus}/api/v1/query?query=count(up{{job="vital"}}==1)'
            while not await two_are_up(client, url):  # noqa: ASYNC110 - Prometheus has to be polled
                await asyncio.sleep(0.2)
            second.kill()
            await receivers.notified("slack", "ReplicaDown", "firing", began)
            assert receivers.said("EngineDown", "firing", began) == frozenset()
            assert receivers.got("ReplicaDown") == {"slack"}
            kill_engine(at.folder)
            for place in ("slack", "pagerduty"):
                await receivers.notified(place, "EngineDown", "firing", began)
            assert receivers.said("ReplicaDown", "resolved", began) == frozenset()
            release_engine(at.folder)
            started.push_async_callback(stop, await start(program))
            await receivers.notified("slack", "EngineDown", "resolved", began)
            await receivers.notified("pagerduty", "EngineDown", "resolved", began)
            await receivers.notified("slack", "ReplicaDown", "resolved", began)


async def two_are_up(client, url):
    async with client.get(url) as answer:
        found = (await answer.json())["data"]["result"]
    return bool(found) and found[0]["value"][1] == "2"
