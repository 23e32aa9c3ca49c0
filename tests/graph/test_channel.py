"""A bounded pipe with one reader."""

import asyncio

import pytest

from vital_shared.graph import Channel


async def read(channel, into):
    async for item in channel:
        into.append(item)
        await asyncio.sleep(1)


async def test_items_come_in_their_order_until_it_is_closed():
    channel, got = Channel(10), []
    reader = asyncio.create_task(read(channel, got))
    for number in range(5):
        await channel.send(number)
        await asyncio.sleep(0.3)
    channel.close()
    await reader
    assert got == [0, 1, 2, 3, 4]


async def test_a_closed_channel_is_read_to_its_end():
    channel, got = Channel(10), []
    channel.push(1)
    channel.push(2)
    channel.close()
    await read(channel, got)
    assert got == [1, 2]


async def test_closing_wakes_a_waiting_reader():
    channel = Channel(1)
    reader = asyncio.create_task(read(channel, []))
    await asyncio.sleep(1)
    assert not reader.done()
    channel.close()
    await reader
    assert reader.done()


async def test_a_slow_reader_slows_the_writer():
    channel, got, times = Channel(2), [], []

    async def write():
        for number in range(6):
            await channel.send(number)
            times.append(asyncio.get_running_loop().time())
        channel.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(read(channel, got))
    assert got == [0, 1, 2, 3, 4, 5]
    assert times == [0, 0, 0, 1, 2, 3]


async def test_a_push_never_waits():
    channel, got = Channel(1), []
    for number in range(5):
        channel.push(number)
    channel.close()
    await read(channel, got)
    assert got == [0, 1, 2, 3, 4]


async def test_many_writers_all_get_their_turn():
    channel, got = Channel(1), []

    async def write(start):
        for number in range(start, start + 3):
            await channel.send(number)

    reader = asyncio.create_task(read(channel, got))
    async with asyncio.TaskGroup() as group:
        for start in (0, 10, 20):
            group.create_task(write(start))
    channel.close()
    await reader
    assert sorted(got) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert [number for number in got if number < 10] == [0, 1, 2]


async def test_a_cancelled_writer_passes_its_turn_on():
    channel, got = Channel(1), []
    channel.push("full")
    writers = [asyncio.create_task(channel.send(number)) for number in range(3)]
    await asyncio.sleep(0)
    reader = asyncio.create_task(read(channel, got))
    await asyncio.sleep(0)  # the reader has made room, and the first writer has its turn
    writers[0].cancel()
    writers[1].cancel()
    await asyncio.wait(writers)
    channel.close()
    await reader
    assert got == ["full", 2]


async def test_room_is_there_for_what_is_pushed_at_once():
    channel = Channel(1)
    await channel.room()
    channel.push(1)
    waiting = asyncio.create_task(channel.room())
    await asyncio.sleep(1)
    assert not waiting.done()
    reader = asyncio.create_task(read(channel, []))
    await waiting
    channel.close()
    await reader


async def test_a_reader_may_stop_and_another_go_on():
    channel = Channel(5)
    for number in range(3):
        channel.push(number)
    items = aiter(channel)
    assert await anext(items) == 0
    await items.aclose()
    got = []
    channel.close()
    await read(channel, got)
    assert got == [1, 2]


async def test_a_cancelled_reader_leaves_no_trace():
    channel, got = Channel(5), []
    reader = asyncio.create_task(read(channel, got))
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader])
    await channel.send(1)
    channel.close()
    await read(channel, got)
    assert got == [1]


async def test_two_readers_at_once_are_an_error():
    channel = Channel(5)
    reader = asyncio.create_task(read(channel, []))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="a channel has one reader, and it is waiting already"):
        await read(channel, [])
    channel.close()
    await reader
