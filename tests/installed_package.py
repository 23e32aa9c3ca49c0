"""A small package that is installed into a folder of its own, with its entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["install_package"]


def install_package(folder: Path, name: str, source: str, plugins: Mapping[str, str]) -> None:
    """Write a module and the metadata of its distribution, as pip leaves them.

    :param plugins: entry points of the group ``vital.plugins``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = (f"{each} = {target}" for each, target in plugins.items())
    (metadata / "entry_points.txt").write_text("\n".join(("[vital.plugins]", *lines, "")))
