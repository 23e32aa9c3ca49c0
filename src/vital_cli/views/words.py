"""The parts of an answer in words, for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import cast

from vital_shared.graph import NodeStatus, waterfall
from vital_shared.graph.outcome import Span
from vital_shared.models.citation import Citation
from vital_shared.models.made_text import made_text
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import Timings, WorkflowOutput

__all__ = [
    "call_in_words",
    "counted",
    "duration",
    "figures",
    "how_to_approve",
    "made_lines",
    "source_lines",
    "suggestion_lines",
    "value_in_words",
    "waterfall_of",
]

BUILT_IN_PLACE = "vital_shared:BaseWorkflow"
"""The place of the workflow that commands find without being given it."""

MAX_VALUE_CHARACTERS = 200
"""Characters of a value that are shown on its line."""

QUOTE_CHARACTERS = 300
"""A longer quote is cut: the passage itself can be read in the document."""


def made_lines(output: WorkflowOutput) -> Iterator[str]:
    """Write the outcome of a run that has no response: one with a response has shown it already."""
    if not output.response and (made := made_text(output)):
        yield made


def duration(seconds: float) -> str:
    """Write a duration so that it is read at a glance.

    >>> duration(0.0123), duration(2.5)
    ('12 ms', '2.5 s')
    """
    if seconds < 0.001:
        return "<1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "passage"), counted(2, "passage")
    ('1 passage', '2 passages')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def call_in_words(call: ToolCall | ToolResult) -> str:
    """Write a tool call as one would in Python."""
    arguments = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items()
    )
    return f"{call.name}({arguments})"


def source_lines(citation: Citation) -> tuple[str, str]:
    """Write where a citation comes from, and its quote."""
    where = f"{citation.title}: {citation.section}" if citation.section else citation.title
    quote = " ".join(citation.quote.split())
    if len(quote) > QUOTE_CHARACTERS:
        quote = quote[:QUOTE_CHARACTERS].rstrip() + "…"
    return f"[{citation.number}] {where} ({citation.uri})", f"“{quote}”"


def suggestion_lines(call: ToolCall) -> tuple[str, str]:
    """Write a suggested call with its id and cost, and why it is suggested."""
    cost = f"${call.cost_dollars}" if call.cost_dollars else "free"
    return f"{call.id}  {call_in_words(call)}  {cost}", call.reason


def figures(output: WorkflowOutput) -> str:
    """Write quality, cost and times in a line."""
    return " · ".join(_figures(output))


def _figures(output: WorkflowOutput) -> Iterator[str]:
    if output.is_assessed:
        yield f"quality {output.quality_score:.2f}"
    if output.groundedness is not None:
        yield f"{output.groundedness:.0%} backed by sources"
    if output.answer_probability is not None and "no_sources" not in output.degradation_reasons:
        yield f"answers the question: {output.answer_probability:.0%} likely"
    if output.retrieval_tuning is not None:
        yield f"tuned by {output.retrieval_tuning}"
    yield f"${output.cost.total}"
    yield counted(output.tokens.total, "token")
    yield _times(output.timings)
    if output.model:  # none where a workflow's own node has written the answer
        yield output.model
    yield output.run_id


def _times(timings: Timings) -> str:
    first = timings.time_to_first_token_seconds
    return duration(timings.total_seconds) + ("" if first is None else f" (first word {duration(first)})")


def value_in_words(value: object) -> str:
    """Write a JSON value on one line, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "…"


def how_to_approve(output: WorkflowOutput, workflow: str | None) -> str:
    """Explain how a waiting run goes on.

    :param workflow: the workflow, as ``--workflow`` takes it; None: the default one.
    """
    own = f" --workflow {shlex.quote(workflow)}" if workflow not in (None, BUILT_IN_PLACE) else ""
    if output.required_input:
        asked = "".join(f"  {each.name}: {value_in_words(each.value)}\n" for each in output.required_input)
        answers = " ".join(f"--answer {each.name}=…" for each in output.required_input)
        calls = " --all" if output.suggested_tools else ""
        return f"The run waits for input:\n{asked}  vital resume {output.run_id} {answers}{calls}{own}"
    return (
        "The run waits for your approval; instead of --all name the calls that may be made, or --none:\n"
        f"  vital approve {output.run_id} --all{own}"
    )


def waterfall_of(timings: Timings) -> str:
    """Draw when each node began and ended."""
    spans = [
        Span(one.node, cast("NodeStatus", one.status), one.start_seconds, one.end_seconds)
        for one in timings.nodes
    ]
    return waterfall(spans)
