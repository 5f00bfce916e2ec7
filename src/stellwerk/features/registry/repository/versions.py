"""Queries on versions of registered models and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.clauses import in_teams
from stellwerk.infra.tracking_database.statements import marks

_NAMES = ("name", "version", "created_at", "updated_at", "description", "user_id", "stage", "source", "location",
          "owner_id", "path", "run_id", "run_link", "model_id", "status", "status_message")
COLUMNS = ", ".join(f"v.{name}" for name in _NAMES)
_CHUNK = 500
_LARGEST = 2**31 - 1


class RegisteredVersion(NamedTuple):
    """One version; ``owner_id`` and ``path`` say where its bytes are, ``location`` how clients reach them."""

    name: str
    version: int
    created_at: int
    updated_at: int
    description: str | None
    user_id: str | None
    stage: str
    source: str
    location: str
    owner_id: str | None
    path: str | None
    run_id: str | None
    run_link: str | None
    model_id: str | None
    status: str
    status_message: str | None


def next_number(st: Statements, name: str) -> int:
    """Return a number that no version of that name ever had."""
    return int(st.fetch_value("INSERT INTO version_counter (name, last) VALUES (?, 1) "
                              "ON CONFLICT (name) DO UPDATE SET last = version_counter.last + 1 RETURNING last",
                              (name,)))


def count_from(st: Statements, name: str, number: int) -> None:
    """Let the next number be above this one."""
    st.modify("INSERT INTO version_counter (name, last) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
              "SET last = excluded.last WHERE excluded.last > version_counter.last", (name, number))


def add(st: Statements, version: RegisteredVersion) -> None:
    """Insert a version."""
    st.modify(f"INSERT INTO registered_version ({', '.join(_NAMES)}) VALUES ({marks(len(_NAMES))})", version)


def get(st: Statements, name: str, version: int) -> RegisteredVersion | None:
    """Return one version."""
    if not 0 < version <= _LARGEST:
        return None
    row = st.fetch_one(f"SELECT {COLUMNS} FROM registered_version v WHERE v.name = ? AND v.version = ?",
                       (name, version))
    return None if row is None else RegisteredVersion(*row)


def describe(st: Statements, version: RegisteredVersion, description: str | None, now: int) -> None:
    """Write the description of a version."""
    st.modify("UPDATE registered_version SET description = ?, updated_at = ? WHERE name = ? AND version = ?",
              (description, now, version.name, version.version))


def set_stage(st: Statements, name: str, version: int, stage: str, now: int) -> None:
    """Write the stage of a version."""
    st.modify("UPDATE registered_version SET stage = ?, updated_at = ? WHERE name = ? AND version = ?",
              (stage, now, name, version))


def delete(st: Statements, name: str, version: int) -> None:
    """Remove a version and its tags."""
    for table in ("registered_version", "registered_version_tag"):
        st.modify(f"DELETE FROM {table} WHERE name = ? AND version = ?", (name, version))


def numbers_of(st: Statements, name: str, stage: str | None = None) -> list[int]:
    """Return the numbers of a model's versions, of one stage where that is named."""
    if stage is None:
        return [row[0] for row in st.fetch_all("SELECT version FROM registered_version WHERE name = ? "
                                               "ORDER BY version", (name,))]
    return [row[0] for row in st.fetch_all("SELECT version FROM registered_version WHERE name = ? AND stage = ? "
                                           "ORDER BY version", (name, stage))]


def newest(st: Statements, name: str) -> RegisteredVersion | None:
    """Return the version of the highest number."""
    row = st.fetch_one(f"SELECT {COLUMNS} FROM registered_version v WHERE v.name = ? ORDER BY v.version DESC LIMIT 1",
                       (name,))
    return None if row is None else RegisteredVersion(*row)


def newest_numbers(st: Statements, names: Sequence[str]) -> dict[str, int]:
    """Return the highest number of a version of each model that has any."""
    found: dict[str, int] = {}
    for start in range(0, len(names), _CHUNK):
        part = names[start:start + _CHUNK]
        found |= {row[0]: int(row[1]) for row in st.fetch_all(
            "SELECT m.name, (SELECT max(v.version) FROM registered_version v WHERE v.name = m.name) "
            f"FROM registered_model m WHERE m.name IN ({marks(len(part))})", part) if row[1] is not None}
    return found


