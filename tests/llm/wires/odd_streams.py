"""Odd shapes made of real ones: JSON with types swapped, fields dropped and values odd, and streams of it.

All take a `random.Random`, as hypothesis' ``randoms()`` gives it, so that a failure is found again.
"""

import json
from random import Random
from typing import Any

from vital_shared.llm.wires.sse import EventReader

ODD_VALUES = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    -0.0,
    10**9,
    2**63,
    2**80,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "42",
    "null",
    "stop",
    "error",
    "length",
    "\ud83d",
    "\ude00 x",
    "a\x00b",
    "é" * 50,
    "<think>",
    "</think>",
    "[DONE]",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": None},
    {"type": "text"},
    {"type": "text", "text": "words"},
    {"type": ["text"], "text": {"text": 7}},
    {"message": "It failed.", "code": 502},
    {"message": {"message": ["It failed."]}, "code": {"n": 1}, "type": []},
]


def odd_value(random: Random) -> Any:
    """Return a value that hardly belongs where it is put."""
    if random.random() < 0.05:
        return _nested(random.choice([10, 300]))
    return random.choice(ODD_VALUES)


def odd(value: Any, random: Random, chance: float = 0.1) -> Any:
    """Return a value like the given one, each part of which is changed with this chance; bytes stay."""
    if isinstance(value, bytes):
        return value
    if random.random() < chance:
        return random.choice(
            [odd_value, lambda _: [value], lambda _: {"value": value}, lambda _: str(value)]
        )(random)
    if isinstance(value, dict):
        return _odd_object(value, random, chance)
    if isinstance(value, list):
        return _odd_list(value, random, chance)
    return value


def odd_stream(chunks: list[Any], random: Random, chance: float = 0.05) -> list[Any]:
    """Return chunks like the given ones: some odd, some dropped, doubled, or moved."""
    made = []
    for chunk in chunks:
        if random.random() < chance:
            continue
        made += [odd(chunk, random, chance)] * (2 if random.random() < chance else 1)
    if random.random() < chance:
        random.shuffle(made)
    if random.random() < chance:
        made.insert(random.randrange(len(made) + 1), odd_value(random))
    return made


def written(value: Any) -> bytes:
    """Write JSON as Python does: with NaN, and escapes for halves of surrogates."""
    return json.dumps(value).encode()


def chunks_of(parts: list[bytes]) -> list[Any]:
    """Return the JSON of a stream's events."""
    reader = EventReader()
    return [json.loads(data) for part in parts for data in reader.feed(part) if data.startswith(b"{")]


def as_events(chunks: list[Any], random: Random) -> bytes:
    """Write chunks as a stream, now and then with odd lines, ends and marks."""
    end = random.choice([b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"])
    parts = [b"\xef\xbb\xbf"] if random.random() < 0.1 else []
    for chunk in chunks:
        if random.random() < 0.05:
            parts.append(
                random.choice([b": ping" + end, b"data:" + end, b"event: x\n", b"id: 1" + end, b"data: \n\n"])
            )
        parts.append(b"data: " + (chunk if isinstance(chunk, bytes) else written(chunk)) + end)
    return b"".join(parts)


def damaged(data: bytes, random: Random) -> bytes:
    """Return bytes like the given ones, some of them lost, doubled or replaced."""
    whole = bytearray(data)
    for _ in range(random.randrange(4)):
        if not whole:
            break
        start = random.randrange(len(whole))
        stop = min(len(whole), start + random.choice([1, 1, 5, 80]))
        whole[start:stop] = random.choice([b"", bytes([random.randrange(256)]), bytes(whole[start:stop]) * 2])
    return bytes(whole)


def cut(data: bytes, random: Random) -> list[bytes]:
    """Cut bytes into packets."""
    if random.random() < 0.2:
        return [data[i : i + 1] for i in range(len(data))]
    places = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(8)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def _odd_object(value: dict[str, Any], random: Random, chance: float) -> dict[str, Any]:
    made = {}
    for name, each in value.items():
        if random.random() >= chance / 2:
            made[f"{name}s" if random.random() < chance / 4 else name] = odd(each, random, chance)
    if value and random.random() < chance:
        made[random.choice(list(value))] = odd_value(random)
    return made


def _odd_list(value: list[Any], random: Random, chance: float) -> Any:
    made = [odd(each, random, chance) for each in value if random.random() >= chance / 2]
    if random.random() < chance:
        made.insert(random.randrange(len(made) + 1), odd_value(random))
    return made[0] if made and random.random() < chance / 2 else made


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value
