"""Loggers of the library: structured, and quiet until the application says where logs go."""

from __future__ import annotations

import logging
from typing import Any

import structlog

__all__ = ["get_logger"]


def get_logger(name: str) -> Any:
    """Return a structlog logger that writes through the standard library's logger of that name.

    structlog alone prints to stdout, which belongs to the application; this way nothing is written but
    warnings, to stderr, unless the application configures `logging` (and structlog's processors) itself.
    """
    return structlog.wrap_logger(logging.getLogger(name))
