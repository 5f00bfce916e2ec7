"""Every query on services, bundles and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.services.tables import bundle, manifest, service


def get(connection: Connection, name: str) -> RowMapping | None:
    """Return one service."""
    return connection.execute(select(service).where(service.c.id == name)).mappings().one_or_none()


def all_of(connection: Connection, teams: frozenset[str] | None) -> Sequence[RowMapping]:
    """Return the services of the teams, or all when None, by name."""
    query = select(service).order_by(service.c.id)
    if teams is not None:
        query = query.where(service.c.team.in_(sorted(teams)))
    return connection.execute(query).mappings().all()


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a service."""
    connection.execute(insert(service).values(**values))


def change(connection: Connection, name: str, **values: Any) -> None:
    """Set columns of a service."""
    connection.execute(update(service).where(service.c.id == name).values(**values))


def get_bundle(connection: Connection, digest: str) -> RowMapping | None:
    """Return one bundle."""
    return connection.execute(select(bundle).where(bundle.c.id == digest)).mappings().one_or_none()


def add_bundle(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a bundle."""
    connection.execute(insert(bundle).values(**values))


def get_manifest(connection: Connection, digest: str) -> RowMapping | None:
    """Return one manifest."""
    return connection.execute(select(manifest).where(manifest.c.id == digest)).mappings().one_or_none()


def add_manifest(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a manifest."""
    connection.execute(insert(manifest).values(**values))


def authors_since(connection: Connection, name: str, since_us: int, until_us: int) -> set[str]:
    """Return the persons who brought a bundle or manifest of the service in a span of time (ends included)."""
    found: set[str] = set()
    for table in (bundle, manifest):
        rows = connection.execute(select(table.c.person_id).where(
            table.c.service == name, table.c.created_at > since_us, table.c.created_at <= until_us,
            table.c.person_id.is_not(None))).scalars()
        found.update(rows)
    return found
