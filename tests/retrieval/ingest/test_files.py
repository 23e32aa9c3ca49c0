from pathlib import Path

import pytest

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.files import find_files, read_file


@pytest.fixture
def folder(tmp_path):
    for name in ("b.md", "a.TXT", "sub/c.html", "sub/deep/d.pdf", ".hidden.md", ".git/e.md", "picture.png"):
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "notes"


def uris(*paths):
    return [found.uri for found in find_files(paths)]


def test_a_folder_gives_its_readable_files_in_order(folder):
    assert uris(folder) == ["a.TXT", "b.md", "sub/c.html", "sub/deep/d.pdf"]
    assert all(found.error is None for found in find_files([folder]))


def test_a_file_is_named_by_its_name(folder):
    assert uris(folder / "sub" / "c.html") == ["c.html"]


def test_a_hidden_file_that_is_named_is_meant(folder):
    assert uris(folder / ".hidden.md") == [".hidden.md"]


def test_a_circle_of_links_is_walked_once(folder):
    (folder / "sub" / "back").symlink_to(folder, target_is_directory=True)
    assert uris(folder) == ["a.TXT", "b.md", "sub/c.html", "sub/deep/d.pdf"]


def test_a_file_that_is_reached_twice_is_returned_once(folder):
    (folder / "z.md").symlink_to(folder / "b.md")
    assert uris(folder, folder / "sub", folder / "b.md") == ["a.TXT", "b.md", "sub/c.html", "sub/deep/d.pdf"]


def test_what_cannot_be_read_says_why(folder):
    named = [folder / "picture.png", folder / "none.md", Path("/dev/null")]
    messages = [found.error.message for found in find_files(named)]
    assert "has none of the suffixes .md" in messages[0]
    assert messages[1] == f"{folder / 'none.md'} does not exist: check the path."
    assert messages[2] == "/dev/null is not a regular file."


def test_a_link_to_nothing_is_skipped(folder):
    (folder / "broken.md").symlink_to(folder / "nothing.md")
    assert "broken.md" not in uris(folder)


def test_a_name_that_is_not_utf_8_is_still_text(folder):
    Path(folder, "caf\udce9.md").write_text("x")
    assert "caf\ufffd.md" in uris(folder)


def test_a_file_is_read_no_further_than_the_limit(folder):
    assert read_file(folder / "b.md", limit=2) == b"b.m"


def test_a_file_that_vanished_is_reported(folder):
    with pytest.raises(IngestError, match="cannot be opened: No such file"):
        read_file(folder / "gone.md", limit=2)
