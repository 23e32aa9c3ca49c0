import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.files import (
    FoundFile,
    file_address,
    file_hash,
    find_files,
    left_out,
    read_file,
)


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


@contextmanager
def nobodys_rights() -> Iterator[None]:
    """Take away the right to read everything, which root has; any other user has none that chmod leaves."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def listed_only() -> Iterator[Path]:
    """A folder whose names may be listed, and nothing in it opened."""
    with TemporaryDirectory() as name:
        folder = Path(name, "listed")
        folder.mkdir()
        (folder / "a.md").write_text("A.")
        (folder / "link.md").symlink_to("a.md")
        Path(name).chmod(0o755)
        folder.chmod(0o444)
        yield folder
        folder.chmod(0o755)


def problem(found: FoundFile) -> str:
    """Return why a file cannot be read."""
    if found.error is not None:
        return found.error.message
    with pytest.raises(IngestError) as caught:
        read_file(found.path, limit=9)
    return caught.value.message


def test_what_may_not_be_read_is_an_error_of_its_own(listed_only):
    with nobodys_rights():
        found = find_files([listed_only, listed_only / "a.md"])
        problems = list(map(problem, found))
        assert left_out([listed_only]) == []
    assert {entry.uri for entry in found} == {"a.md", "link.md"}
    assert all("cannot be opened: Permission denied." in message for message in problems)


def test_a_path_that_the_system_refuses_stops_no_other(folder):
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "loop").symlink_to("loop")
    long = folder / f"{'x' * 300}.md"
    named = [folder / "loop.md", folder / "loop" / "a.md", folder / "loop", long, folder / "b.md" / "c.md"]
    errors = [entry.error for entry in find_files([*named, folder / "b.md"])]
    assert errors.pop() is None
    assert [error.message.rsplit(": ", 1)[1] for error in errors] == [
        *["Too many levels of symbolic links."] * 3,
        "File name too long.",
        "check the path.",
    ]


def test_errors_of_any_name_are_text(folder):
    (error,) = (entry.error for entry in find_files([folder / os.fsdecode(b"none\xff\n.md")]))
    assert error.message == f"{folder}/none\ufffd\ufffd.md does not exist: check the path."
    assert error.path.encode()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder):
    (entry,) = find_files([folder / "b.md"])
    (folder / "b.md").unlink()
    os.mkfifo(folder / "b.md")
    with pytest.raises(IngestError, match="it is not a regular file"):
        read_file(entry.path, limit=2)
    assert file_hash(file_address(entry.path)) is None
