"""Name the node that holds the event loop up, as one that sleeps or computes in an async method does."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Final, NamedTuple, Self

from vital_shared.graph import Node
from vital_shared.logs import get_logger

__all__ = ["LoopWatch"]

logger = get_logger(__name__)

BLOCKED_SECONDS: Final = 1.25
"""Seconds without a sign of life from which on the event loop is held up."""

LOOK_SECONDS: Final = 0.25
"""Time between two looks."""

GRAPH: Final = "vital_shared.graph"
"""The package whose frames stand right above those of a node."""


class _Holder(NamedTuple):
    """A node at work, at a line of its own method."""

    node: str
    place: str


class LoopWatch:
    """A thread that looks for signs of life of the event loop of the thread that enters it.

    A node is named when it is seen twice at one line: a process that gets no processor is no fault of it.
    """

    def __init__(self) -> None:
        self._beat = time.monotonic()
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._named: set[_Holder] = set()
        self._thread = threading.Thread(target=self._look, name="vital-loop-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def beat(self) -> None:
        """Give a sign of life."""
        self._beat = time.monotonic()

    def _look(self) -> None:
        seen: _Holder | None = None
        while not self._ended.wait(LOOK_SECONDS):
            seconds = time.monotonic() - self._beat
            before, seen = seen, self._holder() if seconds >= BLOCKED_SECONDS else None
            if seen is not None and seen == before and seen not in self._named:
                self._named.add(seen)
                logger.warning(
                    "event_loop_blocked",
                    node=seen.node,
                    place=seen.place,
                    seconds=round(seconds, 1),
                    hint="all other requests of this process wait meanwhile: make the node sync, with def, "
                    "so that it runs in a thread, or await what takes long",
                )

    def _holder(self) -> _Holder | None:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - documented, and the only way
        below: FrameType | None = None
        while frame is not None:
            if frame.f_globals.get("__name__", "").startswith(GRAPH):
                node = _node_of(frame)
                if node is not None and below is not None:
                    return _Holder(node.name, _place(below))
            else:
                below = frame
            frame = frame.f_back
        return None


def _node_of(frame: FrameType) -> Node | None:
    """Return the node that a frame of the graph is about; None: it is about none."""
    for value in list(frame.f_locals.values()):
        for found in (value, getattr(value, "node", None)):
            if isinstance(found, Node):
                return found
    return None


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"
