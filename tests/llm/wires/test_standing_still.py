"""A process that stood still reads what has come meanwhile, before it calls a provider silent."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from tests.llm.wires.servers.openai import SAID, TEXT
from tests.llm.wires.standing_still_client import BEGUN, BETWEEN_SECONDS

ROOT: Final = Path(__file__).parents[3]
CLIENT: Final = "tests.llm.wires.standing_still_client"
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@dataclass
class HalfAnswer:
    """A provider that sends the second half of its answer once it may."""

    url: str
    go_on: threading.Event = field(default_factory=threading.Event)
    has_sent: threading.Event = field(default_factory=threading.Event)

    def answer(self, listener: socket.socket) -> None:
        """Answer one request."""
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(HEAD + b"".join(TEXT[:3]))
            self.go_on.wait()
            connection.sendall(b"".join(TEXT[3:]))
            self.has_sent.set()


@contextmanager
def half_answer() -> Iterator[HalfAnswer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider = HalfAnswer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=provider.answer, args=(listener,), daemon=True)
        thread.start()
        yield provider
        provider.go_on.set()
        thread.join(10)


@contextmanager
def client(provider: HalfAnswer, loop: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", CLIENT, provider.url, loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == BEGUN
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_answer_that_came_while_the_process_stood_still_counts(loop: str):
    with half_answer() as provider, client(provider, loop) as process:
        time.sleep(0.2)  # it waits for the next piece
        process.send_signal(signal.SIGSTOP)
        provider.go_on.set()
        assert provider.has_sent.wait(10)
        time.sleep(1.5 * BETWEEN_SECONDS)  # its limit passes
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=20)[0].strip() == SAID


def test_a_provider_that_sent_nothing_is_silent_all_the_same():
    with half_answer() as provider, client(provider, "uvloop") as process:
        assert process.communicate(timeout=20)[0].strip() == "ModelTimeout"
