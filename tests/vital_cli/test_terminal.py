"""The command on a real terminal, as pexpect plays one: the live view, the prompt, the keys."""

import json
import re
import shlex
from contextlib import contextmanager
from pathlib import Path

import httpx
import pexpect
import pytest
from tests.vital_cli.conftest import command_line, statuses

SCRIPT = Path(__file__).with_name("extra_models.py")
QUESTION = "How long does FDA have to review a 510(k)?"
SUM = "What is 12 * 3?"
PATIENCE = 90


@contextmanager
def terminal(*arguments, script=None):
    command, *rest = command_line(*arguments, script=script)
    child = pexpect.spawn(command, rest, encoding="utf-8", timeout=PATIENCE, dimensions=(24, 80))
    try:
        yield child
    finally:
        child.close(force=True)


def plain(text: str) -> str:
    """What is left of an output without colours and cursor movements."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


def ended(child) -> int:
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


def test_the_nodes_are_shown_while_they_run_and_the_answer_below_them(data_dir):
    with terminal("ask", QUESTION, "--model", "endless", script=SCRIPT) as child:
        child.expect("Endlessly")
        child.expect("Endlessly")  # events came while the first frame with it was drawn, but none since
        while "load_agent" not in (shown := plain(child.before)):
            child.expect("Endlessly")  # a frame that is drawn late holds the word several times
        assert "✓ load_agent" in shown
        assert "history" not in shown  # the request turns it off
        assert re.search(r"memory: \d+ passages", shown)
        assert re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] answer", shown)


def test_the_whole_answer_stays_with_its_sources_and_figures(data_dir):
    with terminal("ask", QUESTION) as child:
        assert ended(child) == 0
        last = plain(child.before).split("✓ load_agent")[-1]
        assert "✓ answer" in last
        assert re.search(r"\[1\] 510\(k\) Premarket Notification", last)
        assert "“" in last
        assert "quality " in last
        assert "\x1b[?25h" in child.before  # the cursor is back


def test_ctrl_c_cancels_the_run(data_dir):
    with terminal("ask", QUESTION, "--model", "endless", script=SCRIPT) as child:
        child.expect("Endlessly")
        child.sendintr()
        assert ended(child) == 130
        assert "✗ answer cancelled" in plain(child.before)
        assert "Cancelled." in child.before
        assert "Traceback" not in child.before
    assert statuses(data_dir) == ["cancelled"]


@pytest.mark.parametrize(("key", "result"), [("y", "= 36"), ("n", "not run")])
def test_the_prompt_decides_on_each_call(data_dir, key, result):
    with terminal("ask", SUM, "--mode", "1") as child:
        child.expect(re.escape('Run calculator(expression="12 * 3")?'))
        child.sendline(key)
        assert ended(child) == 0
        assert result in plain(child.before)
    assert statuses(data_dir) == ["completed"]


def test_ctrl_c_at_the_prompt_cancels_the_run(data_dir):
    with terminal("ask", SUM, "--mode", "1") as child:
        child.expect("Run calculator")
        child.sendintr()
        child.sendline()  # a signal just before the read begins is seen only when the read ends
        assert ended(child) == 130
    assert statuses(data_dir) == ["cancelled"]


def test_the_end_of_input_at_the_prompt_leaves_the_run_waiting_and_approve_asks_again(data_dir):
    with terminal("ask", SUM, "--mode", "1") as child:
        child.expect("Run calculator")
        child.sendeof()
        child.expect(r"vital approve (run_\w+) --all")
        run_id = child.match[1]
        assert ended(child) == 3
    assert statuses(data_dir) == ["awaiting_approval"]
    with terminal("approve", run_id) as child:
        child.expect("Run calculator")
        child.sendline("y")
        assert ended(child) == 0
        assert "12 * 3 = 36" in plain(child.before)
    assert statuses(data_dir) == ["completed"]


def test_the_engine_says_where_it_is_on_a_terminal_whatever_it_logs(empty_dir, monkeypatch):
    monkeypatch.setenv("VITAL_LOG_LEVEL", "error")
    with terminal("serve", "--port", "0") as child:
        child.expect(r"VITAL is at (http://127\.0\.0\.1:\d+); Ctrl-C stops it\.")
        assert httpx.get(f"{child.match[1]}/healthz", timeout=PATIENCE).status_code == 200
        child.sendintr()
        assert ended(child) == 0


def test_the_engine_says_so_on_stdout_where_its_log_goes_to_a_file(empty_dir, tmp_path):
    log = tmp_path / "log"
    line = f"exec {shlex.join(command_line('serve', '--port', '0'))} 2> {log}"
    child = pexpect.spawn("/bin/sh", ["-c", line], encoding="utf-8", timeout=PATIENCE)
    child.expect(r"VITAL is at (http://127\.0\.0\.1:\d+); Ctrl-C stops it\.")
    assert httpx.get(f"{child.match[1]}/healthz", timeout=PATIENCE).status_code == 200
    child.sendintr()
    assert ended(child) == 0
    assert all(json.loads(each) for each in log.read_text().splitlines())
