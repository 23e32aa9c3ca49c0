"""The examples for Flask, Celery, Streamlit and pytest run as they stand on their page."""

import contextlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.variants import sampled

PAGE = (Path(__file__).parents[1] / "docs" / "frameworks.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))

USES = {
    "web.py": """
from concurrent.futures import ThreadPoolExecutor
from web import app

def ask(number):
    return app.test_client().post("/ask", json={"query": f"What is a recall {number}?"}).json["status"]

with ThreadPoolExecutor(4) as pool:
    print(*pool.map(ask, range(4)))
print("vital_workflow_requests_total" in app.test_client().get("/metrics").text)
""",
    "tasks.py": """
from celery.contrib.testing.worker import start_worker
from tasks import app, ask

with start_worker(app, perform_ping_check=False, pool="solo"):
    print(*(ask.delay("What is a recall?").get(timeout=60)["status"] for _ in range(4)), True)
""",
    "page.py": """
from streamlit.testing.v1 import AppTest

page = AppTest.from_file("page.py", default_timeout=60).run()
answered = []
for number in range(4):
    page.chat_input[0].set_value(f"What is a recall {number}?").run()
    answered.append(page.caption[0].value)
print(*answered, not page.exception)
""",
}

POOL = """
import os
from scraped import app
from tasks import ask

app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue"},
    result_backend=f"file://{os.getcwd()}/results",
    task_ignore_result=False,
)

@app.task
def ask_here(query):
    return os.getpid(), ask(query)["status"]
"""
SENDER = """
from pool import ask_here

sent = [ask_here.delay(f"What is a recall {number}?") for number in range(6)]
found = [task.get(timeout=90) for task in sent]
print(len({process for process, _ in found}), *{status for _, status in found})
"""


@pytest.fixture
def run(tmp_path):
    """Run Python beside the page's files, on an empty data folder."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)

    def in_folder(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "VITAL_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return in_folder


def two_ports() -> int:
    """Return the first of two ports that nobody listens on."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def completed(page: str) -> float:
    """Return the requests that a page of metrics has counted."""
    lines = [line for line in page.splitlines() if line.startswith("vital_workflow_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_the_page_has_an_example_of_each():
    assert set(FILES) == {"answers.py", *USES, "scraped.py", "test_answers.py"}


@pytest.mark.parametrize("name", sampled(USES, 3))
def test_an_example_answers_and_its_process_ends_by_itself(run, name):
    done = run("-c", USES[name])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-5:] == ["completed"] * 4 + ["True"], done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
@pytest.mark.timeout(150)
def test_processes_of_celery_answer_beside_each_other_from_one_store(run, tmp_path):
    (tmp_path / "pool.py").write_text(POOL)
    for folder in ("queue", "results"):
        (tmp_path / folder).mkdir()
    port = two_ports()
    command = "celery -A pool worker --pool prefork --concurrency 2 --without-gossip --without-mingle"
    worker = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        env={
            **os.environ,
            "VITAL_DATA_DIR": str(tmp_path / "data"),
            "PYTHONPATH": str(tmp_path),
            "METRICS_PORT": str(port),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        done = run("-c", SENDER)
        pages = [httpx.get(f"http://127.0.0.1:{each}/metrics").text for each in (port, port + 1)]
    finally:
        worker.terminate()
        log = worker.communicate(timeout=30)[0]
    assert done.stdout.split() == ["2", "completed"], done.stderr + log
    assert "Traceback" not in log
    assert worker.returncode == 0
    assert sum(map(completed, pages)) == 6, pages
    assert all(map(completed, pages))
    with sqlite3.connect(tmp_path / "data" / "vital.db") as store:
        assert store.execute("SELECT count(*) FROM runs WHERE status = 'completed'").fetchone() == (6,)


def test_the_example_for_pytest_passes(run):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_answers.py")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
