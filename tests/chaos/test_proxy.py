"""The proxy passes bytes on, holds them while it is cut, and ends connections whose server is gone."""

import asyncio

import pytest
from tests.chaos.proxy import running_proxy


@pytest.fixture
async def echo():
    """A server that sends back what it gets."""

    async def serve(reader, writer):
        while piece := await reader.read(100):
            writer.write(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running_proxy(lambda: asyncio.open_connection("127.0.0.1", port)) as proxy:
        yield proxy, server
    server.close()


async def test_what_is_sent_passes_both_ways_and_is_counted(echo):
    proxy, _ = echo
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    assert (proxy.bytes_to_server, proxy.bytes_from_server) == (5, 5)
    writer.close()


async def test_a_cut_proxy_holds_old_and_new_connections_until_it_is_mended(echo):
    proxy, _ = echo
    old, old_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    old_writer.write(b"1")
    assert await old.readexactly(1) == b"1"
    proxy.cut()
    new, new_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    reads = []
    for reader, writer in ((old, old_writer), (new, new_writer)):
        writer.write(b"2")
        reads.append(asyncio.create_task(reader.readexactly(1)))
    done, _ = await asyncio.wait(reads, timeout=0.2)
    assert done == set()
    proxy.mend()
    assert await asyncio.gather(*reads) == [b"2", b"2"]
    old_writer.close()
    new_writer.close()


async def test_a_connection_whose_server_is_gone_is_closed(echo):
    proxy, server = echo
    server.close()
    await server.wait_closed()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await reader.read() == b""
    writer.close()
