"""The steps of the Dockerfile without Docker: ``python -m tests.image``, as root.

A fresh environment gets the packages by their hashes, the wheel and the models. Then the engine serves from it as a
user that is not root, with nothing to write to but its data and its own folder for temporary files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from vital_ops.stack.ports import free_port

ROOT = Path(__file__).parents[1]
USER = 10001
READY_SECONDS = 120
IMPORTS = "import asyncpg, dbos, docx, joserfc, mcp, onnxruntime, opentelemetry.sdk, pydantic_ai, redis"
HOST = "127.0.0.1"


def run(*command: str | Path, **environment: str) -> None:
    say(" ".join(("$", *map(str, command))))
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | environment)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def python_for_all() -> str:
    """Return a Python 3.11 outside of anybody's home."""
    found = shutil.which("python3.11", path="/usr/local/bin:/usr/bin")
    if found is None:
        raise SystemExit("There is no Python 3.11 in /usr/bin that every user can run.")
    return found


def build(folder: Path) -> None:
    """Run the steps of the first stage."""
    pip = folder / "vital/bin/pip"
    run(python_for_all(), "-m", "venv", folder / "vital")
    run(pip, "install", "--quiet", "--require-hashes", "--requirement", "services/ai-engine/requirements.txt")
    run(pip, "install", "--quiet", "--no-deps", ".", PIP_CONSTRAINT="constraints.txt")
    run(folder / "vital/bin/vital", "models", "install", VITAL_MODELS_DIR=str(folder / "models"))


def serve(folder: Path) -> None:
    """Serve as the last stage does, and ask it whether it is ready, and for its console."""
    port = free_port(HOST)
    for name in ("data", "tmp"):
        (folder / name).mkdir()
        os.chown(folder / name, USER, USER)
    environment = {
        "PATH": f"{folder / 'vital/bin'}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "data"),
        "VITAL_DATA_DIR": str(folder / "data"),
        "VITAL_MODELS_DIR": str(folder / "models"),
        "VITAL_PORT": str(port),
    }
    as_user = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs")
    subprocess.run([*as_user, "python", "-c", IMPORTS], check=True, env=environment, cwd="/")
    subprocess.run([*as_user, "vital", "ingest", ROOT / "examples/knowledge/biosimilars.md"], check=True,
                   env=environment, cwd="/")  # fmt: skip
    engine = subprocess.Popen([*as_user, "vital", "serve"], env=environment, cwd="/")
    try:
        wait_until_ready(f"http://{HOST}:{port}")
        written = [path for path in folder.rglob("*") if not path.is_symlink() and path.stat().st_uid == USER]
        others = [path for path in written if path.relative_to(folder).parts[0] not in ("data", "tmp")]
        assert others == [], others
    finally:
        engine.terminate()
        engine.wait(60)


def wait_until_ready(url: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=3) as answer:
                say(answer.read().decode())
            with urllib.request.urlopen(url, timeout=3) as page:
                assert re.search(r"assets/index-[\w-]+\.js", page.read().decode()), "no console"
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


def megabytes(folder: Path) -> int:
    return round(sum(p.lstat().st_size for p in folder.rglob("*")) / 1e6)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="vital-image-") as name:
        place = Path(name)
        place.chmod(0o755)
        build(place)
        serve(place)
        say(f"Packages: {megabytes(place / 'vital')} MB. Models: {megabytes(place / 'models')} MB.")
        shutil.rmtree(place / "data")
        say("It serves as a user that is not root, and writes to /data and /tmp alone.")
