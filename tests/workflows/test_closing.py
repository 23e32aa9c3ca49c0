"""Default services are closed with their workflow, whichever way its program ends: without a word on stderr."""

import os
import subprocess
import sys

import pytest
from tests.redis import redis_of_module

from vital_shared import BaseWorkflow
from vital_shared.testing import question
from vital_shared.workflows.loop_services import loop_services

__all__ = ["redis_of_module"]

PROGRAM = """
import asyncio, gc, logging, sys
from vital_shared import BaseWorkflow, WorkflowInput

async def main(raised=None, enters=True):
    workflow = BaseWorkflow()
    request = WorkflowInput(query="hello", mode="2", tenant_id="acme", user_id="ann")
    if not enters:
        return print((await workflow.execute_typed(request)).status)
    async with workflow:
        print((await workflow.execute_typed(request)).status)
        if raised:
            raise raised

def in_loop(coroutine):
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()
"""

EXITS = {
    "asyncio.run": "asyncio.run(main())",
    "uvloop": "import uvloop; uvloop.run(main())",
    "a loop closed without its generators": "in_loop(main())",
    "an exception": "try: asyncio.run(main(KeyError('own')))\nexcept KeyError: pass",
    "sys.exit": "asyncio.run(main(SystemExit(0)))",
    "a thread": "import threading; t = threading.Thread(target=in_loop, args=(main(),)); t.start(); t.join()",
    "no async with": "asyncio.run(main(enters=False))",
}


def said_at_the_end(ending, folder, *flags, **variables):
    """Run a program, and return what it writes to stderr beside the log."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", f"{PROGRAM}\n{EXITS[ending]}\ngc.collect()"],
        env={**os.environ, "VITAL_DATA_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "completed"
    return [line for line in done.stderr.splitlines() if "[warning" not in line and "[info" not in line]


@pytest.mark.parametrize("ending", EXITS)
def test_nothing_is_printed_when_a_program_ends(ending, tmp_path):
    assert said_at_the_end(ending, tmp_path, "-W", "error") == []


@pytest.mark.parametrize("ending", ["asyncio.run", "no async with"])
def test_nothing_is_printed_when_a_program_with_a_redis_ends(ending, tmp_path, redis_of_module):
    """Without the developers' warnings: redis-py begins asynchronous generators when a loop has ended its own."""
    assert said_at_the_end(ending, tmp_path, VITAL_REDIS_URL=redis_of_module) == []


async def test_the_last_user_closes_the_services_and_what_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    first, second = BaseWorkflow(), BaseWorkflow()
    async with first:
        holder = loop_services()
        async with second:
            await second.execute_typed(question("one"))
        assert holder.opened is first.services
    assert (holder.opened, holder._keeper) == (None, None)
    assert loop_services() is holder
    async with first:
        assert (await first.execute_typed(question("two"))).status == "completed"
    assert holder._keeper is None
