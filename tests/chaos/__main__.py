"""Let chaos happen to three replicas, and write what was promised and kept to docs/chaos.md: `make chaos`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.markdown import Markdown
from tests.chaos.chaos import chaos
from tests.chaos.faults import FAULTS
from tests.chaos.promises import judge
from tests.chaos.report import page

PAGE: Final = Path(__file__).parents[2] / "docs" / "chaos.md"


def main() -> int:
    """Run it; the exit code is the number of promises that were not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--at-once", type=int, default=200, help="runs at the same time")
    parser.add_argument("--answer-seconds", type=float, default=4.0, help="the time of the provider's answer")
    parser.add_argument(
        "--faults", default="", help="a part of the names of those to let happen; all by default"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where the tables go")
    chosen = parser.parse_args()
    faults = [fault for fault in FAULTS if chosen.faults in fault.name]
    with tempfile.TemporaryDirectory(prefix="vital-chaos-") as folder:
        going = chaos(
            Path(folder),
            faults,
            at_once=chosen.at_once,
            answer_seconds=chosen.answer_seconds,
            watches_dashboards=True,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            evidence = runner.run(going)
    text = page(evidence, chosen.at_once)
    chosen.page.write_text(text, encoding="utf-8")
    Console(width=160).print(Markdown(text))
    return sum(not each.holds for each in judge(evidence))


if __name__ == "__main__":
    sys.exit(main())
