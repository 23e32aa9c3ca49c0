"""The queue of background runs: DBOS, which orders, limits and hands out items over all processes.

An item is the name of a run and of an attempt at it; DBOS keeps nothing else. Source of its behaviour:
https://docs.dbos.dev/python/reference/queues and https://docs.dbos.dev/python/reference/configuration.

DBOS has threads of its own: one for each queue, which polls, and an event loop for its items. The work itself
is done on the engine's loop. It is loaded and started with the first background run, and stopped with the
engine; it sends nothing anywhere (no Conductor, no OTLP).
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, Final

from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.store.background_runs import QueueItem
from vital_shared.workflows.background.limits import QueueLimits
from vital_shared.workflows.background.queue_address import QueueDatabase

logging.getLogger("dbos").addHandler(logging.NullHandler())  # before it is loaded: else it adds its own
logging.getLogger("dbos").setLevel(logging.ERROR)

from dbos import DBOS, DBOSConfig, EnqueueOptions, Serializer  # noqa: E402 - see above

__all__ = ["DbosQueue"]

logger = get_logger(__name__)

APPLICATION: Final = "vital"
ITEMS_VERSION: Final = "1"
"""The form of the items: engines of other versions that have the same work on each other's."""

ITEM: Final = "background_run"
"""The name of the function of DBOS that an item is given to."""

POLL_SECONDS: Final = 0.25
"""The longest time until a free process sees a new item."""

KEEP_MILLISECONDS: Final = 3_600_000
"""The time that an item is kept once it is done: rates are counted from it."""

PRUNED_ITEMS: Final = 1_000
STOP_SECONDS: Final = 10.0
THREADS: Final = 4

Work = Callable[[str], Coroutine[Any, Any, None]]


class _JsonSerializer(Serializer):
    """A serializer to JSON; DBOS's own writes pickles, which run code where they are read."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=repr)

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805 - named as DBOS has it
        return json.loads(serialized_data)

    def name(self) -> str:
        return "vital_json"


class DbosQueue:
    """The queue, as one process sees it; there is at most one in a process.

    :param database: the place of its tables.
    :param executor_id: the name of this process, which no other has or had.
    :param workflows: names of the workflows whose items this process takes.
    :param work: does an item's work, on the event loop that starts the queue.
    """

    in_process: DbosQueue | None = None
    _guard: Final = threading.Lock()

    def __init__(
        self,
        database: QueueDatabase,
        executor_id: str,
        workflows: Collection[str],
        limits: QueueLimits,
        work: Work,
    ) -> None:
        self._database = database
        self._executor_id = executor_id
        self._workflows = tuple(workflows)
        self._limits = limits
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changing: Final = threading.Lock()  # held by the thread that launches or stops DBOS
        self._is_stopped = False

    async def start(self) -> None:
        """Make the tables, and begin to take items.

        :raises ConfigurationError: when this process has another queue.
        """
        with DbosQueue._guard:
            if DbosQueue.in_process is not None:
                raise ConfigurationError(
                    "This process works on the background runs of another store or event loop already: "
                    "one process has one queue."
                )
            DbosQueue.in_process = self
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._launch)  # from a thread: DBOS then has an event loop of its own
        except BaseException:
            await self.aclose()
            raise

    def _launch(self) -> None:
        """Launch DBOS; a thread goes on where the start is cancelled, and a stop then waits for it."""
        with self._changing:
            if not self._is_stopped:
                self._launch_dbos()

    def _launch_dbos(self) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": ITEMS_VERSION,
            "executor_id": self._executor_id,
            "system_database_engine": self._database.engine,
            "serializer": _JsonSerializer(),
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "ERROR",
            "max_executor_threads": THREADS,
        }
        if self._database.schema is not None:
            config["dbos_system_schema"] = self._database.schema
        DBOS(config=config)
        DBOS.listen_queues(list(self._workflows))
        DBOS.launch()
        rate = self._limits.tenant_per_minute
        for name in self._workflows:
            DBOS.register_queue(
                name,
                worker_concurrency=self._limits.at_once,
                partition_concurrency=self._limits.tenant_at_once,
                partition_limiter={"limit": rate, "period": 60.0} if rate else None,
                polling_interval_sec=POLL_SECONDS,
                on_conflict="always_update",
            )

    async def put(self, item: QueueItem, *, workflow: str, tenant_id: str) -> None:
        """Add an item, once however often it is added."""
        options: EnqueueOptions = {
            "workflow_name": ITEM,
            "queue_name": workflow,
            "workflow_id": item.id,
            "queue_partition_key": tenant_id,
            "app_version": ITEMS_VERSION,
        }
        await asyncio.to_thread(DBOS.enqueue_workflow_with_options, options, item.id)

    async def executors(self) -> frozenset[str]:
        """Return the names of the processes that have items at work."""
        return await asyncio.to_thread(_executors, self._workflows)

    async def recover(self, executor_ids: Iterable[str]) -> None:
        """Give the items of dead processes back to the queue; again changes nothing."""
        dead = sorted(set(executor_ids) - {self._executor_id})
        if dead:
            # DBOS's Conductor calls the same, which has no public name; a second call changes nothing.
            await asyncio.to_thread(DBOS._recover_pending_workflows, dead)  # noqa: SLF001 - see above

    async def prune(self) -> None:
        """Forget items that have been done for a while."""
        await asyncio.to_thread(_prune, self._workflows)

    async def aclose(self) -> None:
        """Take no more items, and end DBOS's threads; items at work stay those of this process."""
        if DbosQueue.in_process is not self:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.to_thread(self._stop)
        except TimeoutError:  # the thread goes on, and this process has this queue until it has ended
            logger.warning("background_queue_not_stopped", seconds=STOP_SECONDS)

    def _stop(self) -> None:
        with self._changing:
            self._is_stopped = True
            try:
                # The threads that hand items out end first, and then the loop that takes them.
                DBOS.destroy(workflow_completion_timeout_sec=1)
            finally:
                self._database.close()
                DbosQueue.in_process = None

    async def do(self, name: str) -> None:
        """Do an item's work on the engine's loop, from that of DBOS."""
        assert self._loop is not None  # noqa: S101 - `start` has set it before DBOS runs
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._work(name), self._loop))


@DBOS.workflow(name=ITEM, max_recovery_attempts=None)
async def _background_run(name: str) -> None:
    """Run an item; what it names begins, or is followed, so that running it again costs little."""
    queue = DbosQueue.in_process
    if queue is None:
        raise ConfigurationError("The queue of background runs is not started in this process.")
    await queue.do(name)


def _executors(workflows: Collection[str]) -> frozenset[str]:
    found = DBOS.list_workflows(
        status="PENDING", queue_name=list(workflows), load_input=False, load_output=False
    )
    return frozenset(item.executor_id for item in found if item.executor_id)


def _prune(workflows: Collection[str]) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - KEEP_MILLISECONDS / 1_000))
    done = DBOS.list_workflows(
        status=["SUCCESS", "ERROR", "CANCELLED"],
        queue_name=list(workflows),
        completed_before=before,
        limit=PRUNED_ITEMS,
        load_input=False,
        load_output=False,
    )
    if done:
        DBOS.delete_workflows([item.workflow_id for item in done])
