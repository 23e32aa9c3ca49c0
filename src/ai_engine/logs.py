"""Where the service's logs go: to stderr, as JSON, or readable on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure_logs"]


def configure_logs(level: int = logging.INFO) -> None:
    """Send all logs, of the libraries too, to stderr in one form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last(sys.stderr.isatty()))
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("alembic", "uvicorn"):  # what they tell of each start is told in one line of our own
        logging.getLogger(name).setLevel(logging.WARNING)


def _last(on_terminal: bool) -> list[structlog.types.Processor]:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if on_terminal:
        return [remove_meta, structlog.dev.ConsoleRenderer()]
    return [remove_meta, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
