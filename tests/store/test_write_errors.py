"""Which writes are refused for good, and which only have to wait."""

import pytest
from sqlalchemy import exc

from vital_shared.errors import StoreError, WriteRefused
from vital_shared.store.write_errors import is_permanent, is_refusal


class DriverError(Exception):
    """What a driver raises."""

    def __init__(self, **fields: object) -> None:
        super().__init__("no")
        vars(self).update(fields)


def dbapi(kind: type[exc.DBAPIError] = exc.DBAPIError, **fields: object) -> exc.DBAPIError:
    return kind("INSERT", None, DriverError(**fields))


@pytest.mark.parametrize(
    "error",
    [
        dbapi(exc.IntegrityError),
        dbapi(exc.DataError),
        dbapi(exc.ProgrammingError),
        dbapi(sqlstate="22003"),  # out of range
        dbapi(sqlstate="23514"),  # a check
        dbapi(sqlstate="54000"),  # too large
        dbapi(sqlstate="42601"),  # no statement
        dbapi(sqlstate="42804"),  # another type
        dbapi(exc.OperationalError, sqlite_errorcode=1),
        exc.StatementError("bind", "INSERT", None, ValueError()),
    ],
    ids=repr,
)
def test_what_the_data_or_the_statement_is_to_blame_for_is_refused_for_good(error):
    assert is_permanent(error)


@pytest.mark.parametrize(
    "error",
    [
        dbapi(exc.OperationalError),
        dbapi(exc.InterfaceError),
        dbapi(exc.OperationalError, sqlite_errorcode=5),  # busy
        dbapi(exc.OperationalError, sqlite_errorcode=13),  # the disk is full
        dbapi(exc.OperationalError, sqlite_errorcode=10 | 3 << 8),  # the disk does not write
        dbapi(sqlstate="40P01"),  # a deadlock
        dbapi(sqlstate="53100"),  # the disk is full
        dbapi(sqlstate="57P01"),  # it is shut down
        dbapi(exc.ProgrammingError, sqlstate="25006"),  # a replica that is read-only
        dbapi(exc.ProgrammingError, sqlstate="42501"),  # a permission that was taken away
        dbapi(exc.ProgrammingError, sqlstate="42P01"),  # a table that is being restored
        dbapi(exc.ProgrammingError, sqlstate="42703"),  # a column that a migration adds
        exc.TimeoutError("no connection is free"),
        exc.IntegrityError("INSERT", None, DriverError(), connection_invalidated=True),
    ],
    ids=repr,
)
def test_what_the_database_is_to_blame_for_waits(error):
    assert not is_permanent(error)


def test_an_error_of_our_own_code_is_a_refusal_and_an_end_of_the_loop_is_none():
    assert all(map(is_refusal, (TypeError(), OverflowError(), WriteRefused("no"))))
    assert not any(map(is_refusal, (StoreError("away"), KeyboardInterrupt())))
