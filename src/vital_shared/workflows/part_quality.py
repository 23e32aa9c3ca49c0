"""The quality of a run whose answer comes from a sub-workflow."""

from __future__ import annotations

from vital_shared.graph import Plan
from vital_shared.models.answer import Answer, Quality
from vital_shared.workflows.quality import endings_of
from vital_shared.workflows.self_llm.current_run import current_run, node_of_run

__all__ = ["note_quality_of_part"]


def note_quality_of_part(plan: Plan, answer: Answer, quality: Quality) -> None:
    """Record what the answer of a part lacks as a degradation of the whole run; that of the run is its own.

    :param plan: the plan of the class whose node has checked the answer.
    """
    run, node = current_run.get(), node_of_run()
    if run is None or node is None or run.graph_run.plan is plan:
        return
    for reason in dict.fromkeys((*quality.reasons, *endings_of(answer))):
        run.graph_run.degrade(node, reason, "the answer of a sub-workflow lacks it")
