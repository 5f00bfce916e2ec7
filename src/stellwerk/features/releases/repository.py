"""Every query on revisions and routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.releases.tables import revision, route

_BRIEF = tuple(column for column in revision.c if column.name != "serving")


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a revision."""
    connection.execute(insert(revision).values(**values))


def change(connection: Connection, revision_id: str, **values: Any) -> None:
    """Set columns of a revision."""
    connection.execute(update(revision).where(revision.c.id == revision_id).values(**values))


def get(connection: Connection, revision_id: str) -> RowMapping | None:
    """Return one revision."""
    return connection.execute(select(revision).where(revision.c.id == revision_id)).mappings().one_or_none()


def of_evaluation(connection: Connection, evaluation_id: str) -> RowMapping | None:
    """Return the revision that an evaluation led to."""
    return connection.execute(
        select(revision).where(revision.c.evaluation_id == evaluation_id)).mappings().one_or_none()


def of_version(connection: Connection, service: str, version: int) -> Sequence[RowMapping]:
    """Return the revisions of a model version, newest first."""
    return connection.execute(
        select(revision).where(revision.c.service == service, revision.c.version == version)
        .order_by(revision.c.number.desc())
    ).mappings().all()


def of_runs(connection: Connection, run_ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the revisions that came out of runs, newest first."""
    return connection.execute(select(revision).where(revision.c.run_id.in_(run_ids))
                              .order_by(revision.c.number.desc())).mappings().all()


def for_services(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return the revisions of the services, newest first."""
    return connection.execute(
        select(revision).where(revision.c.service.in_(services)).order_by(revision.c.number.desc())
    ).mappings().all()


def by_ids(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the revisions of the ids."""
    return connection.execute(select(revision).where(revision.c.id.in_(ids))).mappings().all()


def newest_for(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return the newest revision of each service, without what the gateway needs of it."""
    newest = (select(revision.c.service, func.max(revision.c.number).label("number"))
              .where(revision.c.service.in_(services)).group_by(revision.c.service).subquery())
    return connection.execute(select(*_BRIEF).join(
        newest, (revision.c.service == newest.c.service) & (revision.c.number == newest.c.number))).mappings().all()


def brief_by_ids(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the revisions of the ids, without what the gateway needs of them."""
    return connection.execute(select(*_BRIEF).where(revision.c.id.in_(ids))).mappings().all()


def next_number(connection: Connection, service: str) -> int:
    """Return the number that the next revision of the service gets."""
    highest = connection.execute(select(func.max(revision.c.number)).where(revision.c.service == service)).scalar()
    return (highest or 0) + 1


def last_approved_at(connection: Connection, service: str, before_number: int) -> int:
    """Return when the newest approved revision before a number was approved, 0 when none was."""
    found = connection.execute(
        select(func.max(revision.c.approved_at)).where(
            revision.c.service == service, revision.c.number < before_number)).scalar()
    return found or 0


def latest_retired(connection: Connection, service: str) -> RowMapping | None:
    """Return the revision that was champion most recently before the present one."""
    return connection.execute(
        select(revision).where(revision.c.service == service, revision.c.state == "retired",
                               revision.c.champion_at.is_not(None))
        .order_by(revision.c.champion_at.desc()).limit(1)
    ).mappings().one_or_none()


def get_route(connection: Connection, service: str) -> RowMapping | None:
    """Return the route of a service."""
    return connection.execute(select(route).where(route.c.id == service)).mappings().one_or_none()


def routes(connection: Connection) -> Sequence[RowMapping]:
    """Return every route by name."""
    return connection.execute(select(route).order_by(route.c.id)).mappings().all()


def routes_for(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return the routes of the services."""
    return connection.execute(select(route).where(route.c.id.in_(services))).mappings().all()


def add_route(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a route."""
    connection.execute(insert(route).values(**values))


def change_route(connection: Connection, service: str, **values: Any) -> None:
    """Set columns of a route."""
    connection.execute(update(route).where(route.c.id == service).values(**values))
