"""The server of a local model: started when needed, again when it died, ended with its parent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.variants import sampled

from vital_shared.llm.base import ModelUnavailable
from vital_shared.llm.local import child as module
from vital_shared.llm.local.child import Child


@pytest.fixture
async def child(smollm2):
    made = Child("local:smollm2", smollm2)
    yield made
    await made.aclose()


async def gone(pid):
    """Wait until a process that is no child of ours has ended."""
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.thorough
async def test_of_many_who_ask_one_starts_it_and_closing_ends_it(child):
    assert child.pid is None
    addresses = await asyncio.gather(*(child.address() for _ in range(5)))
    assert len(set(addresses)) == 1
    assert addresses[0].startswith("http://127.0.0.1:")
    pid = child.pid
    await child.aclose()
    assert not alive(pid)


async def test_one_that_was_killed_is_started_again(child):
    await child.address()
    first = child.pid
    os.kill(first, signal.SIGKILL)
    await child._process.wait()
    await child.address()
    assert child.pid not in (None, first)


@pytest.mark.thorough
async def test_one_that_dies_again_and_again_is_left_alone(child, monkeypatch):
    monkeypatch.setattr(module, "MAX_STARTS", 1)
    await child.address()
    await child.aclose()
    with pytest.raises(ModelUnavailable, match="has died 1 times"):
        await child.address()


@pytest.mark.thorough
async def test_weights_that_are_broken_are_reported_and_leave_nothing_behind(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"no model")
    broken = Child("local:broken", tmp_path / "model.gguf")
    with pytest.raises(ModelUnavailable, match="did not start"):
        await broken.address()
    assert broken.pid is None


@pytest.mark.parametrize("line", sampled(["[]", "null", "{}", '{"address": 7}', "oops", "x" * 100_000], 3))
async def test_a_server_that_gives_no_address_is_ended(line, tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nprint({line!r}, flush=True)\nimport time\ntime.sleep(60)\n")
    program.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(program))
    odd = Child("local:odd", tmp_path / "model.gguf")
    with pytest.raises(ModelUnavailable, match="did not start"):
        await odd.address()
    assert odd.pid is None


async def test_a_program_that_cannot_be_run_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(ModelUnavailable, match="did not start"):
        await Child("local:none", tmp_path / "model.gguf").address()


@pytest.mark.thorough
async def test_it_goes_with_a_parent_that_is_killed(smollm2):
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom vital_shared.llm.local.child import Child\n"
        "async def main():\n    child = Child('local:x', Path(sys.argv[1]))\n    await child.address()\n"
        "    print(child.pid, flush=True)\n    await asyncio.Event().wait()\nasyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(smollm2), stdout=asyncio.subprocess.PIPE
    )
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


def test_the_key_is_not_shown():
    secret = Child("local:x", "model.gguf").key
    assert secret.get_secret_value() not in repr(secret)
