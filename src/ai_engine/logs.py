"""The service's logs: they go to stderr, as JSON, or readable on a terminal."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

import orjson
import structlog

from vital_shared.logs import as_error, get_logger, without_messages
from vital_shared.monitoring.telemetry import log_exporter
from vital_shared.monitoring.tracing import trace_context, tracer

__all__ = ["configure_logs", "log_unhandled"]

QUIET: Final = ("aiosqlite", "alembic", "dbos", "httpcore", "httpx", "mcp", "uvicorn")
"""Loggers whose lines repeat ours, or contain questions of users, or keys; their warnings stay."""

OBSERVER_FIELDS: Final = ("observer", "hook")
"""Fields of the graph's lines, which it logs with the standard library."""

logger = get_logger(__name__)


def configure_logs(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs, of the libraries too, to stderr in one form.

    What exceptions say is in lines of debug level alone, since it may hold what users ask.
    """
    to = stream or sys.stderr
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_messages,
        *_telemetry(),
    ]
    last = _last(to.isatty())
    handler = logging.StreamHandler(to)
    structlog.configure(
        processors=[*shared, *last, _Writer(handler)],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    foreign: list[structlog.types.Processor] = [structlog.stdlib.ExtraAdder(OBSERVER_FIELDS), *shared]
    form = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=[remove_meta, *last])
    handler.setFormatter(form)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _telemetry() -> Sequence[structlog.types.Processor]:
    """Return what gives a line its trace and sends it to a collector; nothing where tracing is off."""
    if tracer() is None:
        return ()
    exporter = log_exporter()
    return (_add_trace,) if exporter is None else (_add_trace, exporter)


def _add_trace(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    event.update(trace_context())
    return event


class _Writer:
    """The last processor: writes a line of ours, past `logging`, which would look for who called.

    :param handler: the handler of the libraries' lines; a stream that fails is its affair, as theirs is.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO]) -> None:
        self._handler = handler

    def __call__(self, logger: logging.Logger, _method: str, line: Any) -> str:
        handler = self._handler
        handler.acquire()  # threads log too
        try:
            handler.stream.write(f"{line}\n")
            handler.stream.flush()
        except (OSError, ValueError):
            handler.handleError(logger.makeRecord(logger.name, logging.ERROR, "", 0, line, (), None))
        finally:
            handler.release()
        raise structlog.DropEvent


def log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a task or callback raised and nobody awaited; asyncio's own line quotes the exception."""
    logger.debug("unhandled_error", context=context.get("message"))
    logger.error("unhandled_error", exc_info=context.get("exception"))


def _hide_messages(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    if event["level"] != "debug":
        error = as_error(event.pop("exc_info", None))
        if error is not None:
            event["exception"] = without_messages(error)
    return event


def _write(event: dict[str, Any], *, default: Callable[[Any], Any], **_: Any) -> str:
    return orjson.dumps(event, default, orjson.OPT_NON_STR_KEYS).decode()


def _last(on_terminal: bool) -> list[structlog.types.Processor]:
    if on_terminal:  # a plain traceback: the one that structlog prefers shows the values of all variables
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_write)]
