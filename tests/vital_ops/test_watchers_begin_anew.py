"""Prometheus and Alertmanager begin anew while an alert fires: nothing is said twice, and no end is missed."""

import asyncio
import json
import subprocess
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import aiohttp
import pytest
import yaml
from aiohttp import web
from tests.vital_ops.test_incidents import Watched

from vital_ops.destinations import Destinations
from vital_ops.receivers.stand_ins import ROUTING_KEY, stand_ins
from vital_ops.routing import QUICK, routing
from vital_ops.rules.files import rule_files
from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import start, stop
from vital_ops.stack.programs import PROMETHEUS, PROMTOOL, find_program, find_prometheus_3
from vital_ops.stack.prometheus import prometheus, prometheus_configuration
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.stack import HOST
from vital_ops.stack.supervise import until_ready

LABELS = next(
    rule["labels"]
    for group in yaml.safe_load(rule_files()["alerts.yml"])["groups"]
    for rule in group["rules"]
    if rule["alert"] == "HighErrorRate"
)
GAP_SECONDS = 10
BEFORE_SECONDS = 15 * 60
FIRED_SECONDS = 7 * 60
"""The time since the alert began to be pending; it fires after 5 minutes."""

COUNTED = "vital_workflow_requests_overall"


def requests(outcome: str) -> str:
    return f'{COUNTED}_total{{mode="2",outcome="{outcome}"'


def history(now: int) -> str:
    """Return the samples from before the restart: a fifth of the requests fail, and HighErrorRate fires."""
    known = {"alertname": "HighErrorRate", **LABELS}
    alert = ",".join(f"{name}={json.dumps(value)}" for name, value in known.items())
    own = 'instance="engine",job="vital"}'
    counted, state, up = ([], ["# TYPE ALERTS_FOR_STATE gauge"], ["# TYPE up gauge"])
    for number, at in enumerate(range(now - BEFORE_SECONDS, now, GAP_SECONDS)):
        counted.append(f"{requests('success')},{own} {8 * number} {at}")
        up.append(f"up{{{own} 1 {at}")
        if at >= now - FIRED_SECONDS:
            state.append(f"ALERTS_FOR_STATE{{{alert}}} {now - FIRED_SECONDS} {at}")
    counted += [line.replace("success", "failed") for line in counted]
    return "\n".join([f"# TYPE {COUNTED} counter", *counted, *state, *up, "# EOF\n"])


@asynccontextmanager
async def engine():
    """An engine that shows what was counted last."""
    last = 8 * (BEFORE_SECONDS // GAP_SECONDS - 1)
    text = "".join(f"{requests(outcome)}}} {last}\n" for outcome in ("success", "failed"))

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield f"{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
async def test_an_alert_of_five_minutes_goes_on_firing_when_prometheus_begins_anew(tmp_path, find):
    ended = int(time.time()) - 5
    (tmp_path / "history.txt").write_text(history(ended))
    command = (find_program(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics")
    await asyncio.to_thread(
        subprocess.run,
        [*command, tmp_path / "history.txt", tmp_path / "prometheus"],
        check=True,
        capture_output=True,
    )
    rules = tmp_path / "rules"
    rules.mkdir()
    for name, text in rule_files().items():
        (rules / name).write_text(text)
    address = f"{HOST}:{free_port(HOST)}"
    async with engine() as target, aiohttp.ClientSession() as client, asyncio.timeout(60):
        scraped = prometheus_configuration(
            engine=target,
            prometheus=address,
            alertmanager=None,
            rules=str(rules / "*.yml"),
            key_file=str(write_secret(tmp_path / "key", "none")),
            interval="1s",
            target_labels={"job": "vital", "instance": "engine"},
        )
        (tmp_path / "prometheus.yml").write_text(scraped)
        made = prometheus(tmp_path, address, tmp_path / "prometheus.yml", f"http://{address}")
        program = replace(made, command=(find(PROMETHEUS), *made.command[1:]))
        process = await start(program)
        try:
            await until_ready(program, process, client)
            alert = await alert_of("HighErrorRate", address, client)
            while alert.get("state") != "firing":
                await asyncio.sleep(0.1)
                alert = await alert_of("HighErrorRate", address, client)
        finally:
            await stop(process)
    assert datetime.fromisoformat(alert["activeAt"]).timestamp() < ended  # it goes on, and is no new one


async def alert_of(name: str, address: str, client: aiohttp.ClientSession) -> dict[str, str]:
    async with client.get(f"http://{address}/api/v1/alerts") as answer:
        alerts = (await answer.json())["data"]["alerts"]
    return next((each for each in alerts if each["labels"]["alertname"] == name), {})


async def test_an_alertmanager_that_was_killed_says_nothing_twice_and_says_the_end(tmp_path):
    async with stand_ins() as stands, aiohttp.ClientSession() as client, asyncio.timeout(60):
        to = Destinations(
            engine_url=stands.slack_url,
            pagerduty_key_file=write_secret(tmp_path / "pagerduty", ROUTING_KEY),
            pagerduty_url=stands.pagerduty_url,
        )
        address = f"{HOST}:{free_port(HOST)}"
        configuration = write_secret(tmp_path / "alertmanager.yml", routing(to, QUICK))
        made = alertmanager(tmp_path, address, configuration, f"http://{address}")
        quick = [
            "--data.maintenance-interval=1s" if "maintenance" in str(each) else each for each in made.command
        ]
        assert quick != [*made.command]
        program = replace(made, command=quick)
        watched = Watched(f"http://{address}", client, stands)
        process = await start(program)
        try:
            await until_ready(program, process, client)
            await watched.post("HighErrorRate")
            began = await watched.page("firing", "HighErrorRate")
            kept = tmp_path / "alertmanager" / "nflog"
            while not (kept.exists() and b"pagerduty" in kept.read_bytes()):  # noqa: ASYNC110 - a poll
                await asyncio.sleep(0.1)
            process.kill()
            await process.wait()
            process = await start(program)
            await until_ready(program, process, client)
            await watched.post("HighErrorRate")
            await watched.post("AvailabilityBurnsFast")
            await watched.page("firing", "AvailabilityBurnsFast")
            await watched.post("HighErrorRate", "AvailabilityBurnsFast", over=True)
            ended = await watched.page("resolved")
        finally:
            await stop(process)
    pages = [each.title for each in stands.inbox.deliveries if each.place == "pagerduty"]
    assert len(pages) == 3, pages
    assert watched.keys == {began.message["dedup_key"]} == {ended.message["dedup_key"]}


def test_what_was_notified_is_on_the_disk_a_minute_later(tmp_path):
    made = alertmanager(tmp_path, f"{HOST}:9093", tmp_path / "alertmanager.yml", f"http://{HOST}:9093")
    assert "--data.maintenance-interval=1m" in made.command
