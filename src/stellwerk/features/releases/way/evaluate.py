"""The step that measures and judges a version by its plan, and proposes what could be released."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from stellwerk.engines.onnx import OnnxModel
from stellwerk.features.datasets import contract_in, get_dataset_version, read_frame
from stellwerk.features.evaluations import Champion, Columns, get_plan, measure, record_evaluation
from stellwerk.features.jobs import JobContext
from stellwerk.features.models import get_version_by_id
from stellwerk.features.releases import service
from stellwerk.features.releases.serving import serving
from stellwerk.features.releases.way import tracked
from stellwerk.features.releases.way.plan import subjects_of
from stellwerk.features.releases.way.scoring import columns_of
from stellwerk.features.services import Submission
from stellwerk.features.trainings import get_run
from stellwerk.manifest import Manifest


def evaluate_step(job: JobContext) -> Mapping[str, Any]:
    """Measure and judge; output: evaluation_id, revision_id, verdict, gates."""
    submission, planned, trained = Submission(job), job.outputs["plan"], job.outputs["train"]
    dataset_id = job.outputs["data"]["dataset_version_id"]
    with job.installation.database.read() as connection:
        version = get_version_by_id(connection, trained["model_version_id"])
        plan = get_plan(connection, planned["plan_id"])["plan"]
        profile = get_dataset_version(connection, dataset_id)["profile"]
        champion = service.champion_revision(connection, job.service)
        champion_version = get_version_by_id(connection, champion["model_version_id"]) if champion else None
    frame = read_frame(job.installation, dataset_id)
    scores = pl.read_ipc(io.BytesIO(job.installation.objects.read(version["scores"])))
    rival = _rival(job, champion, champion_version, frame, scores)
    found = measure(_columns(submission.manifest, frame, scores, planned), scores["score"].to_numpy(), plan,
                     champion=rival, parity=version["parity"])
    contract = contract_in(submission)
    with job.write() as work:
        evaluation = record_evaluation(work, planned["plan_id"], {
            "service": job.service, "model_version_id": version["id"], "dataset_version_id": dataset_id,
            "threshold": submission.manifest.serve.threshold, "result": found.result, "verdicts": found.verdicts,
            "verdict": found.verdict})
        revision = service.propose(work, {
            "service": job.service, "team": job.team, "model_version_id": version["id"], "run_id": version["run_id"],
            "evaluation_id": evaluation["id"], "dataset_version_id": dataset_id, "bundle": job.request["bundle"],
            "manifest": job.request["manifest"], "threshold": submission.manifest.serve.threshold,
            "approval": submission.manifest.approval.plain() if submission.manifest.approval else None,
            "serving": serving(submission.manifest, contract, profile, version), "person_id": job.person_id,
            "requested_by": job.requested_by["name"], "job_id": job.id})
    tracked.log_metrics(job, version["run_id"], evaluation["created_at"], {
        name: figure["value"] for name, figure in found.result["metrics"].items() if figure["value"] is not None})
    return {"evaluation_id": evaluation["id"], "revision_id": revision["id"], "verdict": evaluation["verdict"],
            "version": version["number"], "gates": evaluation["verdicts"],
            "message": f"version {version['number']} at threshold {revision['threshold']:g}: {_words(found.verdict)}"}


def _rival(job: JobContext, champion: Mapping[Any, Any] | None, version: Mapping[Any, Any] | None,
           frame: pl.DataFrame, scores: pl.DataFrame) -> Champion | None:
    """Return the champion with its scores on rows that it was not trained on; NaN on all others."""
    if champion is None or version is None:
        return None
    objects = job.installation.objects
    unseen = np.full(frame.height, np.nan)
    split = job.outputs["plan"]["split_plan"]
    with job.installation.database.read() as connection:
        theirs = get_run(connection, version["run_id"])["plan"]
    if champion["dataset_version_id"] == job.outputs["data"]["dataset_version_id"]:
        unseen = pl.read_ipc(io.BytesIO(objects.read(version["scores"])))["score"].to_numpy()
    elif split["kind"] == "holdout" and _same_holdout(split, theirs):
        # A subject's place in the holdout never changes, so the champion saw none of these rows either.
        types = [(entry["name"], entry["type"]) for entry in version["inputs"]]
        held = scores["fold"].to_numpy() >= 0
        if all(name in frame.columns for name, _ in types):
            model = OnnxModel(objects.read(version["onnx"]), types)
            unseen[held] = model.score(columns_of(frame.filter(held), version["inputs"]))
    return Champion(version=champion["version"], scores=unseen, serve=champion["serving"]["serve"])


def _same_holdout(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return all(mine.get(key) == theirs.get(key) for key in ("kind", "share", "by", "seed"))


def _columns(manifest: Manifest, frame: pl.DataFrame, scores: pl.DataFrame, planned: Mapping[str, Any]) -> Columns:
    names = [entry["name"] for entry in planned["inputs"]]
    keys = frame.select(pl.struct([*names, manifest.target]).rank("dense").cast(pl.Int64)).to_series()
    return Columns(
        labels=(frame[manifest.target] == planned["positive"]).to_numpy().astype(np.bool_),
        subjects=subjects_of(manifest, frame), folds=scores["fold"].to_numpy(),
        protected={name: frame[name].to_list() for name in manifest.protected}, row_keys=keys.to_numpy())


def _words(verdict: str) -> str:
    return {"pass": "all gates pass", "fail": "a gate fails", "undecided": "a gate is undecided"}[verdict]
