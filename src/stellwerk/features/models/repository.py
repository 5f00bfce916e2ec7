"""Every query on model versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.models.tables import model_version


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a model version."""
    connection.execute(insert(model_version).values(**values))


def get(connection: Connection, version_id: str) -> RowMapping | None:
    """Return one model version by its id."""
    return connection.execute(select(model_version).where(model_version.c.id == version_id)).mappings().one_or_none()


def by_number(connection: Connection, service: str, number: int) -> RowMapping | None:
    """Return one model version by its number."""
    return connection.execute(
        select(model_version).where(model_version.c.service == service, model_version.c.number == number)
    ).mappings().one_or_none()


def by_fingerprint(connection: Connection, service: str, fingerprint: str) -> RowMapping | None:
    """Return the model version made from the same inputs."""
    return connection.execute(
        select(model_version).where(model_version.c.service == service, model_version.c.fingerprint == fingerprint)
    ).mappings().one_or_none()


def next_number(connection: Connection, service: str) -> int:
    """Return the number that the next version of the service gets."""
    highest = connection.execute(
        select(func.max(model_version.c.number)).where(model_version.c.service == service)).scalar()
    return (highest or 0) + 1


def for_services(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return all versions of the services, newest first."""
    return connection.execute(
        select(model_version).where(model_version.c.service.in_(services)).order_by(model_version.c.number.desc())
    ).mappings().all()


def newest_for(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return number and time of the newest version of each service."""
    return connection.execute(
        select(model_version.c.service, func.max(model_version.c.number).label("number"),
               func.max(model_version.c.created_at).label("created_at"))
        .where(model_version.c.service.in_(services)).group_by(model_version.c.service)
    ).mappings().all()
