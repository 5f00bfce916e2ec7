"""The records behind a revision, for proofs: what was approved, by whom, made from what."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from stellwerk.features.approvals import approvals_of
from stellwerk.features.datasets import report_of_version
from stellwerk.features.evaluations import acceptance_ids, get_evaluation
from stellwerk.features.releases import service


def records_behind(connection: Connection, revision_id: str) -> list[tuple[str, str]]:
    """Return (table, row id) of every record behind a revision; raises NotFound."""
    revision = service.get_revision(connection, revision_id)
    evaluation = get_evaluation(connection, revision["evaluation_id"])
    report = report_of_version(connection, revision["dataset_version_id"])
    quality = [("quality_report", report["id"])] if report else []
    accepted = [("gate_acceptance", row_id) for row_id in acceptance_ids(connection, evaluation["id"])]
    approvals = [("approval", row["id"]) for row in approvals_of(connection, "revision", [revision_id])]
    return [
        ("service", revision["service"]), ("bundle", revision["bundle"]), ("manifest", revision["manifest"]),
        ("dataset_version", revision["dataset_version_id"]), *quality, ("run", revision["run_id"]),
        ("model_version", revision["model_version_id"]), ("evaluation_plan", evaluation["plan_id"]),
        ("evaluation", evaluation["id"]), *accepted, ("revision", revision_id), *approvals]
