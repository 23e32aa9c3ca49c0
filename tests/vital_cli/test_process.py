"""The installed command as a process: pipes, signals, and several processes on one store."""

import json
import os
import re
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.store_database import ON_POSTGRES, stored
from tests.vital_cli.conftest import SAMPLES, command_line, run_command, statuses

SCRIPT = Path(__file__).with_name("extra_models.py")
QUESTION = "How long does FDA have to review a 510(k)?"
PATIENCE = 90
"""Seconds after which something hangs."""


@contextmanager
def started(*arguments, script=None, **options):
    """Run the command beside the test; what is left of it afterwards is killed."""
    process = subprocess.Popen(
        command_line(*arguments, script=script),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(stream, text: str) -> str:
    """Read lines to the first one with a text."""
    for line in stream:
        if text in line:
            return line
    raise AssertionError(f"the output ended without {text!r}")


def test_the_answer_is_plain_text_in_a_pipe(data_dir):
    done = run_command("ask", QUESTION)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\nSources\n[1] 510(k) Premarket Notification" in done.stdout
    assert statuses(data_dir) == ["completed"]


def test_the_first_words_are_there_before_the_answer_has_ended(data_dir):
    with started("ask", QUESTION, "--model", "endless", script=SCRIPT) as process:
        assert process.stdout.read(9) == "Endlessly"
        assert process.poll() is None


@pytest.mark.parametrize("form", [[], ["--events"]])
def test_ctrl_c_cancels_the_run_and_ends_with_130(data_dir, form):
    with started("ask", QUESTION, "--model", "endless", *form, script=SCRIPT) as process:
        read_until(process.stdout if form else process.stderr, "memory")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "Traceback" not in out + err
        assert err.endswith("Cancelled.\n")
    assert statuses(data_dir) == ["cancelled"]


def test_a_reader_that_leaves_ends_the_run_quietly(data_dir):
    with started("ask", QUESTION, "--events", "--model", "endless", script=SCRIPT) as process:
        assert '"run_started"' in process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(PATIENCE) == 141
        assert err == ""
    assert statuses(data_dir) == ["cancelled"]


def test_a_table_that_nobody_reads_to_its_end_is_no_error(data_dir):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            command_line("documents", "list"), stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 141
    assert done.stderr == ""


def test_what_the_library_logs_does_not_get_into_the_data(data_dir):
    bytes_of_another_model = r"'\x0000803f'" if ON_POSTGRES else "x'0000803f'"
    stored(data_dir, f"UPDATE chunks SET embedding = {bytes_of_another_model} WHERE id = 1")
    done = run_command("ask", QUESTION, "--json", env={"VITAL_DEBUG": "1"})
    assert json.loads(done.stdout)["status"] == "completed"
    assert "embeddings_of_another_model" in done.stderr


def test_a_terminal_without_utf8_gets_an_answer_too(data_dir):
    done = run_command("ask", QUESTION, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "Sources" in done.stdout


def test_several_may_ask_at_the_same_time_while_another_ingests(data_dir):
    asking = [command_line("ask", QUESTION, "--json", "--user", f"user{number}") for number in range(2)]
    asking.append(command_line("ingest", str(SAMPLES / "biosimilars.md"), "--json"))
    processes = [
        subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for line in asking
    ]
    results = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], results
    assert {json.loads(out)["status"] for out, _ in results[:2]} == {"completed"}
    assert statuses(data_dir) == ["completed", "completed"]


def test_the_first_two_commands_on_an_empty_disk_may_come_together(empty_dir):
    processes = [
        subprocess.Popen(
            command_line("ask", "What is 1 + 1?", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert [json.loads(out)["tool_results"][0]["content"] for out, _ in results] == ["1 + 1 = 2"] * 2


def test_command_and_server_work_on_the_same_store(data_dir):
    with started("serve", "--port", "0") as server:
        address = re.search(r"http://[\d.]+:\d+", read_until(server.stderr, "listening"))[0]
        paused = run_command("ask", "What is 6 * 7?", "--mode", "1", "--json")
        assert paused.returncode == 3, paused.stderr
        run_id = json.loads(paused.stdout)["run_id"]
        stored = httpx.get(f"{address}/v1/runs/{run_id}", params={"tenant_id": "local"}, timeout=PATIENCE)
        assert stored.status_code == 200, stored.text
        approved = run_command("approve", run_id, "--all")
        assert "6 * 7 = 42" in approved.stdout
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE) == 0


def test_a_port_that_is_taken_is_said_to_be_taken(data_dir):
    with started("serve", "--port", "0") as server:
        port = re.search(r"http://[\d.]+:(\d+)", read_until(server.stderr, "listening"))[1]
        done = run_command("serve", "--port", port)
        assert done.returncode == 2
        assert f"Port {port} of 127.0.0.1 cannot be taken" in done.stderr
        assert "Traceback" not in done.stderr


def test_no_line_but_json_is_logged_where_nobody_looks_at_a_terminal(empty_dir):
    with started("serve", "--port", "0") as server:
        lines = read_until(server.stderr, "listening")
        server.send_signal(signal.SIGINT)
        out, rest = server.communicate(timeout=PATIENCE)
    assert out == ""
    assert all(json.loads(each) for each in (lines + rest).splitlines())
