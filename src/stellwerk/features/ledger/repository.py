"""Every query on the ledger's own tables, and the generic reads of the rows that it covers."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Integer, Table, and_, exists, func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.ledger.state import raw_columns
from stellwerk.features.ledger.tables import ledger_event, ledger_head, ledger_lease, ledger_tile
from stellwerk.kernel.merkle import LoadTile

_event = ledger_event.c

# What reading a damaged file raises; the second where SQLite's own message quotes damaged text.
UNREADABLE = (sqlalchemy.exc.DatabaseError, UnicodeDecodeError)


# Covered rows

def raw_row(connection: Connection, table: Table, row_id: str) -> dict[str, Any] | None:
    """Return one row of any table as the database keeps it."""
    row = connection.execute(select(*raw_columns(table)).where(table.c.id == row_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def row_ids(connection: Connection, table: Table, after: str, limit: int) -> list[str]:
    """Return the next ids of a table in order."""
    query = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def raw_rows(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """Return rows by id as the database keeps them; None for one that SQLite cannot read."""
    query = select(*raw_columns(table))
    try:
        rows = connection.execute(query.where(table.c.id.in_(ids))).mappings().all()
        return {row["id"]: dict(row) for row in rows}
    except UNREADABLE:
        # One damaged text spoils the whole answer, so ask for each row alone.
        return {row_id: _one_or_none(connection, query.where(table.c.id == row_id)) for row_id in ids}


def _one_or_none(connection: Connection, query: sqlalchemy.Select[Any]) -> dict[str, Any] | None:
    try:
        row = connection.execute(query).mappings().first()
        return None if row is None else dict(row)
    except UNREADABLE:
        return None


def integrity_problems(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong with its own file; empty when all is well."""
    try:
        found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
    except UNREADABLE as error:
        return [str(error)]
    return [line for line in found if line != "ok"]


# Events

def add_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an event."""
    connection.execute(insert(ledger_event).values(**values))


def has_unsealed(connection: Connection, log: str) -> bool:
    """Tell whether events of the log wait for a position."""
    query = select(_event.seq).where(_event.log == log, _event.position.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def unsealed(connection: Connection, log: str, limit: int) -> Sequence[RowMapping]:
    """Return events that wait for a position, in the order of writing: seq and leaf."""
    query = (select(_event.seq, _event.leaf).where(_event.log == log, _event.position.is_(None))
             .order_by(_event.seq).limit(limit))
    return connection.execute(query).mappings().all()


def set_positions(connection: Connection, positions: Sequence[tuple[int, int]]) -> None:
    """Give events (seq) their positions."""
    statement = (update(ledger_event).where(_event.seq == sqlalchemy.bindparam("of_seq"))
                 .values(position=sqlalchemy.bindparam("to_position")))
    connection.execute(statement, [{"of_seq": seq, "to_position": position} for seq, position in positions])


def last_position(connection: Connection, log: str) -> int:
    """Return the highest position that an event of the log has, or -1."""
    found = connection.execute(select(func.max(_event.position)).where(_event.log == log)).scalar()
    return -1 if found is None else int(found)


def raw_events(connection: Connection, log: str, start: int, end: int) -> dict[int, dict[str, Any] | None]:
    """Return sealed events by position, as the database keeps them; None for one that SQLite cannot read."""
    query = select(*raw_columns(ledger_event))
    span = and_(_event.log == log, _event.position >= start, _event.position < end)
    try:
        rows = connection.execute(query.where(span)).mappings()
        return {int(row["position"]): dict(row) for row in rows}
    except UNREADABLE:
        positions = connection.execute(select(_event.position.cast(Integer)).where(span)).scalars().all()
        return {int(position): _one_or_none(connection, query.where(_event.log == log, _event.position == position))
                for position in positions}


def raw_unsealed(connection: Connection, log: str, after_seq: int, limit: int) -> list[dict[str, Any]]:
    """Return the next events of a log that wait for a position, as the database keeps them."""
    query = select(*raw_columns(ledger_event)).where(_event.log == log, _event.position.is_(None),
                                                     _event.seq > after_seq).order_by(_event.seq).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def logs_of_events(connection: Connection) -> list[str]:
    """Return the logs that events say they belong to."""
    return [str(log) for log in connection.execute(select(_event.log).distinct()).scalars()]


def logs_recorded(connection: Connection) -> list[str]:
    """Return the logs kept elsewhere of which a head has been recorded."""
    query = select(_event.subject_id).where(_event.subject_type == "log", _event.verb == "head.sealed").distinct()
    return [str(log) for log in connection.execute(query).scalars()]


def get_event(connection: Connection, event_id: str) -> RowMapping | None:
    """Return one event."""
    return connection.execute(select(ledger_event).where(_event.id == event_id)).mappings().one_or_none()


def event_at(connection: Connection, log: str, position: int) -> RowMapping | None:
    """Return the event at a position."""
    query = select(ledger_event).where(_event.log == log, _event.position == position)
    return connection.execute(query).mappings().one_or_none()


def events_of_row(connection: Connection, table: str, row_id: str) -> Sequence[RowMapping]:
    """Return the events of one row, oldest first."""
    query = select(ledger_event).where(_event.table_name == table, _event.subject_id == row_id)
    return connection.execute(query.order_by(_event.seq)).mappings().all()


def latest_events(connection: Connection, log: str, table: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the last event of each row, by row id: id, verb, digest and nonce of the state, as they are kept."""
    last = (select(func.max(_event.seq))
            .where(_event.log == log, _event.table_name == table, _event.subject_id.in_(ids))
            .group_by(_event.subject_id))
    columns = [column for column in raw_columns(ledger_event)
               if column.name in ("id", "subject_id", "verb", "state_digest", "state_nonce")]
    rows = connection.execute(select(*columns).where(_event.seq.in_(last))).mappings()
    return {row["subject_id"]: dict(row) for row in rows}


