"""The console's types are those of the API."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "console"


def test_the_types_are_made_of_the_present_api(tmp_path):
    """After a change of the API, `make console-types` makes them anew."""
    document = tmp_path / "openapi.json"
    command = [sys.executable, "-m", "ai_engine.api.administration"]
    with document.open("w") as file:
        subprocess.run(command, cwd=ROOT, stdout=file, check=True)
    made = tmp_path / "schema.ts"
    tool = CONSOLE / "node_modules/.bin/openapi-typescript"
    subprocess.run(
        [tool, "--root-types", "--output", made, document], cwd=CONSOLE, capture_output=True, check=True
    )
    assert made.read_text() == (CONSOLE / "src/api/schema.ts").read_text()


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (CONSOLE / "package-lock.json").read_text()
