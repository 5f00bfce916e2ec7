"""The record of a run: opened before users' code starts, ended with what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.trainings import repository, tables
from stellwerk.infra.database import Work
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.hashing import digest_of
from stellwerk.kernel.ids import new_id

# What decides the outcome of a training; equal content must give an equal model.
FINGERPRINT_PARTS = ("code_digest", "train", "params", "seed", "plan", "lock_hash", "runner_hash", "data_hash",
                     "contract_digest", "roles")


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Return the digest of all that decides the outcome of a training; raises KeyError when a part is missing."""
    return digest_of({name: parts[name] for name in FINGERPRINT_PARTS})


def open_run(work: Work, job_id: str, values: Mapping[str, Any]) -> str:
    """Open the run of a job, or return the one that the job opened before a restart."""
    known = repository.of_job(work.connection, job_id)
    if known is not None:
        return str(known["id"])
    # In the form that tracking clients take, since it is the same run there.
    run_id = new_id().replace("-", "")
    repository.add(work.connection, {"id": run_id, "job_id": job_id, "state": "running", "started_at": work.now_us,
                                     **values})
    ledger.record(work, "run.started", tables.run, run_id)
    return run_id


def finish_run(work: Work, run_id: str, values: Mapping[str, Any]) -> None:
    """End a run that went well; does nothing when it has ended already."""
    if get_run(work.connection, run_id)["state"] != "running":
        return
    repository.change(work.connection, run_id, state="finished", finished_at=work.now_us, **values)
    ledger.record(work, "run.finished", tables.run, run_id)


def fail_run(work: Work, run_id: str, error: Mapping[str, Any], log_tail: str) -> None:
    """End a run that failed; does nothing when it has ended already."""
    if get_run(work.connection, run_id)["state"] != "running":
        return
    repository.change(work.connection, run_id, state="failed", finished_at=work.now_us, error=dict(error),
                      log_tail=log_tail)
    ledger.record(work, "run.failed", tables.run, run_id)


def get_run(connection: Connection, run_id: str) -> RowMapping:
    """Return a run; raises NotFound."""
    found = repository.get(connection, run_id)
    if found is None:
        raise NotFound("There is no run with this id.", field="run", value=run_id)
    return found


def finished_like(connection: Connection, service: str, print_of_inputs: str) -> RowMapping | None:
    """Return the first finished run with the same inputs."""
    return repository.finished_like(connection, service, print_of_inputs)


def run_view(row: RowMapping) -> dict[str, Any]:
    """Return the run as the API shows it."""
    plain = ("id", "job_id", "service", "state", "fingerprint", "bundle", "code_digest", "commit", "lock_hash",
             "dataset_version_id", "params", "seed", "plan", "requested_by", "seconds", "peak_memory_mb", "versions",
             "artifacts", "metrics", "network", "error", "repeats_run", "identical", "differs")
    return {**{name: row[name] for name in plain}, "started_at": iso_us(row["started_at"]),
            "finished_at": iso_us(row["finished_at"])}


def record_adoption(work: Work, run_id: str, values: Mapping[str, Any]) -> None:
    """Keep which model a run took that was trained elsewhere: uri, model, version, source_run, made_by, files."""
    if repository.adoptions(work.connection, [run_id]):
        return
    repository.add_adoption(work.connection, {"id": run_id, **values})
    ledger.record(work, "run.adopted", tables.adoption, run_id)


def adoption_of(connection: Connection, run_id: str) -> RowMapping | None:
    """Return which model a run took that was trained elsewhere, or None where it trained one."""
    found = repository.adoptions(connection, [run_id])
    return found[0] if found else None


def runs_that_adopted(connection: Connection, model: str) -> dict[int, list[str]]:
    """Return the runs that took a registered model, by its version."""
    found: dict[int, list[str]] = {}
    for row in repository.adopted_versions(connection, model):
        found.setdefault(int(row["version"]), []).append(str(row["id"]))
    return found
