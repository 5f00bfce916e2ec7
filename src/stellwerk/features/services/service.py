"""Bringing a service to the platform: its bundle and manifest, checked before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.services import repository, tables
from stellwerk.features.services.bundle import MANIFEST, Bundle
from stellwerk.infra.database import Work
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import BadInput, Forbidden, NotFound
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.manifest import Manifest, parse_manifest


@dataclass(frozen=True)
class Brought:
    """What a submission brought: the parsed manifest and the digests under which all is kept."""

    manifest: Manifest
    manifest_digest: str
    bundle_digest: str


def bring(work: Work, name: str, bundle_digest: str, bundle: Bundle, commit: Mapping[str, Any] | None) -> Brought:
    """Keep bundle and manifest of a submission and make or update the service.

    Raises BadInput for a manifest with faults or of another service, Forbidden for another team's service.
    """
    text = bundle.manifest_text
    manifest = parse_manifest(text, MANIFEST)
    if manifest.service != name:
        raise BadInput("The manifest names another service than the address does.", field="service",
                       value=manifest.service, allowed=name)
    _make_or_update(work, manifest)
    manifest_digest = sha256_hex(text.encode())
    by = {"person_id": work.actor.person_id, "brought_by": work.actor.name, "created_at": work.now_us}
    if repository.get_bundle(work.connection, bundle_digest) is None:
        repository.add_bundle(work.connection, {
            "id": bundle_digest, "service": name, "code_digest": bundle.code_digest, "files": bundle.hashes,
            "commit": commit, **by})
        ledger.record(work, "bundle.brought", tables.bundle, bundle_digest)
    if repository.get_manifest(work.connection, manifest_digest) is None:
        repository.add_manifest(work.connection, {"id": manifest_digest, "service": name, "text": text, **by})
        ledger.record(work, "manifest.brought", tables.manifest, manifest_digest)
    return Brought(manifest=manifest, manifest_digest=manifest_digest, bundle_digest=bundle_digest)


def _make_or_update(work: Work, manifest: Manifest) -> None:
    words = {"title": manifest.title, "purpose": manifest.purpose, "risk": manifest.risk}
    known = repository.get(work.connection, manifest.service)
    if not work.actor.may("jobs.create", manifest.team):
        raise Forbidden(f"You may not bring services of the team {manifest.team!r}.", field="team",
                        value=manifest.team, allowed=sorted(work.actor.teams("jobs.create") or ()),
                        hint="Ask an admin for the role builder in that team.")
    if known is None:
        repository.add(work.connection, {"id": manifest.service, "team": manifest.team, "created_at": work.now_us,
                                         **words})
        ledger.record(work, "service.created", tables.service, manifest.service)
        return
    if known["team"] != manifest.team:
        raise Forbidden(f"The service {manifest.service!r} belongs to the team {known['team']!r}.", field="team",
                        value=manifest.team, allowed=known["team"], hint="Choose another name for the service.")
    if any(known[key] != value for key, value in words.items()):
        repository.change(work.connection, manifest.service, **words)
        ledger.record(work, "service.changed", tables.service, manifest.service)


def get_service(connection: Connection, name: str) -> RowMapping:
    """Return a service; raises NotFound."""
    found = repository.get(connection, name)
    if found is None:
        raise NotFound(f"There is no service {name!r}.", field="service", value=name,
                       hint="stellwerk status lists the services.")
    return found


def find_service(connection: Connection, name: str) -> RowMapping | None:
    """Return a service, or None when there is none of that name."""
    return repository.get(connection, name)


def list_services(connection: Connection, teams: frozenset[str] | None = None) -> list[RowMapping]:
    """Return the services of the teams, or of all teams when None, by name."""
    return list(repository.all_of(connection, teams))


def manifest_of(connection: Connection, digest: str) -> Manifest:
    """Return a kept manifest; raises NotFound."""
    row = repository.get_manifest(connection, digest)
    if row is None:
        raise NotFound("There is no manifest with this digest.", field="manifest", value=digest)
    return parse_manifest(row["text"], MANIFEST)


def get_manifest_row(connection: Connection, digest: str) -> RowMapping:
    """Return the row of a kept manifest; raises NotFound."""
    row = repository.get_manifest(connection, digest)
    if row is None:
        raise NotFound("There is no manifest with this digest.", field="manifest", value=digest)
    return row


def get_bundle_row(connection: Connection, digest: str) -> RowMapping:
    """Return the row of a kept bundle; raises NotFound."""
    row = repository.get_bundle(connection, digest)
    if row is None:
        raise NotFound("There is no bundle with this digest.", field="bundle", value=digest)
    return row


def authors_between(connection: Connection, name: str, since_us: int, until_us: int) -> set[str]:
    """Return who brought code or manifest of the service in a span of time."""
    return repository.authors_since(connection, name, since_us, until_us)


def service_view(row: RowMapping) -> dict[str, Any]:
    """Return the service as the API shows it."""
    return {"name": row["id"], "team": row["team"], "title": row["title"], "purpose": row["purpose"],
            "risk": row["risk"], "created_at": iso_us(row["created_at"])}
