"""The step that brings data: from a function or a file, typed and checked by the contract, kept as a version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stellwerk.features.datasets import service
from stellwerk.features.jobs import Cancelled, Finish, JobContext
from stellwerk.features.services import FunctionFailed, Submission, run_function
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import nearest
from stellwerk.manifest import Manifest
from stellwerk.protocols.odcs import Contract, parse_contract

if TYPE_CHECKING:
    import polars as pl


def contract_in(submission: Submission) -> Contract:
    """Return the contract in a bundle; raises BadInput for faults, or columns of the manifest that it lacks."""
    manifest = submission.manifest
    contract = parse_contract(submission.bundle.text(manifest.data.contract), manifest.data.contract)
    check_columns(manifest, contract)
    return contract


def check_columns(manifest: Manifest, contract: Contract) -> None:
    """Raise BadInput where the manifest names a column that the contract lacks, or leaves no input."""
    named = [("target", manifest.target), *((("subject", manifest.subject),) if manifest.subject else ()),
             *(("protected", name) for name in manifest.protected), *(("exclude", name) for name in manifest.exclude)]
    for role, name in named:
        if name not in contract.columns:
            close = nearest(name, contract.columns)
            raise BadInput(f"stellwerk.yaml: {role} names {name!r}, which {manifest.data.contract} does not have.",
                           field=role, value=name, allowed=list(contract.columns),
                           hint=f"Did you mean {close}?" if close else None)
    if not manifest.inputs(contract.columns):
        raise BadInput("stellwerk.yaml: no column is left as input of the model.", field="exclude",
                       value=list(manifest.exclude), allowed="at least one column with no other role")


def load_checked(file: Path, name: str, contract: Contract) -> pl.DataFrame:
    """Return a CSV file in the contract's columns and types; raises BadInput where it breaks the contract."""
    from stellwerk.features.datasets.contract_check import blocking_words, check
    from stellwerk.features.datasets.reading import read_csv
    from stellwerk.features.datasets.typing import UNTYPED, bring_to_types

    typed = bring_to_types(read_csv(file, name), contract)
    report = check(typed, contract)
    if report["verdict"] == "fail":
        raise BadInput(f"{name} breaks its contract: {blocking_words(report)}.", field=name)
    return typed.frame.select(column for column in typed.frame.columns if not column.startswith(UNTYPED))


def data_step(job: JobContext) -> Mapping[str, Any]:
    """Bring and check the data; output: dataset_version_id, number, rows, content_hash, contract_digest, verdict.

    Ends the job with exit 5 where a rule of severity error is broken.
    """
    from stellwerk.features.datasets.contract_check import blocking_words, check
    from stellwerk.features.datasets.profile import profile
    from stellwerk.features.datasets.typing import UNTYPED, bring_to_types

    submission = Submission(job)
    manifest, contract = submission.manifest, contract_in(submission)
    name = manifest.data.name
    typed = bring_to_types(_bring(job, submission), contract)
    known = [manifest.target, *([manifest.subject] if manifest.subject else [])]
    report = check(typed, contract, known)
    if report["verdict"] == "fail":
        with job.write() as work:
            service.record_report(work, job.service, name, contract, report, job_id=job.id, version_id=None)
        message = f"The data break the contract: {blocking_words(report)}. Nothing was trained."
        raise Finish({"exit": 5, "outcome": "contract", "message": message, "report": report})
    frame = typed.frame.select(column for column in typed.frame.columns if not column.startswith(UNTYPED))
    digest, lake_version = service.store_rows(job.installation, service.dataset_id(job.service, name), frame)
    with job.write() as work:
        version = service.record_version(work, job.service, name, contract, {
            "content_hash": digest, "lake_version": lake_version, "rows": frame.height,
            "schema": {column: str(kind) for column, kind in frame.schema.items()}, "profile": profile(frame),
            "source": {"from": manifest.data.source, "file": job.request["files"].get(manifest.data.source)},
            "job_id": job.id})
        service.record_report(work, job.service, name, contract, report, job_id=job.id, version_id=version["id"])
    return {"dataset_version_id": version["id"], "number": version["number"], "rows": frame.height,
            "content_hash": digest, "contract_digest": version["contract_digest"], "verdict": report["verdict"],
            "message": f"{frame.height:,} rows, version {version['number']}, contract {_verdict_words(report)}"}


def _verdict_words(report: Mapping[str, Any]) -> str:
    if report["verdict"] == "pass":
        return "holds"
    return "holds with 1 warning" if report["broken"] == 1 else f"holds with {report['broken']} warnings"


def _bring(job: JobContext, submission: Submission) -> pl.DataFrame:
    import polars as pl

    from stellwerk.features.datasets.reading import read_csv

    source = submission.manifest.data.source
    if submission.manifest.data.is_function:
        result = run_function(job, submission, {"kind": "load", "entry": source,
                                                "seed": submission.manifest.evaluate.seed}, folder="load")
        if "error" in result:
            if result["error"]["kind"] == "cancelled":
                raise Cancelled
            raise FunctionFailed.of(result["error"])
        return pl.read_ipc(Path(result["out"]) / "data.arrow")
    file = submission.data_file(source)
    if file is None:
        raise BadInput(f"The data file {source} did not come with the bundle.", field="source", value=source,
                       allowed=sorted(job.request["files"]) or "a file sent beside the bundle",
                       hint="Ship with the stellwerk command; it sends the files that the manifest names.")
    return read_csv(file, source)
