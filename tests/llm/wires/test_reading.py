"""Pieces go out as they come: at once, and those that have come together as one."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.llm.wires.conftest import CHAT, collect
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import TEXT, chunk, stream

from vital_shared.llm.base import ReasoningDelta, TextDelta, Usage
from vital_shared.llm.wires.reading import _joined


def texts(events):
    return [event.text for event in events if isinstance(event, TextDelta)]


async def test_pieces_of_one_packet_are_one(connect):
    async with serve(stream([b"".join(TEXT)])) as server:
        events = await collect(connect(server), CHAT)
    assert texts(events) == ["It takes 42 days — ünïcode."]


async def test_a_piece_does_not_wait_for_the_next(connect):
    gate = asyncio.Event()
    rest = [chunk({"content": "second"}), *TEXT[-3:]]
    async with serve(stream([chunk({"content": "first "}), gate, *rest])) as server:
        came = []
        async for event in connect(server).stream("gpt-test", CHAT):
            if isinstance(event, TextDelta):
                came.append(event.text)
                gate.set()
    assert came == ["first ", "second"]


EVENTS = st.one_of(
    st.text().map(lambda text: TextDelta(text=text)),
    st.text().map(lambda text: ReasoningDelta(text=text)),
    st.integers(0, 9).map(lambda count: Usage(input_tokens=count, output_tokens=0)),
)


@given(st.lists(EVENTS))
def test_nothing_is_lost_or_moved(events):
    joined = _joined(list(events))

    def spelt(these):
        """All that is said, letter by letter."""
        for event in these:
            if isinstance(event, TextDelta | ReasoningDelta):
                yield from ((type(event), letter) for letter in event.text)
            else:
                yield event

    assert list(spelt(joined)) == list(spelt(events))
    kinds = [type(event) for event in joined]
    assert not any(one is other and one is not Usage for one, other in pairwise(kinds))
