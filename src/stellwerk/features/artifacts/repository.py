"""Every query on artifacts and on uploads under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

# "0" follows "/" directly, so a folder's content lies between the two.
_BEHIND = "0"
_BATCH = 200


class Artifact(NamedTuple):
    """A name and the bytes that it stands for."""

    path: str
    sha256: str
    size: int
    created_at: int


class Entry(NamedTuple):
    """One line of a listing: a file, or a folder without a size."""

    path: str
    is_folder: bool
    size: int | None


class Position(NamedTuple):
    """Where a listing goes on: behind a file, or at the first name that a folder cannot hold."""

    path: str
    inclusive: bool


class Upload(NamedTuple):
    """An upload in parts; ``sha256`` is set once it is complete."""

    id: str
    owner_id: str
    path: str
    parts: int
    started_at: int
    sha256: str | None


def get(st: Statements, owner_id: str, path: str) -> Artifact | None:
    """Return the artifact of a name, or None."""
    row = st.fetch_one("SELECT path, sha256, size, created_at FROM artifact WHERE owner_id = ? AND path = ?",
                       (owner_id, path))
    return None if row is None else Artifact(*row)


def is_folder(st: Statements, owner_id: str, path: str) -> bool:
    """Tell whether anything stands below a name."""
    return st.fetch_value("SELECT 1 FROM artifact WHERE owner_id = ? AND path > ? AND path < ? LIMIT 1",
                          (owner_id, f"{path}/", path + _BEHIND)) is not None


def first_file(st: Statements, owner_id: str, paths: Sequence[str]) -> str | None:
    """Return the first of the names that is a file, or None."""
    if not paths:
        return None
    found: str | None = st.fetch_value(
        f"SELECT min(path) FROM artifact WHERE owner_id = ? AND path IN ({marks(len(paths))})", (owner_id, *paths))
    return found


def put(st: Statements, owner_id: str, found: Artifact) -> None:
    """Let a name stand for bytes, whatever it stood for before."""
    st.modify("INSERT INTO artifact (owner_id, path, sha256, size, created_at) VALUES (?, ?, ?, ?, ?) "
              "ON CONFLICT (owner_id, path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, "
              "created_at = excluded.created_at", (owner_id, *found))


def delete(st: Statements, owner_id: str, paths: Sequence[str]) -> None:
    """Remove names; their bytes stay."""
    st.modify(f"DELETE FROM artifact WHERE owner_id = ? AND path IN ({marks(len(paths))})", (owner_id, *paths))


def all_below(st: Statements, owner_id: str, folder: str, limit: int, after: str = "") -> list[Artifact]:
    """Return the artifacts at any depth of a folder ("" for the root), by name, behind one of them."""
    start = max(after, f"{folder}/" if folder else "")
    clause, values = ("AND path < ?", [folder + _BEHIND]) if folder else ("", [])
    return [Artifact(*row) for row in st.fetch_all(
        f"SELECT path, sha256, size, created_at FROM artifact WHERE owner_id = ? AND path > ? {clause} "
        "ORDER BY path LIMIT ?", (owner_id, start, *values, limit))]


def children(st: Statements, owner_id: str, folder: str, position: Position | None,
             limit: int) -> tuple[list[Entry], Position | None]:
    """Return what stands directly in a folder ("" for the root), and where to go on, None at the end.

    Costs by what is returned: what lies deeper in a folder is skipped, not read.
    """
    prefix = f"{folder}/" if folder else ""
    place = position or Position(prefix, inclusive=False)
    entries: list[Entry] = []
    while len(entries) < limit:
        rows = _batch(st, owner_id, folder, place)
        for path, size in rows:
            if not _follows(path, place):
                continue
            name, deeper, _ = path[len(prefix):].partition("/")
            if deeper:
                entries.append(Entry(prefix + name, is_folder=True, size=None))
                place = Position(prefix + name + _BEHIND, inclusive=True)
            else:
                entries.append(Entry(path, is_folder=False, size=size))
                place = Position(path, inclusive=False)
            if len(entries) == limit:
                return entries, place
        if len(rows) < _BATCH:
            return entries, None
    return entries, place


def _follows(path: str, place: Position) -> bool:
    # Databases order by code point, and so does Python.
    return path > place.path or (place.inclusive and path == place.path)


def _batch(st: Statements, owner_id: str, folder: str, place: Position) -> list[tuple[str, int]]:
    clause, values = ("AND path < ?", [folder + _BEHIND]) if folder else ("", [])
    return [(path, size) for path, size in st.fetch_all(
        f"SELECT path, size FROM artifact WHERE owner_id = ? AND path {'>=' if place.inclusive else '>'} ? {clause} "
        "ORDER BY path LIMIT ?", (owner_id, place.path, *values, _BATCH))]


def after(st: Statements, owner_id: str, path: str, limit: int) -> list[tuple[str, str]]:
    """Return the next (owner, path) behind one of them, in order."""
    return [(owner, name) for owner, name in st.fetch_all(
        "SELECT owner_id, path FROM artifact WHERE owner_id = ? AND path > ? ORDER BY path LIMIT ?",
        (owner_id, path, limit))] or [(owner, name) for owner, name in st.fetch_all(
            "SELECT owner_id, path FROM artifact WHERE owner_id > ? ORDER BY owner_id, path LIMIT ?",
            (owner_id, limit))]


def add_upload(st: Statements, upload: Upload) -> None:
    """Insert an upload."""
    st.modify("INSERT INTO upload (id, owner_id, path, parts, started_at, sha256) VALUES (?, ?, ?, ?, ?, ?)", upload)


def upload(st: Statements, upload_id: str) -> Upload | None:
    """Return an upload, or None."""
    row = st.fetch_one("SELECT id, owner_id, path, parts, started_at, sha256 FROM upload WHERE id = ?", (upload_id,))
    return None if row is None else Upload(*row)


def complete_upload(st: Statements, upload_id: str, sha256: str) -> None:
    """Note that an upload is complete."""
    st.modify("UPDATE upload SET sha256 = ? WHERE id = ?", (sha256, upload_id))


def delete_upload(st: Statements, upload_id: str) -> None:
    """Remove an upload."""
    st.modify("DELETE FROM upload WHERE id = ?", (upload_id,))


def uploads_before(st: Statements, started_before: int) -> list[str]:
    """Return the ids of uploads that began before a moment."""
    return [row[0] for row in st.fetch_all("SELECT id FROM upload WHERE started_at < ?", (started_before,))]