def rows_gone(connection: Connection, log: str, table: Table) -> Sequence[RowMapping]:
    """Return the last events of rows which that event says exist and the table does not hold."""
    last = (select(func.max(_event.seq)).where(_event.log == log, _event.table_name == table.name)
            .group_by(_event.subject_id))
    query = select(_event.id, _event.subject_id, _event.verb).where(
        _event.seq.in_(last), _event.state_digest.is_not(None),
        ~exists(select(1).where(table.c.id == _event.subject_id)))
    return connection.execute(query).mappings().all()


def tables_named(connection: Connection) -> list[str]:
    """Return the names of the tables that events speak of."""
    query = select(_event.table_name).where(_event.table_name.is_not(None)).distinct()
    return [str(name) for name in connection.execute(query).scalars()]


def last_head_event(connection: Connection, log: str, *, sealed_below: int | None = None) -> RowMapping | None:
    """Return the newest event that records a head of another log, if wanted among sealed events only."""
    query = select(ledger_event).where(_event.subject_type == "log", _event.subject_id == log,
                                       _event.verb == "head.sealed")
    if sealed_below is not None:
        query = query.where(_event.position < sealed_below)
    return connection.execute(query.order_by(_event.seq.desc()).limit(1)).mappings().one_or_none()


def page(connection: Connection, *, subject: str | None, verb: str | None, before: int | None,
         limit: int) -> Sequence[RowMapping]:
    """Return events, newest first, of a subject or verb, older than the one numbered ``before``."""
    query = select(ledger_event).order_by(_event.seq.desc()).limit(limit)
    for column, value in ((_event.subject_id, subject), (_event.verb, verb)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(_event.seq < before)
    return connection.execute(query).mappings().all()


# Tiles, heads, lease

def tile_loader(connection: Connection, log: str) -> LoadTile:
    """Return the function that reads tiles of a log, remembering the last ones."""

    @functools.lru_cache(maxsize=256)
    def load(level: int, index: int) -> bytes:
        tile = ledger_tile.c
        query = select(tile.hashes).where(tile.log == log, tile.level == level, tile.index == index)
        return connection.execute(query).scalar() or b""

    return load


def put_tiles(connection: Connection, log: str, tiles: Mapping[tuple[int, int], bytes]) -> None:
    """Write tiles, replacing what stood there."""
    tile = ledger_tile.c
    for (level, index), hashes in tiles.items():
        place = and_(tile.log == log, tile.level == level, tile.index == index)
        if connection.execute(update(ledger_tile).where(place).values(hashes=hashes)).rowcount == 0:
            connection.execute(insert(ledger_tile).values(log=log, level=level, index=index, hashes=hashes))


def head(connection: Connection, log: str) -> RowMapping | None:
    """Return the present head of a log."""
    return connection.execute(select(ledger_head).where(ledger_head.c.log == log)).mappings().one_or_none()


def heads(connection: Connection) -> Sequence[RowMapping]:
    """Return the present heads of all logs by name."""
    return connection.execute(select(ledger_head).order_by(ledger_head.c.log)).mappings().all()


def put_head(connection: Connection, values: Mapping[str, Any]) -> None:
    """Write the head of a log, replacing the one before."""
    change = update(ledger_head).where(ledger_head.c.log == values["log"]).values(**values)
    if connection.execute(change).rowcount == 0:
        connection.execute(insert(ledger_head).values(**values))


def take_lease(connection: Connection, log: str, holder: str, now_us: int, until_us: int) -> bool:
    """Take or renew the right to seal a log; False while another holder has it."""
    lease = ledger_lease.c
    found = connection.execute(select(ledger_lease).where(lease.log == log)).mappings().one_or_none()
    if found is None:
        connection.execute(insert(ledger_lease).values(log=log, holder=holder, expires_at=until_us))
        return True
    if found["holder"] != holder and found["expires_at"] > now_us:
        return False
    connection.execute(update(ledger_lease).where(lease.log == log).values(holder=holder, expires_at=until_us))
    return True
