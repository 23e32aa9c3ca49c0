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


def test_making_the_types_writes_to_no_folder_that_checkouts_share():
    """The programs of the stack are often those of another checkout."""
    command = ["make", "--dry-run", "--silent", "console-types"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "run types" in recipe
    assert ".stack" not in recipe


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (CONSOLE / "package-lock.json").read_text()
