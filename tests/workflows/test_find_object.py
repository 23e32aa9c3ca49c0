"""An object is found by its file, which is imported once for as long as it does not change."""

import sys

import pytest

from vital_shared.errors import InvalidRequest
from vital_shared.workflows.find_object import MODULE_PREFIX, find_object

OFFICE = """
import threading

LOCK = threading.Lock()

class Letters:
    lock = LOCK

class Invoices:
    lock = LOCK
"""


@pytest.fixture
def office(tmp_path):
    yield tmp_path / "office_of_one_file.py"
    sys.modules.pop(f"{MODULE_PREFIX}office_of_one_file", None)


def test_classes_of_one_file_share_what_is_its_own(office):
    office.write_text(OFFICE)
    letters, invoices = find_object(f"{office}:Letters"), find_object(f"{office}:Invoices")
    assert letters.lock is invoices.lock
    assert find_object(f"{office}:Letters") is letters


def test_a_file_that_has_changed_is_imported_anew(office):
    office.write_text(OFFICE)
    letters = find_object(f"{office}:Letters")
    office.write_text(OFFICE.replace("lock = LOCK", "lock = 'another'"))
    assert find_object(f"{office}:Letters") is not letters
    assert find_object(f"{office}:Letters").lock == "another"


def test_a_file_whose_import_has_failed_is_imported_anew(office):
    office.write_text(
        f"{OFFICE}\nFIRST = not hasattr(threading, 'office_seen')\nthreading.office_seen = 1\n"
        "if FIRST: raise OSError('not yet')\n"
    )
    with pytest.raises(InvalidRequest, match="not yet"):
        find_object(f"{office}:Letters")
    assert find_object(f"{office}:Letters").lock is find_object(f"{office}:LOCK")


def test_a_file_that_is_missing_is_named(office):
    with pytest.raises(InvalidRequest, match=f"^{office} cannot be imported: there is no such file.$"):
        find_object(f"{office}:Letters")


def test_a_file_imports_those_beside_it(office, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    office.with_name("stamps_of_the_office.py").write_text("PRICE = 1.1")
    office.write_text("from stamps_of_the_office import PRICE")
    assert find_object(f"{office}:PRICE") == 1.1


def test_the_line_is_named_at_which_an_import_fails(office):
    office.write_text("import math\n\nHALF = 1 / 0\n")
    with pytest.raises(InvalidRequest, match=r"imported \(line 3: ZeroDivisionError: division by zero\)\.$"):
        find_object(f"{office}:HALF")


@pytest.mark.parametrize("target", ["office", ":", "office.py:", ":Letters"])
def test_a_target_without_a_place_or_a_name_is_refused(target):
    with pytest.raises(InvalidRequest, match=r"names no object: write module:name, or file\.py:name"):
        find_object(target)
