"""Each column of each table is declared: an erasure deletes it, hides the person in it, or has nothing to do."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from sqlalchemy import Column, MetaData, Table, Text
from tests.store.person_columns import DELETED, HELD, PSEUDONYMISED, undeclared

from vital_shared import store
from vital_shared.store.tables import metadata


def test_each_column_is_declared() -> None:
    for module in pkgutil.iter_modules(store.__path__):
        if "table" in module.name:
            import_module(f"{store.__name__}.{module.name}")
    assert sorted(undeclared(metadata)) == []


def test_a_new_table_and_a_new_column_would_be_seen() -> None:
    changed = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(changed)
    Table("notes", changed, Column("words", Text))
    changed.tables["ledger"].append_column(Column("words", Text))
    assert sorted(undeclared(changed)) == ["ledger.words", "notes.words"]


def test_what_an_erasure_is_tested_with_is_declared_to_be_of_persons() -> None:
    names = {tuple(each.split(".")) for each in HELD}
    assert {
        (table, column)
        for table, column in names
        if table not in DELETED and column not in PSEUDONYMISED.get(table, ())
    } == set()
