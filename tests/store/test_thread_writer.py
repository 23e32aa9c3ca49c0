"""The thread that writes keeps its connection, but not after an error."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from vital_shared.store.engines import create_thread_engine, parse_url
from vital_shared.store.thread_writer import ThreadWriter


@pytest.fixture
def engine(tmp_path):
    file = tmp_path / "x.db"
    file.touch()
    return create_thread_engine(parse_url(f"sqlite+aiosqlite:///{file}"))


@pytest.fixture
def writer(engine):
    writer = ThreadWriter(engine, lock_seconds=30)
    yield writer
    writer.close()


def insert(number):
    def work(connection):
        connection.execute(text("CREATE TABLE IF NOT EXISTS kept (number INTEGER)"))
        connection.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})

    return work


def numbers(connection):
    return [row[0] for row in connection.execute(text("SELECT number FROM kept"))]


async def test_it_takes_one_connection_for_all(engine, writer):
    taken = []
    event.listen(engine, "engine_connect", taken.append)
    for number in range(5):
        await writer.write(insert(number))
    assert await writer.write(numbers) == [0, 1, 2, 3, 4]
    assert len(taken) == 1


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
async def test_what_fails_is_rolled_back_and_the_next_one_begins_anew(engine, writer, error):
    taken = []
    event.listen(engine, "engine_connect", taken.append)
    await writer.write(insert(1))

    def fail(connection):
        insert(2)(connection)
        raise error

    with pytest.raises(type(error)):
        await writer.write(fail)
    await writer.write(insert(3))
    assert await writer.write(numbers) == [1, 3]
    assert len(taken) == 2


async def test_a_statement_that_fails_is_reported(writer):
    with pytest.raises(OperationalError, match="no such table"):
        await writer.write(lambda connection: connection.execute(text("SELECT * FROM unknown")))
