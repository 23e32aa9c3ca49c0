"""The tutorial, followed line by line: its files are written, its commands run in one shell."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.vital_cli.conftest import models_dir  # noqa: F401 - a fixture

from vital_ops.stack.ports import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python|toml)\n(.*?)```", PAGE, flags=re.DOTALL)
HOST = "127.0.0.1"
INSTALLED = ("python3 -m venv", "pip install", "vital ops fetch", "vital models install")
"""Lines whose outcome is here already; others' tests, and `make image-check`, run them."""

PORTS = {"8000": "vital", "9090": "prometheus", "9093": "alertmanager"}
READY_SECONDS = 90


class Reader:
    """A reader of the page, with a folder, a shell's variables, and an engine in the other terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, ""
        self.ports = {port: free_port(HOST) for port in PORTS}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
        self.environment = inherited | {"PATH": path, "VITAL_PORT": str(self.ports["8000"])}
        self._engine: subprocess.Popen[bytes] | None = None

    def write(self, text: str) -> None:
        """Write a block whose first line names its file."""
        name = re.match(r"# (\S+)\n", text)
        assert name, text
        (self.folder / name[1]).write_text(text.partition("\n")[2])

    def run(self, block: str) -> None:
        """Run a block's commands, one after another; an engine goes on while the next ones run."""
        for port, own in self.ports.items():
            block = block.replace(f":{port}", f":{own}")
        for command in re.sub(r"\\\n", " ", block).splitlines():
            if command.startswith(INSTALLED):
                continue
            if command.startswith("cd "):
                self.folder /= command.removeprefix("cd ")
            elif command.startswith("export "):
                self.environment |= dict(each.split("=") for each in command.split()[1:])
            elif command in ("vital serve", "vital up"):
                self.serve(command)
            else:
                self.output += self.shell(command)

    def shell(self, command: str) -> str:
        if command == "pytest":
            command += " -q -p no:asyncio -p no:cacheprovider"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def serve(self, command: str) -> None:
        self.stop()
        if command == "vital up":
            command += f" --prometheus-port {self.ports['9090']} --alertmanager-port {self.ports['9093']}"
        with (self.folder / "log").open("wb") as log:
            self._engine = subprocess.Popen(
                command.split(), cwd=self.folder, env=self.environment, stderr=log
            )
        until = time.monotonic() + READY_SECONDS
        ports = [self.ports["8000"], *([self.ports["9090"]] if "up" in command else [])]
        for url in (f"http://{HOST}:{port}/{'readyz' if port == ports[0] else '-/ready'}" for port in ports):
            self.wait_for(lambda url=url: is_ready(url), until)
        if "up" in command:
            self.wait_for(lambda: is_watched(ports[1]), until)

    def wait_for(self, condition: Callable[[], bool], until: float) -> None:
        while not condition():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._engine is not None:
            self._engine.send_signal(signal.SIGINT)
            assert self._engine.wait(60) == 0, (self.folder / "log").read_text()
            self._engine = None


def is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def is_watched(prometheus_port: int) -> bool:
    """Return whether Prometheus has read the engine."""
    query = {"query": 'up{job="vital"} == 1'}
    answer = httpx.get(f"http://{HOST}:{prometheus_port}/api/v1/query", params=query, timeout=5)
    return bool(answer.json()["data"]["result"])


@pytest.mark.thorough
def test_who_follows_the_tutorial_has_a_workflow_that_is_served_and_watched(tmp_path, models_dir):  # noqa: F811
    reader = Reader(tmp_path)
    try:
        for language, text in BLOCKS:
            if "vital models install" in text:
                (reader.folder / "data").mkdir()
                (reader.folder / "data/models").symlink_to(models_dir)
            if language == "sh":
                reader.run(text)
            else:
                reader.write(text)
    finally:
        reader.stop()
    said = reader.output
    assert "2 passed" in said, "the project's own tests"
    assert "3 passed" in said, "with that of the new workflow"
    assert "nine in the morning" in said
    assert '"cache_status":"miss"' in said
    assert '"notify":"bob"' in said.replace(" ", "")
    assert re.search(r'vital_workflow_requests_total\{.*workflow="tickets".*\} [1-9]', said)
    assert "vital-performance.json" in said
