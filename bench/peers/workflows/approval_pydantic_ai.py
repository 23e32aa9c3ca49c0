"""The approval of ``examples/approval.py`` in pydantic-ai.

An agent may wait for the approval of a tool's call (deferred tools), and not at any other place: so that the
letter is written first and approved then, what is waited for is stored and read by hand.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from canned_agent import canned_agent_model
from pydantic import BaseModel
from pydantic_ai import Agent


class Verdict(BaseModel):
    send: bool
    note: str = ""


def begin(model: Any, query: str, store: Path) -> dict[str, str]:
    draft = Agent(model).run_sync(f"Write a short letter: {query}").output
    store.write_text(json.dumps({"draft": draft}))
    return {"draft": draft}


def resume(store: Path, given: dict[str, Any]) -> str:
    verdict = Verdict.model_validate(given)
    draft: str = json.loads(store.read_text())["draft"]
    store.unlink()  # so that it is resumed once
    return f"Sent: {draft}" if verdict.send else f"Not sent: {verdict.note}"


def main() -> None:
    model = canned_agent_model("Dear customer, your order is on its way.")
    with TemporaryDirectory() as folder:
        store = Path(folder) / "run.json"
        print(begin(model, "The order is late.", store))
        print(resume(store, {"send": True}))


if __name__ == "__main__":
    main()
