"""Every query on transfers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_COLUMNS = "no, source, kind, team, started_at, started_by, proved_at"


class Transfer(NamedTuple):
    """One source from which things come; times are milliseconds since 1970."""

    no: int
    source: str
    kind: str
    team: str | None
    started_at: int
    started_by: str
    proved_at: int | None


class Mapped(NamedTuple):
    """Which experiment here an experiment of the source became; ``merged`` is 1 where it was here already."""

    source_id: str
    experiment_id: int
    merged: int


def add(st: Statements, made: Transfer) -> Transfer:
    """Insert a transfer, whose number is given here, and return it."""
    number = st.fetch_value("INSERT INTO transfer (source, kind, team, started_at, started_by, proved_at) "
                            "VALUES (?, ?, ?, ?, ?, ?) RETURNING no", made[1:])
    return made._replace(no=int(number))


def get(st: Statements, number: int) -> Transfer | None:
    """Return a transfer, or None."""
    row = st.fetch_one(f"SELECT {_COLUMNS} FROM transfer WHERE no = ?", (number,))
    return None if row is None else Transfer(*row)


def by_source(st: Statements, source: str) -> Transfer | None:
    """Return the transfer of a source, or None."""
    row = st.fetch_one(f"SELECT {_COLUMNS} FROM transfer WHERE source = ?", (source,))
    return None if row is None else Transfer(*row)


def listed(st: Statements, limit: int) -> list[Transfer]:
    """Return the newest transfers."""
    return [Transfer(*row) for row in st.fetch_all(f"SELECT {_COLUMNS} FROM transfer ORDER BY no DESC LIMIT ?",
                                                   (limit,))]


def mark_proved(st: Statements, number: int, now: int) -> None:
    """Note when a transfer was proved to be whole."""
    st.modify("UPDATE transfer SET proved_at = ? WHERE no = ?", (now, number))


def put_experiment(st: Statements, number: int, mapped: Mapped) -> None:
    """Note what an experiment of the source became here."""
    st.modify("INSERT INTO transfer_experiment (transfer_no, source_id, experiment_id, merged) VALUES (?, ?, ?, ?) "
              "ON CONFLICT (transfer_no, source_id) DO UPDATE SET experiment_id = excluded.experiment_id, "
              "merged = excluded.merged", (number, *mapped))


def experiments(st: Statements, number: int) -> list[Mapped]:
    """Return what the experiments of a source became, in order of their ids here."""
    return [Mapped(*row) for row in st.fetch_all(
        "SELECT source_id, experiment_id, merged FROM transfer_experiment WHERE transfer_no = ? "
        "ORDER BY experiment_id, source_id", (number,))]


def put_things(st: Statements, kind: str, ids: Iterable[str], number: int, complete: int) -> None:
    """Note that things come from a source, and whether they have come whole."""
    st.modify_many("INSERT INTO transferred (kind, id, transfer_no, complete) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (kind, id) DO UPDATE SET complete = excluded.complete",
                   [(kind, one, number, complete) for one in ids])


def things(st: Statements, kind: str, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return of things that came from anywhere (number of the transfer, complete), by id."""
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(ids), 500):
        part = ids[start:start + 500]
        for one, number, complete in st.fetch_all(
                f"SELECT id, transfer_no, complete FROM transferred WHERE kind = ? AND id IN ({marks(len(part))})",
                (kind, *part)):
            found[one] = (number, complete)
    return found


def counts(st: Statements, number: int) -> dict[str, tuple[int, int]]:
    """Return by kind how many things came whole and how many are still arriving."""
    found: dict[str, tuple[int, int]] = {}
    for kind, complete, count in st.fetch_all(
            "SELECT kind, complete, count(*) FROM transferred WHERE transfer_no = ? GROUP BY kind, complete",
            (number,)):
        whole, arriving = found.get(kind, (0, 0))
        found[kind] = (whole + count, arriving) if complete else (whole, arriving + count)
    return found


def numbers_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next numbers of transfers in order, as texts."""
    return [str(row[0]) for row in st.fetch_all("SELECT no FROM transfer WHERE no > ? ORDER BY no LIMIT ?",
                                                (int(after or 0), limit))]
