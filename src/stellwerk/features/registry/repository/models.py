"""Queries on registered models and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

COLUMNS = "m.name, m.team, m.description, m.created_at, m.updated_at"
_CHUNK = 500


class RegisteredModel(NamedTuple):
    """One registered model; times are milliseconds since 1970, a team of None means shared by all."""

    name: str
    team: str | None
    description: str | None
    created_at: int
    updated_at: int


def add(st: Statements, model: RegisteredModel) -> bool:
    """Insert a registered model; returns whether its name was free."""
    return bool(st.modify("INSERT INTO registered_model (name, team, description, created_at, updated_at) "
                          f"VALUES ({marks(5)}) ON CONFLICT DO NOTHING", model))


def get(st: Statements, name: str) -> RegisteredModel | None:
    """Return one registered model."""
    row = st.fetch_one(f"SELECT {COLUMNS} FROM registered_model m WHERE m.name = ?", (name,))
    return None if row is None else RegisteredModel(*row)


def describe(st: Statements, name: str, description: str | None, now: int) -> None:
    """Write the description of a registered model."""
    st.modify("UPDATE registered_model SET description = ?, updated_at = ? WHERE name = ?", (description, now, name))


def touch(st: Statements, name: str, now: int) -> None:
    """Note when a registered model changed last."""
    st.modify("UPDATE registered_model SET updated_at = ? WHERE name = ?", (now, name))


def rename(st: Statements, name: str, new_name: str, now: int) -> None:
    """Give a registered model, with all that hangs on it, a name that is free."""
    st.modify("UPDATE registered_model SET name = ?, updated_at = ? WHERE name = ?", (new_name, now, name))
    st.modify("UPDATE registered_version SET name = ?, updated_at = ? WHERE name = ?", (new_name, now, name))
    for table in ("registered_model_tag", "registered_version_tag", "model_alias"):
        st.modify(f"UPDATE {table} SET name = ? WHERE name = ?", (new_name, name))
    # The old name keeps its counter, so that its numbers never mean another version.
    st.modify("INSERT INTO version_counter (name, last) SELECT ?, last FROM version_counter WHERE name = ? "
              "ON CONFLICT (name) DO UPDATE SET last = CASE WHEN excluded.last > version_counter.last "
              "THEN excluded.last ELSE version_counter.last END", (new_name, name))


def delete(st: Statements, name: str) -> None:
    """Remove a registered model with all that hangs on it, but for the counter of its versions."""
    for table in ("registered_model", "registered_version", "registered_model_tag", "registered_version_tag",
                  "model_alias"):
        st.modify(f"DELETE FROM {table} WHERE name = ?", (name,))


def set_tags(st: Statements, name: str, tags: Iterable[tuple[str, str]]) -> None:
    """Set tags of a registered model."""
    st.modify_many("INSERT INTO registered_model_tag (name, key, value) VALUES (?, ?, ?) "
                   "ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
                   [(name, key, value) for key, value in tags])


def delete_tag(st: Statements, name: str, key: str) -> int:
    """Remove a tag; returns how many were removed."""
    return st.modify("DELETE FROM registered_model_tag WHERE name = ? AND key = ?", (name, key))


def tags_of(st: Statements, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of registered models by name."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for start in range(0, len(names), _CHUNK):
        part = names[start:start + _CHUNK]
        for name, key, value in st.fetch_all(
                f"SELECT name, key, value FROM registered_model_tag WHERE name IN ({marks(len(part))}) "
                "ORDER BY name, key", part):
            found[name][key] = value
    return found


def aliases_of(st: Statements, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the versions that aliases point at, by name of the model and alias."""
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for start in range(0, len(names), _CHUNK):
        part = names[start:start + _CHUNK]
        for name, alias, version in st.fetch_all(
                f"SELECT name, alias, version FROM model_alias WHERE name IN ({marks(len(part))}) "
                "ORDER BY name, alias", part):
            found[name][alias] = version
    return found


def alias(st: Statements, name: str, alias: str) -> int | None:
    """Return the version that an alias points at, or None."""
    version = st.fetch_value("SELECT version FROM model_alias WHERE name = ? AND alias = ?", (name, alias))
    return None if version is None else int(version)


def set_alias(st: Statements, name: str, alias: str, version: int) -> None:
    """Point an alias at a version."""
    st.modify("INSERT INTO model_alias (name, alias, version) VALUES (?, ?, ?) "
              "ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version", (name, alias, version))


def delete_alias(st: Statements, name: str, alias: str) -> None:
    """Remove an alias."""
    st.modify("DELETE FROM model_alias WHERE name = ? AND alias = ?", (name, alias))


def names_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next names of registered models in order."""
    return [row[0] for row in st.fetch_all("SELECT name FROM registered_model WHERE name > ? ORDER BY name LIMIT ?",
                                           (after, limit))]


def aliases_after(st: Statements, name: str, alias: str, limit: int) -> list[tuple[str, str]]:
    """Return the next (name, alias) in order, behind one of them."""
    return [(row[0], row[1]) for row in st.fetch_all(
        "SELECT name, alias FROM model_alias WHERE name > ? OR (name = ? AND alias > ?) ORDER BY name, alias LIMIT ?",
        (name, name, alias, limit))]
