"""The house keeps its shape: public faces are sorted and hold, imports point one way."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import vital_shared

ROOT = Path(__file__).parents[1]


def modules() -> list[str]:
    found = pkgutil.walk_packages(vital_shared.__path__, "vital_shared.")
    return ["vital_shared", *(module.name for module in found if ".migrations." not in module.name)]


@pytest.mark.parametrize("name", modules())
def test_a_module_names_its_public_face(name):
    module = importlib.import_module(name)
    face = getattr(module, "__all__", [])
    assert module.__doc__
    assert list(face) == sorted(face, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert [member for member in face if not hasattr(module, member)] == []


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
