"""The embedded models that search could use, and that are not installed."""

from __future__ import annotations

from vital_shared.logs import get_logger

__all__ = ["MissingModels"]

logger = get_logger(__name__)


class MissingModels:
    """The absence of embedded models, logged once, by the first search: what never searches lacks none.

    :param event: the log event.
    :param hint: the command that installs them.
    """

    def __init__(self, event: str, hint: str) -> None:
        self._event = event
        self._hint = hint
        self._is_logged = False

    def note_search(self) -> None:
        """Log it, unless it was."""
        if not self._is_logged:
            self._is_logged = True
            logger.warning(self._event, hint=self._hint)
