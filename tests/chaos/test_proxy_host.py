"""The proxies of another process can be cut and mended from here."""

import asyncio

from tests.chaos.proxy_host import proxy_host


async def test_a_proxy_in_another_process_passes_on_is_cut_and_is_mended():
    async def echo(reader, writer):
        while piece := await reader.read(100):
            writer.write(piece)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server, proxy_host() as host:
        proxy = await host.open(port=server.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"1")
        assert await reader.readexactly(1) == b"1"
        assert await proxy.bytes() == 2
        await proxy.cut()
        writer.write(b"2")
        reading = asyncio.create_task(reader.readexactly(1))
        done, _ = await asyncio.wait([reading], timeout=0.2)
        assert done == set()
        await proxy.mend()
        assert await reading == b"2"
        writer.close()
        await writer.wait_closed()
