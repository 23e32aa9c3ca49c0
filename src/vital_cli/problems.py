"""The message for the user when a command fails, and the exit code."""

from __future__ import annotations

import os
import traceback

from pydantic import ValidationError

from vital_cli.terminal import say
from vital_shared.errors import ConfigurationError, Conflict, InvalidRequest, NotFound, RunFailed, VitalError
from vital_shared.graph import GraphError
from vital_shared.wrong_field import WrongField

__all__ = ["EXIT_FAILED", "EXIT_WAITING", "EXIT_WRONG_INPUT", "debugging", "invalid", "report_error"]

DEBUG_HINT = "Run the command again with VITAL_DEBUG=1 to see where it happened."

EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_WAITING = 3


def debugging() -> bool:
    """Return whether VITAL_DEBUG asks for logs and tracebacks."""
    return os.environ.get("VITAL_DEBUG", "") not in ("", "0")


def report_error(error: Exception) -> int:
    """Say on stderr what went wrong, in one sentence, and return the exit code."""
    if debugging():
        traceback.print_exception(error)
    say(f"Error: {_sentence(error)}", "red")
    return EXIT_WRONG_INPUT if isinstance(error, InvalidRequest | ConfigurationError) else EXIT_FAILED


def _sentence(error: Exception) -> str:
    names_thing = isinstance(error, NotFound | Conflict)
    if isinstance(error, InvalidRequest) and error.field is not None and not names_thing:
        return f"{error.message} ({error.field})"
    if isinstance(error, RunFailed):
        return f"{error.for_operators} ({error.run_id}){_where(error)}"
    if isinstance(error, VitalError | GraphError):
        return error.for_operators if isinstance(error, VitalError) else str(error)
    return f"Unexpected {type(error).__name__}: {error}. {DEBUG_HINT}"


def _where(error: RunFailed) -> str:
    """Hint at the log where code has failed, such as a node's: its message is kept out of the answer."""
    return f". {DEBUG_HINT}" if error.error_type == "internal" and not debugging() else ""


def invalid(error: ValidationError) -> InvalidRequest:
    """Make one sentence of what pydantic says about an input: its first finding, with the field."""
    return InvalidRequest(f"{WrongField.first(error).sentence}.", field=None)
