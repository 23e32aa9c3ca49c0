"""Worker threads that are shared by tenants, so that one tenant's texts do not queue before the others'."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

__all__ = ["FairThreads"]

Work = tuple["Future[Any]", Callable[[Any], Any], Any]


class FairThreads:
    """Threads that take work from one queue for each tenant, in turn; a free thread never waits.

    :param threads: number of threads.
    :param name: the beginning of their names.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._lock = Lock()
        self._queues: OrderedDict[str, deque[Work]] = OrderedDict()
        """The work of each tenant that has some; the tenant whose turn it is comes first."""

    def submit(self, tenant_id: str, function: Callable[[Any], Any], argument: Any) -> Future[Any]:
        """Call a function when it is the tenant's turn."""
        future: Future[Any] = Future()
        with self._lock:
            self._queues.setdefault(tenant_id, deque()).append((future, function, argument))
        self._threads.submit(self._work)  # once for each piece of work, so that none is left
        return future

    def _work(self) -> None:
        future, function, argument = self._next()
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function(argument))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)
        finally:
            del future, argument  # an exception that its own frame holds is a reference cycle

    def _next(self) -> Work:
        with self._lock:
            tenant_id, queue = next(iter(self._queues.items()))
            work = queue.popleft()
            self._queues.move_to_end(tenant_id)
            if not queue:
                del self._queues[tenant_id]
            return work
