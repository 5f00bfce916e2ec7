"""Every query on people, teams, memberships, tokens, links and sessions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.identity.tables import login_link, membership, person, session, team, token


def add(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row."""
    connection.execute(insert(table).values(**values))


def change(connection: Connection, table: Table, row_id: str, **values: Any) -> None:
    """Set columns of a row."""
    connection.execute(update(table).where(table.c.id == row_id).values(**values))


def by_id(connection: Connection, table: Table, row_id: str) -> RowMapping | None:
    """Return a row by its id."""
    return connection.execute(select(table).where(table.c.id == row_id)).mappings().one_or_none()


def by_hash(connection: Connection, table: Table, sha256: str) -> RowMapping | None:
    """Return the token, link or session of a secret's hash."""
    return connection.execute(select(table).where(table.c.sha256 == sha256)).mappings().one_or_none()


def person_named(connection: Connection, name: str) -> RowMapping | None:
    """Return the person of a sign-in name."""
    return connection.execute(select(person).where(person.c.name == name)).mappings().one_or_none()


def count_people(connection: Connection) -> int:
    """Return how many people are known."""
    return connection.execute(select(func.count()).select_from(person)).scalar_one()


def people(connection: Connection) -> Sequence[RowMapping]:
    """Return all people by name."""
    return connection.execute(select(person).order_by(person.c.name)).mappings().all()


def people_by_ids(connection: Connection, ids: Collection[str]) -> Sequence[RowMapping]:
    """Return the people with these ids."""
    return connection.execute(select(person).where(person.c.id.in_(sorted(ids)))).mappings().all()


def teams(connection: Connection) -> Sequence[RowMapping]:
    """Return all teams by name."""
    return connection.execute(select(team).order_by(team.c.id)).mappings().all()


def roles(connection: Connection, person_id: str | None = None) -> Sequence[RowMapping]:
    """Return the memberships that hold, of one person or of all."""
    query = select(membership).where(membership.c.revoked_at.is_(None)).order_by(membership.c.granted_at)
    if person_id is not None:
        query = query.where(membership.c.person_id == person_id)
    return connection.execute(query).mappings().all()


def active_links(connection: Connection, person_id: str, now_us: int) -> Sequence[str]:
    """Return the ids of a person's links that could still be used."""
    return connection.execute(select(login_link.c.id).where(
        login_link.c.person_id == person_id, login_link.c.used_at.is_(None), login_link.c.expires_at > now_us,
    )).scalars().all()


def end_sessions(connection: Connection, person_id: str, now_us: int, *, keep: str | None = None) -> None:
    """End the open sessions of a person, but for one."""
    query = update(session).where(session.c.person_id == person_id, session.c.ended_at.is_(None))
    if keep is not None:
        query = query.where(session.c.id != keep)
    connection.execute(query.values(ended_at=now_us))


def forget_sessions(connection: Connection, before_us: int) -> None:
    """Delete sessions that ran out before a moment."""
    connection.execute(delete(session).where(session.c.expires_at < before_us))


def tokens(connection: Connection, *, valid_at: int | None = None) -> Sequence[RowMapping]:
    """Return tokens, newest first; with ``valid_at`` (microseconds) only those that hold then."""
    query = select(token).order_by(token.c.created_at.desc(), token.c.id.desc())
    if valid_at is not None:
        query = query.where(token.c.revoked_at.is_(None), token.c.expires_at > valid_at)
    return connection.execute(query).mappings().all()


def tokens_named(connection: Connection, name: str, now_us: int) -> Sequence[RowMapping]:
    """Return the valid tokens of a name."""
    return [row for row in tokens(connection, valid_at=now_us) if row["name"] == name]
