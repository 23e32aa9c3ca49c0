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
    with pytest.raises(InvalidRequest, match="cannot be imported"):
        find_object(f"{office}:Letters")
