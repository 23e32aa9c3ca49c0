"""The graph that is built of four-bit weights computes what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.retrieval.e5_weights import SmallModel

from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.e5_graph import build

TEXTS = ([0, 7, 12, 2], [0, 49, 3, 3, 21, 8, 30, 44, 2], [0, 2])


@pytest.fixture(scope="module")
def small() -> SmallModel:
    return SmallModel()


def test_the_graph_gives_the_vectors_of_the_weights(small: SmallModel, tmp_path: Path) -> None:
    import onnxruntime

    (tmp_path / "weights").write_bytes(small.file())
    build(tmp_path / "weights", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for tokens in TEXTS:
        (found,) = session.run(None, {"input_ids": [tokens]})
        expected = small.embedding(tokens)
        cosine = found[0] @ expected / np.linalg.norm(found[0]) / np.linalg.norm(expected)
        assert cosine > 0.995


@pytest.mark.parametrize(
    "damage", [lambda data: b"GGUF" + data[4:], lambda data: data[:900], lambda _: b"E5S1"]
)
def test_a_file_of_another_format_is_refused(small: SmallModel, tmp_path: Path, damage) -> None:
    (tmp_path / "weights").write_bytes(damage(small.file()))
    with pytest.raises(ConfigurationError, match=r"weights is not a model that can be read"):
        build(tmp_path / "weights", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