def latest_of(st: Statements, names: Sequence[str], stages: Sequence[str]) -> dict[str, list[RegisteredVersion]]:
    """Return the version of the highest number in each stage, by name of the model, in the order of the stages."""
    found: dict[str, list[RegisteredVersion]] = {name: [] for name in names}
    places = {stage: place for place, stage in enumerate(stages)}
    for start in range(0, len(names) if stages else 0, _CHUNK):
        part = names[start:start + _CHUNK]
        # Looks each stage up in its index, so that it costs the same with ten thousand versions.
        for row in st.fetch_all(
                f"SELECT {COLUMNS} FROM registered_model m CROSS JOIN "
                f"(VALUES {', '.join(('(?)',) * len(stages))}) AS s JOIN registered_version v ON v.name = m.name "
                "AND v.version = (SELECT max(w.version) FROM registered_version w WHERE w.name = m.name "
                f"AND w.stage = s.column1) WHERE m.name IN ({marks(len(part))})", (*stages, *part)):
            version = RegisteredVersion(*row)
            found[version.name].append(version)
    for versions in found.values():
        versions.sort(key=lambda version: places[version.stage])
    return found


def of_runs(st: Statements, run_ids: Sequence[str], teams: frozenset[str] | None) -> list[RegisteredVersion]:
    """Return the versions that runs made in models that the teams may see (None: all), by name and number."""
    found: list[RegisteredVersion] = []
    scope, values = in_teams("m.team", teams)
    for start in range(0, len(run_ids), _CHUNK):
        part = run_ids[start:start + _CHUNK]
        found += [RegisteredVersion(*row) for row in st.fetch_all(
            f"SELECT {COLUMNS} FROM registered_version v CROSS JOIN registered_model m "
            f"WHERE v.run_id IN ({marks(len(part))}) AND m.name = v.name AND {scope} ORDER BY v.name, v.version",
            (*part, *values))]
    return found


def set_tags(st: Statements, name: str, version: int, tags: Iterable[tuple[str, str]]) -> None:
    """Set tags of a version."""
    st.modify_many("INSERT INTO registered_version_tag (name, version, key, value) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (name, version, key) DO UPDATE SET value = excluded.value",
                   [(name, version, key, value) for key, value in tags])


def delete_tag(st: Statements, name: str, version: int, key: str) -> int:
    """Remove a tag; returns how many were removed."""
    return st.modify("DELETE FROM registered_version_tag WHERE name = ? AND version = ? AND key = ?",
                     (name, version, key))


def tags_of(st: Statements, versions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str]]:
    """Return the tags of versions by name and number."""
    found: dict[tuple[str, int], dict[str, str]] = {one: {} for one in versions}
    keys = list(found)
    for start in range(0, len(keys), _CHUNK):
        part = keys[start:start + _CHUNK]
        for name, version, key, value in st.fetch_all(
                f"SELECT t.name, t.version, t.key, t.value FROM (VALUES {', '.join(('(?, ?)',) * len(part))}) AS s "
                "CROSS JOIN registered_version_tag t WHERE t.name = s.column1 AND t.version = s.column2 ORDER BY t.key",
                [value for one in part for value in one]):
            found[name, version][key] = value
    return found


def after(st: Statements, name: str, version: int, limit: int) -> list[tuple[str, int]]:
    """Return the next (name, number) in order, behind one of them."""
    return [(row[0], row[1]) for row in st.fetch_all(
        "SELECT name, version FROM registered_version WHERE name > ? OR (name = ? AND version > ?) "
        "ORDER BY name, version LIMIT ?", (name, name, version, limit))]


def relying_on(st: Statements, owner_id: str, path: str) -> tuple[str, int] | None:
    """Return name and number of a version whose files include an artifact of a run or logged model, or None."""
    row = st.fetch_one("SELECT name, version FROM registered_version WHERE owner_id = ? AND "
                       "(coalesce(path, '') = '' OR path = ? OR substr(?, 1, length(path) + 1) = path || '/') LIMIT 1",
                       (owner_id, path, path))
    return None if row is None else (row[0], row[1])
