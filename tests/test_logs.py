"""What the library logs of errors: types and places, and what they say at debug level alone."""

import logging
from typing import Any

import pytest

from vital_shared.logs import as_error, get_logger, without_messages

SECRET = "xyzzy"


def raised() -> Exception:
    """An error with a cause, a group within and notes, each with a secret in it."""
    try:
        try:
            {}[SECRET]
        except KeyError as error:
            group = ExceptionGroup(SECRET, [ValueError(SECRET), OSError(2, SECRET, SECRET)])
            group.add_note(SECRET)
            raise group from error
    except ExceptionGroup as error:
        return error


def test_a_traceback_has_types_and_places_and_nothing_that_was_said() -> None:
    written = without_messages(raised())
    assert [line for line in written.splitlines() if not line.startswith(" ")] == [
        "KeyError",
        "which led to",
        "ValueError",
        "which led to",
        "FileNotFoundError",
        "which led to",
        "ExceptionGroup",
    ]
    assert "in raised" in written
    assert SECRET not in written


def test_errors_that_are_each_others_causes_end() -> None:
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert without_messages(one).count("which led to") == 1


def test_a_deep_traceback_is_cut() -> None:
    def deep(left: int) -> None:
        if left:
            even(left)
        raise ValueError

    def even(left: int) -> None:
        deep(left - 1)

    with pytest.raises(ValueError) as caught:
        deep(200)
    assert len(without_messages(caught.value).splitlines()) < 200


@pytest.mark.parametrize("given", [None, False, (None, None, None), "text"])
def test_outside_of_a_handler_there_is_no_error(given: Any) -> None:
    assert as_error(given) is None


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
def test_what_an_error_says_is_a_line_of_debug_level(
    level: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = get_logger("vital.test")
    with caplog.at_level(level):
        logger.warning("given", exc_info=raised())
        try:
            {}[SECRET]
        except KeyError:
            logger.exception("caught")
            logger.info("never read at warning level", exc_info=True)
    for record in caplog.records:
        reported = record.getMessage() + str(record.exc_info)
        assert ("Error" in reported) or ("Group" in reported)
        assert (SECRET in reported) is (record.levelno == logging.DEBUG)
    shown = [record.levelname for record in caplog.records if record.levelno > logging.DEBUG]
    assert shown == ["WARNING", "ERROR"] + ["INFO"] * (level == logging.DEBUG)
