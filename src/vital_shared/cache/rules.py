"""Rules of the cache: which answers are cacheable, under which key, and for which requests; no lookups here.

A key is made of all that an answer depends on. So whatever changes, be it a document, an agent or a
prompt, an old answer is no longer found; and a tenant can find its own answers only, since it is part of
the key.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import to_json

from vital_shared.models.agent import AgentProfile
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput

__all__ = [
    "CACHED_MODES",
    "MIN_QUALITY",
    "is_cacheable",
    "is_coalescable",
    "key_of",
    "normalised",
    "reason_not_kept",
]

CACHED_MODES: Final = frozenset({WorkflowMode.MODE_1, WorkflowMode.MODE_2})
"""A conversation's answers depend on all that was said before."""

MIN_QUALITY: Final = 0.8
"""An answer below is made anew, and may be better then."""

FOLDED_CHARACTERS: Final = 200

FORMAT: Final = 4
"""The version of the format of keys and entries: changed with either."""


def normalised(query: str) -> str:
    """Write a question so that what differs only in its spelling is the same: case, width and blanks."""
    if query.isascii() and len(query) <= FOLDED_CHARACTERS:  # the same, in a fifth of the time
        return " ".join(query.casefold().split())
    return " ".join(" ".join(map(_folded, query.split())).split())


def _folded(word: str) -> str:
    """Fold a word; one that is none stays: a thousand combining marks are sorted in quadratic time."""
    return unicodedata.normalize("NFKC", word).casefold() if len(word) <= FOLDED_CHARACTERS else word


def key_of(
    request: WorkflowInput,
    agent: AgentProfile | None,
    *,
    model: str | None = None,
    workflow: str,
    plan: str,
    version: str = "",
    inputs: Mapping[str, Any] = MappingProxyType({}),
    prompts: Sequence[str],
    knowledge: int,
    epoch: int,
) -> str | None:
    """Make the key under which the answer is kept; None: it is not to be cached.

    :param model: the model that answers; None: the request's.
    :param workflow: names the workflow's class.
    :param plan: the fingerprint of its graph.
    :param version: the version of its class.
    :param inputs: the inputs that nodes of the class's own read, as JSON.
    :param prompts: names and versions of the prompts.
    :param knowledge: a number that grows with each change of the documents.
    :param epoch: one that grows when answers are thrown away.
    """
    if request.mode not in CACHED_MODES:
        return None
    parts = [
        FORMAT,
        request.tenant_id,
        request.mode.value,
        normalised(request.query),
        agent,
        model or request.model,
        [(tool.name, _sorted(tool.arguments)) for tool in request.requested_tools],
        request.enable_rag,
        request.enable_tools,
        workflow,
        plan,
        version,
        _sorted(inputs),
        list(prompts),
        knowledge,
        epoch,
    ]
    return hashlib.sha256(to_json(parts)).hexdigest()


def _sorted(arguments: Mapping[str, Any] | None) -> str:
    """Write arguments so that their order does not matter."""
    if not arguments:
        return "null" if arguments is None else "{}"
    return json.dumps(dict(arguments), sort_keys=True)


def is_cacheable(
    output: WorkflowOutput, read_only: Collection[str], *, resumed: bool, has_response: bool = True
) -> bool:
    """Return whether an answer may be given again.

    :param read_only: the tools that change nothing: an answer that has changed something is no answer to
        the next request.
    :param resumed: whether a person has decided on it.
    :param has_response: whether the workflow makes a response, which may not be empty then.
    """
    return (
        output.status == "completed"
        and output.mode in CACHED_MODES
        and not resumed
        and reason_not_kept(output, read_only, has_response=has_response) is None
    )


def reason_not_kept(
    output: WorkflowOutput, read_only: Collection[str], *, has_response: bool = True
) -> CacheReason | None:
    """Return the reason for which an answer may not be given again; None: there is none in the answer itself.

    :param read_only: the tools that change nothing.
    :param has_response: whether the workflow makes a response, which may not be empty then.
    """
    if has_response and not output.response:
        return "no_response"
    if output.quality_score < MIN_QUALITY:
        return "low_quality"
    if any(result.name not in read_only for result in output.tool_results):
        return "tool_with_effects"
    return None


def is_coalescable(request: WorkflowInput, tools: Collection[str], read_only: Collection[str]) -> bool:
    """Return whether one run may answer all identical requests at a time: only if it can change nothing.

    :param tools: those that the agent may use.
    """
    requested = {tool.name for tool in request.requested_tools}
    return requested.union(tools if request.enable_tools else ()) <= set(read_only)
