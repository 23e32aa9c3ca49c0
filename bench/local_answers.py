"""Ask sample questions of a local model with and without the form of its answers, in turns.

    python bench/local_answers.py [MODEL] [--every N]

Printed for each: the answers given, those with a citation, those with the expected facts, the share of their
sentences that the sources back, their tokens, and the processor time of the model's server (Linux), which
other work on the machine changes less than the time on the clock. The models are taken from the data
directory (``VITAL_DATA_DIR``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval import Evaluated, sample_documents, sample_questions
from judging import Question, Verdict, judge
from opened_documents import opened
from vital_shared import Services
from vital_shared.llm.local import model as local_model
from vital_shared.llm.local.grammar import answer_form

FORMS = {"free": lambda _: {}, "held to its form": answer_form}


@dataclass
class Measured:
    """The answers in one form."""

    verdicts: list[Verdict] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def cells(self) -> dict[str, str]:
        given = [each for each in self.verdicts if not each.abstained]
        grounded = [each.groundedness or 0.0 for each in given]
        count = max(1, len(given))
        return {
            "questions": str(len(self.verdicts)),
            "answers given": str(len(given)),
            "with a citation": str(sum(each.citations > 0 for each in given)),
            "with all facts": str(sum(bool(each.has_facts) for each in given)),
            "sentences backed, mean": f"{sum(grounded) / count:.0%}",
            "tokens, mean of all": f"{sum(e.output_tokens for e in self.verdicts) / len(self.verdicts):.0f}",
            "processor s, mean of all": f"{sum(self.seconds) / len(self.seconds):.2f}",
        }


def processor_seconds(pid: int) -> float:
    """Source: proc(5), fields 14 and 15 of /proc/pid/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(services: Services, name: str, questions: list[Question]) -> dict[str, Measured]:
    model = services.models.get(name).model
    workflow, measured = Evaluated(services), {form: Measured() for form in FORMS}
    await workflow.ask("Which devices need a 510(k)?", name)  # starts the server
    for question in questions:
        for form, results in measured.items():
            local_model.answer_form = FORMS[form]
            before = processor_seconds(model.child.pid)
            results.verdicts.append(judge(question, await workflow.ask(question.question, name)))
            results.seconds.append(processor_seconds(model.child.pid) - before)
    return measured


async def run(name: str, every: int) -> dict[str, Measured]:
    questions = [each for each in sample_questions() if each.answerable][::every]
    async with opened(sample_documents()) as services:
        return await measure(services, name, questions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="local:smollm2")
    parser.add_argument("--every", type=int, default=1, help="ask each Nth answerable question")
    arguments = parser.parse_args()
    measured = asyncio.run(run(arguments.model, arguments.every))
    table = Table(arguments.model, *measured)
    cells = {form: results.cells() for form, results in measured.items()}
    for row in next(iter(cells.values())):
        table.add_row(row, *(each[row] for each in cells.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
