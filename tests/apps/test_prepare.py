"""A fresh home equals a migrated one; an older one is brought up; a newer one is refused untouched."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.schema import metadata
from stellwerk.infra.migrations import HEAD, SchemaState, inspect_schema
from stellwerk.infra.migrations.migrate import alembic_config, bring_up_to_date
from stellwerk.kernel.errors import Conflict


def migrated(path: Path) -> Path:
    config = alembic_config()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    return path


def test_migrations_lead_to_what_the_slices_declare(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{migrated(tmp_path / 'old.sqlite')}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_fresh_home_has_the_schema_of_a_migrated_one(tmp_path: Path) -> None:
    prepare_home(tmp_path / "home")
    fresh = inspect(create_engine(f"sqlite:///{tmp_path / 'home' / 'control.sqlite'}"))
    old = inspect(create_engine(f"sqlite:///{migrated(tmp_path / 'old.sqlite')}"))
    assert set(fresh.get_table_names()) == set(old.get_table_names())
    for name in fresh.get_table_names():
        assert ({(column["name"], str(column["type"]), column["nullable"]) for column in fresh.get_columns(name)}
                == {(column["name"], str(column["type"]), column["nullable"]) for column in old.get_columns(name)}), name
        assert ({(index["name"], tuple(index["column_names"]), bool(index["unique"])) for index in fresh.get_indexes(name)}
                == {(index["name"], tuple(index["column_names"]), bool(index["unique"])) for index in old.get_indexes(name)})


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    assert prepare_home(tmp_path / "home") is True
    assert inspect_schema(tmp_path / "home" / "control.sqlite") is SchemaState.CURRENT
    assert prepare_home(tmp_path / "home") is False


def test_a_home_from_a_newer_release_is_refused_untouched(tmp_path: Path) -> None:
    prepare_home(tmp_path / "home")
    file = tmp_path / "home" / "control.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict) as caught:
        prepare_home(tmp_path / "home")
    assert "newer release" in caught.value.message
    assert caught.value.hint
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_every_table_says_whether_the_ledger_covers_it() -> None:
    for table in metadata.tables.values():
        assert "ledger" in table.info, table.name
        if table.info["ledger"] is None:
            assert table.info["reason"], table.name
        else:
            assert [column.name for column in table.primary_key] == ["id"], table.name


def test_bringing_up_a_current_database_is_free_of_effect(tmp_path: Path) -> None:
    prepare_home(tmp_path / "home")
    file = tmp_path / "home" / "control.sqlite"
    before = file.read_bytes()
    bring_up_to_date(file, metadata)
    assert file.read_bytes() == before
    assert HEAD
