"""The gateways of `bench/gateway.py`: one worker each, a key where there are keys, logs of errors alone.

What each prints is kept in a folder, raw.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import service_servers
from service_client import request
from service_servers import LITELLM, Server, started
from service_target import TOKENS, Target, chat, pace
from vital_ops.stack.ports import free_port

HERE = Path(__file__).parent
PORTKEY = HERE.parent / ".portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"

RELAY, READING, VITAL, LITELLM_NAME, PORTKEY_NAME = "relay", "reading relay", "vital", "litellm", "portkey"

KEY = "sk-bench"
PATH = "/v1/chat/completions"

Ask = Callable[[str, bool, str], bytes]


def gateways(
    stack: ExitStack, url: str, folder: Path, logs: Path, notes: list[str], only: Sequence[str] = ()
) -> Iterator[Target]:
    """Start them, and give them; what is not installed is noted.

    :param only: the names of those to start; empty: all.
    """
    upstream = {kind: f"{url}/{pace(kind)}/{count}" for kind, count in TOKENS.items()}
    if not only or RELAY in only or READING in only:
        yield from _relays(stack, url, logs)
    if not only or VITAL in only:
        yield _vital(stack, upstream, folder, logs)
    if not only or LITELLM_NAME in only:
        if LITELLM.exists():
            yield _litellm(stack, upstream, folder, logs)
        else:
            notes.append("LiteLLM's proxy is not installed: make bench does it.")
    if not only or PORTKEY_NAME in only:
        if PORTKEY.exists():
            yield _portkey(stack, upstream, logs)
        else:
            notes.append("Portkey's gateway is not installed: make bench does it.")


def _relays(stack: ExitStack, url: str, logs: Path) -> Iterator[Target]:
    port = free_port("127.0.0.1")
    command = [sys.executable, str(HERE / "gateway_relay.py"), str(port), url, KEY]
    server = stack.enter_context(started(command, port, "/ready", os.environ, logs / "relay.log"))

    def ask(kind: str, stream: bool, query: str) -> bytes:
        path = f"/{pace(kind)}/{TOKENS[kind]}{PATH}"
        return request(f"/bare{path}", chat("m", query, stream=stream), _bearer(KEY))

    def ask_reading(kind: str, stream: bool, query: str) -> bytes:
        path = f"/{pace(kind)}/{TOKENS[kind]}{PATH}"
        return request(f"/reading{path}", chat("m", query, stream=stream), _bearer(KEY))

    yield Target(RELAY, server, ask, port)
    yield Target(READING, server, ask_reading, port)


def _vital(stack: ExitStack, upstream: dict[str, str], folder: Path, logs: Path) -> Target:
    more = {"VITAL_LOG_LEVEL": "error"}
    log = logs / "vital.log"
    server: Server = stack.enter_context(
        service_servers.vital(upstream, folder / "gateway", more=more, log=log, starts=1)
    )

    def ask(kind: str, stream: bool, query: str) -> bytes:
        return request(PATH, chat(f"{kind}:model", query, stream=stream), _bearer(server.key))

    return Target(VITAL, server, ask, server.port)


def _litellm(stack: ExitStack, upstream: dict[str, str], folder: Path, logs: Path) -> Target:
    log = logs / "litellm.log"
    server = stack.enter_context(
        service_servers.litellm(upstream, folder, has_cache=False, log=log, starts=1)
    )

    def ask(kind: str, stream: bool, query: str) -> bytes:
        return request(PATH, chat(kind, query, stream=stream), _bearer(server.key))

    return Target(LITELLM_NAME, server, ask, server.port)


def _portkey(stack: ExitStack, upstream: dict[str, str], logs: Path) -> Target:
    """Start Portkey's gateway, which knows no keys of its own: it passes the provider's on."""
    port = free_port("127.0.0.1")
    command = [
        "node",
        "--import",
        str(HERE / "peers" / "portkey_headers.mjs"),
        str(PORTKEY),
        f"--port={port}",
        "--headless",
    ]
    given = {**os.environ, "NODE_ENV": "production"}
    server = stack.enter_context(started(command, port, "/", given, logs / "portkey.log"))

    def ask(kind: str, stream: bool, query: str) -> bytes:
        where = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream[kind]}/v1"}
        return request(PATH, chat("m", query, stream=stream), _bearer(KEY) | where)

    return Target(PORTKEY_NAME, server, ask, port)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
