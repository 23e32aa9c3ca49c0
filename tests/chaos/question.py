"""The kinds of questions that clients ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.stream import Stream

__all__ = ["KINDS", "Kind", "Question"]


@dataclass(frozen=True)
class Kind:
    """A workflow, a mode, and the way in which the answer is read."""

    path: str
    mode: str
    is_streamed: bool
    calls: int
    """Calls of the model that a run makes which nothing disturbs."""
    is_calculation: bool = False
    """Whether a tool is used, which manual modes ask to approve."""

    @property
    def is_chat(self) -> bool:
        """Whether it is asked in OpenAI's dialect."""
        return self.path == CHAT

    @property
    def name(self) -> str:
        """Its name in tables."""
        if self.is_chat:
            return "OpenAI's chat, streamed"
        workflow = self.path.split("/")[3] if "workflows" in self.path else f"mode {self.mode}"
        return f"{workflow}, {'streamed' if self.is_streamed else 'at once'}"


RUNS: Final = "/v1/runs"
REPORT: Final = "/v1/workflows/report/runs"
APPROVED: Final = "/v1/workflows/approved/runs"
CHAT: Final = "/v1/chat/completions"

OWN_KINDS: Final = tuple(
    Kind(path, mode, is_streamed, calls, is_calculation)
    for path, mode, calls, is_calculation in (
        (RUNS, "1", 1, True),
        (RUNS, "2", 1, False),
        (REPORT, "2", 5, False),
        (RUNS, "3", 1, True),
        (RUNS, "4", 1, False),
        (APPROVED, "2", 2, False),
    )
    for is_streamed in (True, False)
)

KINDS: Final = (*OWN_KINDS, Kind(CHAT, "2", is_streamed=True, calls=1))


@dataclass
class Question:
    """One question of a client, and how it went."""

    number: int
    kind: Kind
    tenant: str
    session: str
    fault: str
    """The fault during which it was asked."""
    run_id: str = ""
    """The run that was acknowledged: by its first event, or by its answer."""
    output: dict[str, Any] | None = None
    """The answer."""
    stream: Stream = field(default_factory=Stream)
    seconds: float = 0.0
    reconnects: int = 0
    error: str = ""

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return f"chaos-{self.number}"

    @property
    def body(self) -> dict[str, Any]:
        """The request."""
        asked = f"What is the answer to chaos-{self.number}?"
        if self.kind.is_chat:
            messages = [{"role": "user", "content": asked}]
            return {"model": "mode-2/generalist", "messages": messages, "stream": True}
        if self.kind.is_calculation:
            asked = f"Calculate {self.number} * 3 for chaos-{self.number}"
        return {
            "query": asked,
            "mode": self.kind.mode,
            "tenant_id": self.tenant,
            "user_id": "ann",
            "session_id": self.session if self.kind.mode in "34" else None,
            "enable_rag": False,
        }
