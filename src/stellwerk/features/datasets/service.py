"""Keeping versions of data sets: content-addressed, in the lake, each with what the contract's check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.datasets import repository, tables
from stellwerk.infra.database import Work
from stellwerk.infra.installation import Installation
from stellwerk.infra.lake import read_version, write_version
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import Conflict, NotFound
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.ids import new_id
from stellwerk.protocols.odcs import Contract, parse_contract

if TYPE_CHECKING:
    import polars as pl


def dataset_id(service: str, name: str) -> str:
    """Return the id of a service's data set."""
    return f"{service}.{name}"


def _folder(installation: Installation, identifier: str) -> Path:
    return installation.home.lake / identifier


def store_rows(installation: Installation, identifier: str, frame: pl.DataFrame) -> tuple[str, int]:
    """Write rows into the lake unless the same content lies there; returns content hash and lake version."""
    from stellwerk.features.datasets.content_hash import content_hash

    digest = content_hash(frame)
    with installation.database.read() as connection:
        held = repository.lake_version_of(connection, identifier, digest)
    return digest, held if held is not None else write_version(_folder(installation, identifier), frame)


def record_version(work: Work, service: str, name: str, contract: Contract, values: Mapping[str, Any]) -> RowMapping:
    """Keep a version, or return the one with the same content under the same contract.

    ``values`` has content_hash, lake_version, rows, schema, profile, source and job_id.
    """
    identifier = dataset_id(service, name)
    contract_digest = sha256_hex(contract.text.encode())
    known = repository.same_version(work.connection, identifier, values["content_hash"], contract_digest)
    if known is not None:
        return known
    if repository.get_dataset(work.connection, identifier) is None:
        repository.add_dataset(work.connection, {"id": identifier, "service": service, "name": name,
                                                 "created_at": work.now_us})
        ledger.record(work, "dataset.created", tables.dataset, identifier)
    version_id = new_id()
    repository.add_version(work.connection, {
        "id": version_id, "dataset_id": identifier, "number": repository.next_number(work.connection, identifier),
        "contract_digest": contract_digest, "contract": contract.text, "created_at": work.now_us, **values})
    ledger.record(work, "dataset.version", tables.dataset_version, version_id)
    return get_row(work.connection, version_id)


def record_report(work: Work, service: str, name: str, contract: Contract, report: Mapping[str, Any], *, job_id: str,
                  version_id: str | None) -> None:
    """Keep what a check found; ``version_id`` is None where the data were refused."""
    if repository.report_of_job(work.connection, job_id) is not None:
        return
    identifier = dataset_id(service, name)
    if repository.get_dataset(work.connection, identifier) is None:
        repository.add_dataset(work.connection, {"id": identifier, "service": service, "name": name,
                                                 "created_at": work.now_us})
        ledger.record(work, "dataset.created", tables.dataset, identifier)
    report_id = new_id()
    repository.add_report(work.connection, {
        "id": report_id, "job_id": job_id, "dataset_id": identifier, "dataset_version_id": version_id,
        "contract_digest": sha256_hex(contract.text.encode()), "verdict": report["verdict"], "report": dict(report),
        "created_at": work.now_us})
    ledger.record(work, "quality.reported", tables.quality_report, report_id)


def get_row(connection: Connection, version_id: str) -> RowMapping:
    """Return the row of a version; raises NotFound."""
    found = repository.get_version(connection, version_id)
    if found is None:
        raise NotFound("There is no data set version with this id.", field="dataset_version", value=version_id)
    return found


def get_dataset_version(connection: Connection, version_id: str) -> dict[str, Any]:
    """Return a version as API and pages show it; raises NotFound."""
    row = get_row(connection, version_id)
    plain = ("id", "dataset_id", "number", "content_hash", "contract_digest", "lake_version", "rows", "schema",
             "profile", "source", "job_id")
    return {**{name: row[name] for name in plain}, "dataset": row["dataset_id"],
            "created_at": iso_us(row["created_at"])}


def contract_of(connection: Connection, version_id: str) -> Contract:
    """Return the contract under which a version was checked."""
    return parse_contract(get_row(connection, version_id)["contract"], "contract")


def report_of_version(connection: Connection, version_id: str) -> dict[str, Any] | None:
    """Return the newest quality report on a version, or None."""
    row = repository.report_of_version(connection, version_id)
    return None if row is None else {"id": row["id"], "verdict": row["verdict"], "report": row["report"],
                                     "created_at": iso_us(row["created_at"])}


def newest_reports(connection: Connection, services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return verdict and time of the newest quality report of each service."""
    rows = repository.newest_reports(connection, services)
    return {name: {"verdict": row["verdict"], "created_at": iso_us(row["created_at"]),
                   "broken": row["report"]["broken"], "rows": row["report"]["rows"]} for name, row in rows.items()}


def read_frame(installation: Installation, version_id: str) -> pl.DataFrame:
    """Return the rows of a version; raises Conflict when the lake no longer holds what was recorded."""
    from stellwerk.features.datasets.content_hash import content_hash

    with installation.database.read() as connection:
        row = get_row(connection, version_id)
    frame = read_version(_folder(installation, row["dataset_id"]), row["lake_version"])
    if content_hash(frame) != row["content_hash"]:
        raise Conflict(f"Version {row['number']} of {row['dataset_id']} no longer has the content that was recorded.",
                       field="dataset_version", value=version_id, allowed=row["content_hash"],
                       hint="Restore the lake folder from a backup.")
    return frame
