"""Addresses, keys and the record of each feature's outcome, for all programs in Python."""

import asyncio
import inspect
import json
import os
import traceback
import urllib.request

URL = os.environ["VITAL_URL"]
KEY = os.environ["VITAL_KEY"]
PICTURE = os.environ["PICTURE"]
EMBEDDER = "chat:embedder"
TOOL = {
    "type": "object",
    "properties": {"thing": {"type": "string"}},
    "required": ["thing"],
    "additionalProperties": False,
}


def model(name: str) -> str:
    """Return a model of the provider that is tested."""
    return f"{os.environ['PROVIDER']}:{name}"


def _gone() -> bool:
    with urllib.request.urlopen(os.environ["PROVIDER_URL"] + "/gone", timeout=30) as answer:
        return json.load(answer)


async def let_go() -> bool:
    """Wait until the gateway has let its provider go."""
    return await asyncio.to_thread(_gone)


async def cancelled(pieces) -> bool:
    """Cancel a task that reads a stream after its first piece."""
    begun = asyncio.Event()

    async def read() -> None:
        async for piece in pieces:
            if piece:
                begun.set()

    reading = asyncio.create_task(read())
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait([reading, waiting], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    if not begun.is_set():
        waiting.cancel()
        await reading
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return await let_go()


async def failures(ask, status=lambda error: error.status_code) -> dict[str, str]:
    """Ask with every failure, and give the names of the exceptions and their statuses."""
    cases = {
        "401": (os.environ["WRONG_KEY"], model("m")),
        "404": (KEY, "nobody:m"),
        "400": (KEY, model("wrong")),
        "402": (os.environ["POOR_KEY"], model("m")),
        "429": (KEY, model("busy")),
        "5xx": (KEY, model("down")),
    }
    found = {}
    for name, (key, asked) in cases.items():
        try:
            await ask(key, asked)
            found[name] = "nothing"
        except Exception as error:  # noqa: BLE001 - each client raises its own; the test compares its name
            found[name] = f"{type(error).__name__} {status(error)}"
    return found


def report(features) -> None:
    """Run every feature, and print the outcome of each; a failure is printed in the place of its outcome."""

    async def run():
        found = {}
        for name, feature in features.items():
            try:
                outcome = feature()
                found[name] = await outcome if inspect.isawaitable(outcome) else outcome
            except Exception:  # noqa: BLE001 - printed in full, and the test fails on it
                found[name] = f"failed: {traceback.format_exc()}"
        return found

    print(json.dumps(asyncio.run(run())))  # noqa: T201 - the test reads it
