"""The dataflow engine: a class is a graph, its methods are the nodes, and their parameters are the edges.

It is independent of language models, metrics and HTTP, and imports no other package of this project.
"""

from vital_shared.graph.base import Graph
from vital_shared.graph.checkpoint import Checkpoint
from vital_shared.graph.draw import mermaid, waterfall
from vital_shared.graph.effects import EffectGuard, EffectInterrupted, InterruptedEffect
from vital_shared.graph.errors import (
    AnswerError,
    CheckpointError,
    GraphError,
    NodeError,
    NodeTimeout,
    PlanError,
    PlanWarning,
)
from vital_shared.graph.failed_attempt import FailedAttempt
from vital_shared.graph.finished_node import (
    NO_PARTS,
    FinishedNode,
    owner_of,
    part_name,
    part_number,
    resumption_point,
)
from vital_shared.graph.json_value import MAX_SHOWN_BYTES, json_value
from vital_shared.graph.node import Done, Pause, Retry, Skip, fan_out, node
from vital_shared.graph.observer import ObservedRun, Observer, own_observers
from vital_shared.graph.outcome import Degradation, NodeStatus, Outcome, RunStatus, Span
from vital_shared.graph.part_key import part_key
from vital_shared.graph.pending_call import PendingCall
from vital_shared.graph.plan import Node, Plan
from vital_shared.graph.run import Run
from vital_shared.graph.step import Step
from vital_shared.graph.subworkflow import repeat, subworkflow

__all__ = [
    "MAX_SHOWN_BYTES",
    "NO_PARTS",
    "AnswerError",
    "Checkpoint",
    "CheckpointError",
    "Degradation",
    "Done",
    "EffectGuard",
    "EffectInterrupted",
    "FailedAttempt",
    "FinishedNode",
    "Graph",
    "GraphError",
    "InterruptedEffect",
    "Node",
    "NodeError",
    "NodeStatus",
    "NodeTimeout",
    "ObservedRun",
    "Observer",
    "Outcome",
    "Pause",
    "PendingCall",
    "Plan",
    "PlanError",
    "PlanWarning",
    "Retry",
    "Run",
    "RunStatus",
    "Skip",
    "Span",
    "Step",
    "fan_out",
    "json_value",
    "mermaid",
    "node",
    "own_observers",
    "owner_of",
    "part_key",
    "part_name",
    "part_number",
    "repeat",
    "resumption_point",
    "subworkflow",
    "waterfall",
]
