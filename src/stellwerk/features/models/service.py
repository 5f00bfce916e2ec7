"""Registering model versions: one per distinct set of training inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.models import repository, tables
from stellwerk.infra.database import Work
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.ids import new_id


def register_version(work: Work, service: str, fingerprint: str, values: Mapping[str, Any]) -> RowMapping:
    """Register a version, or return the one that the same inputs made before."""
    known = repository.by_fingerprint(work.connection, service, fingerprint)
    if known is not None:
        return known
    version_id = new_id()
    repository.add(work.connection, {
        "id": version_id, "service": service, "number": repository.next_number(work.connection, service),
        "fingerprint": fingerprint, "created_at": work.now_us, **values})
    ledger.record(work, "version.registered", tables.model_version, version_id)
    return get_version_by_id(work.connection, version_id)


def get_version_by_id(connection: Connection, version_id: str) -> RowMapping:
    """Return a version by its id; raises NotFound."""
    found = repository.get(connection, version_id)
    if found is None:
        raise NotFound("There is no model version with this id.", field="version", value=version_id)
    return found


def get_version(connection: Connection, service: str, number: int) -> RowMapping:
    """Return a version by its number; raises NotFound naming the numbers that exist."""
    found = repository.by_number(connection, service, number)
    if found is None:
        numbers = [row["number"] for row in repository.for_services(connection, [service])]
        raise NotFound(f"{service} has no version {number}.", field="version", value=number, allowed=sorted(numbers))
    return found


def find_version(connection: Connection, service: str, fingerprint: str) -> RowMapping | None:
    """Return the version that these inputs made, if any."""
    return repository.by_fingerprint(connection, service, fingerprint)


def versions_of(connection: Connection, services: Sequence[str]) -> list[RowMapping]:
    """Return all versions of the services, newest first."""
    return list(repository.for_services(connection, services))


def newest_versions(connection: Connection, services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return number and time of the newest version of each service by its name."""
    return {row["service"]: {"number": row["number"], "created_at": iso_us(row["created_at"])}
            for row in repository.newest_for(connection, services)}


def version_view(row: RowMapping) -> dict[str, Any]:
    """Return the version as the API shows it."""
    plain = ("id", "service", "number", "run_id", "fingerprint", "onnx", "estimator", "inputs", "parity")
    return {**{name: row[name] for name in plain}, "created_at": iso_us(row["created_at"])}
