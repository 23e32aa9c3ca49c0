"""Changes that `vital ingest --watch` notices."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vital_cli import watched_paths
from vital_cli.watched_paths import changed_paths
from vital_shared.errors import InvalidRequest


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    monkeypatch.setattr(watched_paths, "LOOK_EVERY_MS", 50)


class Watch:
    """A watch that has begun."""

    def __init__(self, changes: AsyncIterator) -> None:
        self._changes = changes

    async def next(self) -> list[Path]:
        return list(await asyncio.wait_for(anext(self._changes), 20))


@asynccontextmanager
async def watching(*paths: Path) -> AsyncIterator[Watch]:
    changes = changed_paths(paths)
    watch = Watch(changes)
    assert await watch.next() == list(paths)  # the look at the beginning
    try:
        yield watch
    finally:
        await changes.aclose()


def save(path: Path, text: str) -> None:
    """Save as editors do: under another name, which then becomes the file's."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


async def test_a_named_file_is_followed_however_often_it_is_saved(tmp_path):
    file = tmp_path / "a.md"
    file.write_text("One.")
    async with watching(file) as watch:
        for text in ("Two.", "Three."):
            save(file, text)
            assert await watch.next() == [file]
        file.write_text("Four.")
        assert await watch.next() == [file]


async def test_a_folder_that_is_made_anew_is_followed(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    async with watching(folder) as watch:
        shutil.rmtree(folder)
        assert await watch.next() == [folder]
        folder.mkdir()
        assert await watch.next() == [folder]
        (folder / "a.md").write_text("A.")
        assert await watch.next() == [folder]


async def test_a_path_that_is_not_there_yet_is_waited_for(tmp_path):
    changes = changed_paths([tmp_path / "late.md"])
    coming = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    (tmp_path / "late.md").write_text("Late.")
    assert await asyncio.wait_for(coming, 20) == [tmp_path / "late.md"]
    await changes.aclose()


@pytest.mark.parametrize("name", ["node_modules", ".venv", "__pycache__"])
async def test_no_folder_that_is_read_is_left_out_of_the_watch(tmp_path, name):
    folder = tmp_path / name / "docs"
    folder.mkdir(parents=True)
    async with watching(folder) as watch:
        (folder / "a.md").write_text("A.")
        assert await watch.next() == [folder]


async def test_names_that_are_not_utf_8_do_not_end_the_watch(tmp_path):
    async with watching(tmp_path) as watch:
        (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("Odd.")
        assert await watch.next() == [tmp_path]
        (tmp_path / "b.md").write_text("B.")
        assert await watch.next() == [tmp_path]


async def test_a_path_whose_name_is_not_utf_8_is_refused_in_a_sentence(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with pytest.raises(InvalidRequest, match="caf\ufffd cannot be watched"):
        await anext(changed_paths([folder]))


async def test_only_the_paths_with_changes_are_given(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    (tmp_path / "real").mkdir()
    two.symlink_to("real")
    async with watching(one, two) as watch:
        (two / "a.md").write_text("A.")
        assert await watch.next() == [two]
        (one / "a.md").write_text("A.")
        assert await watch.next() == [one]


async def test_hidden_files_which_are_not_read_are_no_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / ".vital").mkdir(parents=True)
    folder, other = Path("docs"), tmp_path / "other"
    other.mkdir()
    async with watching(folder, other) as watch:
        (folder / ".vital" / "store.db").write_text("Rows.")
        (other / "a.md").write_text("A.")
        assert await watch.next() == [other]
        (folder / "a.md").write_text("A.")
        assert await watch.next() == [folder]


async def test_a_folder_that_may_not_be_opened_does_not_stop_the_others(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to(".")
    async with watching(tmp_path) as watch:
        (tmp_path / "a.md").write_text("A.")
        assert await watch.next() == [tmp_path]
