"""The store follows the folders that were ingested."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from vital_shared.retrieval.ingest.files import file_address, is_gone, left_out


@pytest.fixture
def ingest(ingestor):
    async def work(*paths: Path, tenant_id: str = "acme", prune: bool = True) -> dict[str, str]:
        results = ingestor.ingest_paths(paths, tenant_id=tenant_id, prune=prune)
        return {result.uri: result.status async for result in results}

    return work


@pytest.fixture
def stored(knowledge):
    async def names(tenant_id: str = "acme") -> list[str]:
        return [document.uri for document in await knowledge.list(tenant_id=tenant_id)]

    return names


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


async def test_deleted_files_are_removed_and_the_rest_stays(ingest, stored, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", sub__b="Beta.", c="Gamma.")
    await ingest(folder)
    shutil.rmtree(folder / "sub")
    assert await ingest(folder) == {"a.md": "unchanged", "c.md": "unchanged", "sub/b.md": "removed"}
    assert await stored() == ["a.md", "c.md"]


async def test_a_file_that_cannot_be_read_any_more_says_what_is_still_answered_from(
    ingestor, ingest, tmp_path
):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    await ingest(folder)
    (folder / "a.md").write_bytes(b"\xff\xfe\x00\xd8x")
    found = {result.uri: result.message async for result in ingestor.ingest_paths([folder], tenant_id="acme")}
    assert found["a.md"].endswith("The earlier version of a.md is still answered from.")
    assert found["b.md"] == ""


async def test_without_being_asked_to_nothing_is_removed_but_named(ingest, stored, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    await ingest(folder)
    (folder / "b.md").unlink()
    for _ in range(2):
        assert await ingest(folder, prune=False) == {"a.md": "unchanged", "b.md": "stale"}
    assert await stored() == ["a.md", "b.md"]


async def test_a_renamed_file_leaves_nothing_stale(ingest, stored, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    await ingest(folder)
    (folder / "a.md").rename(folder / "z.md")
    await ingest(folder, prune=False)
    assert await stored() == ["b.md", "z.md"]


async def test_a_renamed_file_is_stored_under_its_new_name_alone(ingest, stored, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    await ingest(folder)
    (folder / "a.md").rename(folder / "z.md")
    assert await ingest(folder) == {"b.md": "unchanged", "z.md": "added"}
    assert await stored() == ["b.md", "z.md"]


async def test_files_that_change_names_with_each_other_stay_two(ingest, stored, texts_of, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    await ingest(folder)
    write(folder, a="Beta.", b="Alpha.")
    await ingest(folder)
    assert sorted(await texts_of()) == ["Alpha.", "Beta."]


async def test_files_of_one_name_in_two_folders_are_two_documents(ingest, stored, texts_of, tmp_path):
    one, two = write(tmp_path / "x" / "docs", n="One."), write(tmp_path / "y" / "docs", n="Two.")
    three = write(tmp_path / "docs", n="Three.")
    for folder in (one, two, three, one, two, three):
        await ingest(folder)
    assert sorted(await texts_of()) == ["One.", "Three.", "Two."]
    assert len(set(await stored())) == 3
    write(two, n="Two changed.")
    assert set((await ingest(two)).values()) == {"updated"}
    assert sorted(await texts_of()) == ["One.", "Three.", "Two changed."]


async def test_a_single_file_does_not_replace_another_of_its_name(ingest, texts_of, tmp_path):
    one, two = write(tmp_path / "x", n="One."), write(tmp_path / "y", n="Two.")
    await ingest(one / "n.md")
    await ingest(two / "n.md")
    assert sorted(await texts_of()) == ["One.", "Two."]


async def test_a_folder_that_was_moved_keeps_its_names(ingest, stored, tmp_path):
    write(tmp_path / "old", a="Alpha.", b="Beta.")
    await ingest(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    write(tmp_path / "new", a="Alpha two.")
    await ingest(tmp_path / "new")
    assert await stored() == ["a.md", "b.md"]


async def test_a_folder_without_anything_to_read_removes_nothing(ingest, stored, tmp_path):
    folder = write(tmp_path / "mounted", a="Alpha.")
    await ingest(folder)
    (folder / "a.md").unlink()
    assert await ingest(folder) == {}
    assert await stored() == ["a.md"]


async def test_one_folder_and_one_tenant_leave_the_others_alone(ingest, stored, tmp_path):
    one, two = write(tmp_path / "one", a="Alpha.", b="Beta."), write(tmp_path / "one_more", c="Gamma.")
    await ingest(one)
    await ingest(two)
    await ingest(one, tenant_id="other")
    (one / "b.md").unlink()
    (two / "c.md").unlink()
    await ingest(one)
    assert await stored() == ["a.md", "c.md"]
    assert await stored("other") == ["a.md", "b.md"]


async def test_what_was_stored_before_files_were_noted_is_taken_over(ingest, ingestor, stored, tmp_path):
    await ingestor.ingest_bytes(b"Alpha.", uri="a.md", tenant_id="acme")
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.")
    assert await ingest(folder) == {"a.md": "unchanged", "b.md": "added"}
    (folder / "a.md").unlink()
    await ingest(folder)
    assert await stored() == ["b.md"]


async def test_uploads_are_never_removed(ingest, ingestor, stored, tmp_path):
    await ingestor.ingest_bytes(b"Uploaded.", uri="u.md", tenant_id="acme")
    await ingest(write(tmp_path / "one", a="Alpha."))
    assert await stored() == ["a.md", "u.md"]


async def test_no_link_leads_out_of_the_folder_or_round_in_it(ingest, stored, tmp_path):
    write(tmp_path / "out", secret="The vault.")
    folder = write(tmp_path / "one", a="Alpha.")
    (folder / "link").symlink_to(tmp_path / "out")
    (folder / "up").symlink_to("..")
    (folder / "etc.md").symlink_to(tmp_path / "out" / "secret.md")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "self").symlink_to(".")
    (folder / "dangling.md").symlink_to("nowhere.md")
    assert await ingest(folder) == {"a.md": "added"}
    assert {"etc.md", "link", "loop.md", "up"} <= set(left_out([folder]))


async def test_a_folder_that_is_itself_a_link_is_read(ingest, stored, tmp_path):
    write(tmp_path / "real", a="Alpha.")
    (tmp_path / "link").symlink_to("real")
    assert await ingest(tmp_path / "link") == {"a.md": "added"}
    assert await ingest(tmp_path / "real") == {"a.md": "unchanged"}


async def test_any_name_can_be_stored_and_removed(ingest, stored, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.")
    for name in (b"caf\xe9", b"caf\xe8", b"two\nlines", b"%41 ?#"):
        write(folder, **{os.fsdecode(name): f"Text of {name!r}."})
    found = await ingest(folder)
    assert all("\n" not in uri for uri in found)
    for path in folder.glob("*"):
        assert not is_gone(file_address(path))
        if path.name != "a.md":
            path.unlink()
    await ingest(folder)
    assert await stored() == ["a.md"]


def test_files_of_other_kinds_are_named(tmp_path):
    folder = write(tmp_path / "one", a="Alpha.")
    for name in ("plan.dwg", "rows.dat", "README", ".hidden", "sub/mail.msg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert left_out([folder, folder / "a.md"]) == ["README", "plan.dwg", "rows.dat", "sub/mail.msg"]


async def test_two_folders_ingested_together_may_have_files_of_one_name(ingest, texts_of, tmp_path):
    one, two = write(tmp_path / "x", n="One."), write(tmp_path / "y", n="Two.")
    assert await ingest(one, two) == {"n.md": "added", "y/n.md": "added"}
    assert set((await ingest(two, one)).values()) == {"unchanged"}
    assert sorted(await texts_of()) == ["One.", "Two."]


async def test_names_that_differ_in_invalid_bytes_alone_are_two_documents(ingest, texts_of, tmp_path):
    names = {os.fsdecode(b"caf\xe9"): "One.", os.fsdecode(b"caf\xe8"): "Two."}
    await ingest(write(tmp_path / "one", **names))
    assert sorted(await texts_of()) == ["One.", "Two."]


async def test_a_folder_a_pipe_or_a_link_in_the_place_of_a_file_is_not_the_file(ingest, texts_of, tmp_path):
    folder = write(tmp_path / "one", a="Alpha.", b="Beta.", c="Gamma.", sub__d="Delta.", e="Epsilon.")
    await ingest(folder)
    write(tmp_path / "out", d="Delta outside.")
    for path in (folder / f"{name}.md" for name in "abc"):
        path.unlink()
    write(folder, **{"a.md__inner": "Inner."})
    os.mkfifo(folder / "b.md")
    (folder / "c.md").symlink_to(tmp_path / "out" / "d.md")
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(tmp_path / "out")
    await ingest(folder)
    assert sorted(await texts_of()) == ["Epsilon.", "Inner."]
    assert left_out([folder]) == ["b.md", "c.md", "sub"]


async def test_a_files_old_content_in_the_store_is_no_duplicate(ingest, texts_of, tmp_path):
    folder = write(tmp_path / "one", z="Alpha.")
    await ingest(folder)
    write(folder, a="Alpha.", z="Zeta.")
    await ingest(folder)
    assert sorted(await texts_of()) == ["Alpha.", "Zeta."]


async def test_a_file_that_another_ingest_has_just_stored_is_its_own(ingestor, stored, tmp_path):
    folder = write(tmp_path / "one", **{f"f{number}": f"Text {number}." for number in range(8)})

    async def statuses() -> set[str]:
        return {result.status async for result in ingestor.ingest_paths([folder], tenant_id="acme")}

    assert set.union(*await asyncio.gather(*(statuses() for _ in range(3)))) <= {
        "added",
        "updated",
        "unchanged",
    }
    assert len(await stored()) == 8


async def test_files_of_one_name_that_two_ingests_store_at_once_are_two_documents(
    ingestor, texts_of, tmp_path
):
    names = [f"f{number}" for number in range(4)]
    folders = [
        write(tmp_path / each, **{name: f"Text {name} of {each}." for name in names}) for each in ("a", "b")
    ]

    async def work(folder: Path) -> list[str]:
        return [result.status async for result in ingestor.ingest_paths([folder], tenant_id="acme")]

    assert await asyncio.gather(*map(work, folders)) == [["added"] * 4] * 2
    assert len(await texts_of()) == 8
    assert await asyncio.gather(*map(work, folders)) == [["unchanged"] * 4] * 2
