"""The step that trains: users' code in a child, its models stored, compiled scores and parity beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk.features.datasets import read_frame
from stellwerk.features.jobs import Cancelled, JobContext
from stellwerk.features.models import find_version, get_version_by_id, register_version
from stellwerk.features.releases.way import tracked
from stellwerk.features.releases.way.adoption import bring_files
from stellwerk.features.releases.way.plan import serve_plan
from stellwerk.features.releases.way.registration import register
from stellwerk.features.releases.way.scoring import Scored, background, score_all
from stellwerk.features.services import FunctionFailed, Submission, get_bundle_row, run_function
from stellwerk.features.trainings import fail_run, finish_run, finished_like, get_run, open_run, record_adoption
from stellwerk.kernel import canonical_json


def train_step(job: JobContext) -> Mapping[str, Any]:
    """Train and register the model version; output: model_version_id, number, run_id, reused, identical."""
    plan = job.outputs["plan"]
    with job.installation.database.read() as connection:
        known = find_version(connection, job.service, plan["fingerprint"])
    if known is not None and not job.request["again"]:
        return {"model_version_id": known["id"], "number": known["number"], "run_id": known["run_id"], "reused": True,
                "identical": None,
                "message": f"version {known['number']}: code, data and parameters are unchanged, nothing to train"}
    return _Training(job, Submission(job)).run()


@dataclass(frozen=True)
class _Training:
    job: JobContext
    submission: Submission

    def run(self) -> dict[str, Any]:
        """Train, store what came out, and register it."""
        run_id = self._open_run()
        with self.job.installation.database.read() as connection:
            state = get_run(connection, run_id)["state"]
            known = find_version(connection, self.job.service, self.job.outputs["plan"]["fingerprint"])
        if state == "finished" and known is not None:
            return self._output(known["id"], run_id)
        data = self.job.folder("train") / "data.arrow"
        read_frame(self.job.installation, self.job.outputs["data"]["dataset_version_id"]).write_ipc(
            data, compression="uncompressed")
        result = self._child(data)
        if "error" in result:
            raise self._failed(run_id, result)
        scored = score_all(data, self._inputs(), Path(result["out"]), self._folds(),
                           serve_plan(self.submission.manifest))
        return self._keep(run_id, result, scored, data)

    def _plan(self) -> Mapping[str, Any]:
        return self.job.outputs["plan"]

    def _folds(self) -> dict[str, Any]:
        found: dict[str, Any] = canonical_json.loads(self.job.installation.objects.read(self._plan()["split"]))
        return found

    def _inputs(self) -> list[dict[str, str]]:
        return [dict(entry) for entry in self._plan()["inputs"]]

    def _open_run(self) -> str:
        plan, request, data = self._plan(), self.job.request, self.job.outputs["data"]
        with self.job.write() as work:
            bundle = get_bundle_row(work.connection, request["bundle"])
            earlier = finished_like(work.connection, self.job.service, plan["fingerprint"])
            values = {
                "service": self.job.service, "fingerprint": plan["fingerprint"], "bundle": request["bundle"],
                "code_digest": bundle["code_digest"], "commit": bundle["commit"], "lock_hash": plan["lock_hash"],
                "dataset_version_id": data["dataset_version_id"],
                "params": dict(self.submission.manifest.params), "seed": self.submission.manifest.evaluate.seed,
                "plan": plan["split_plan"], "person_id": self.job.person_id,
                "requested_by": self.job.requested_by["name"], "repeats_run": earlier["id"] if earlier else None}
            run_id = open_run(work, self.job.id, values)
            if plan["source"] is not None:
                kept = ("uri", "model", "version", "source_run", "made_by", "files")
                record_adoption(work, run_id, {name: plan["source"][name] for name in kept})
        manifest = self.submission.manifest
        tracked.open_tracked(self.job, run_id, {
            **values, "entry": manifest.train or manifest.model, "dataset": manifest.data.name,
            "content_hash": data["content_hash"], "params": {**values["params"], "seed": values["seed"]}})
        return run_id

    def _child(self, data: Path) -> dict[str, Any]:
        manifest, source = self.submission.manifest, self._plan()["source"]
        task = {"data": str(data), "seed": manifest.evaluate.seed, "inputs": self._inputs(),
                "target": manifest.target, "positive": self._plan()["positive"]}
        if source is not None:
            folder = bring_files(self.job, source, self.job.folder("train") / "model")
            task |= {"kind": "adopt", "model_folder": str(folder), "model": source["read"]}
        else:
            task |= {"kind": "train", "entry": manifest.train, "params": dict(manifest.params),
                     "subject": manifest.subject, **self._folds()}
        return run_function(self.job, self.submission, task, folder="train")

    def _failed(self, run_id: str, result: Mapping[str, Any]) -> Exception:
        error = result["error"]
        with self.job.write() as work:
            fail_run(work, run_id, error, result.get("log_tail", ""))
            ended = get_run(work.connection, run_id)["finished_at"]
        tracked.end_tracked(self.job, run_id, "failed", ended,
                            tags=[("stellwerk.error", str(error.get("message", ""))[:500])])
        if error["kind"] == "cancelled":
            return Cancelled()
        return FunctionFailed.of(error)

    def _keep(self, run_id: str, result: Mapping[str, Any], scored: Scored, data: Path) -> dict[str, Any]:
        objects = self.job.installation.objects
        out = Path(result["out"])
        artifacts = {file.name: objects.put_file(file) for file in sorted(out.glob("*.onnx"))}
        artifacts["predictions.arrow"] = objects.put_file(out / "predictions.arrow")
        artifacts["scores.arrow"] = objects.put_bytes(scored.arrow)
        frozen = objects.put_bytes(background(data, self._inputs(), self.submission.manifest.evaluate.seed))
        with self.job.write() as work:
            self._finish_run(work, run_id, result, artifacts)
            version = register_version(work, self.job.service, self._plan()["fingerprint"], {
                "run_id": run_id, "onnx": artifacts["model.onnx"], "estimator": result["estimator"],
                "inputs": self._inputs(), "parity": scored.parity, "scores": artifacts["scores.arrow"],
                "background": frozen})
        self._publish(run_id, version, result, artifacts)
        return self._output(version["id"], run_id)

    def _publish(self, run_id: str, version: Mapping[Any, Any], result: Mapping[str, Any],
                 artifacts: Mapping[str, str]) -> None:
        """Let tracking clients see what came out: figures, files and the registered version."""
        figures = {"peak_memory_mb": result["peak_memory_mb"], "seconds": result["seconds"]["total"],
                   "fit_seconds": result["seconds"]["fit"]}
        with self.job.installation.database.read() as connection:
            run = get_run(connection, run_id)
        register(self.job, run_id, version["number"], artifacts, {
            "at": run["started_at"], "versions": result["versions"], "fingerprint": run["fingerprint"],
            "bundle": run["bundle"], "first_run": version["run_id"]})
        tracked.end_tracked(self.job, run_id, "finished", run["finished_at"], figures,
                            [("stellwerk.version", str(version["number"])),
                             ("stellwerk.estimator", result["estimator"])])

    def _finish_run(self, work: Any, run_id: str, result: Mapping[str, Any], artifacts: Mapping[str, str]) -> None:
        values: dict[str, Any] = {
            "seconds": result["seconds"]["total"], "peak_memory_mb": result["peak_memory_mb"],
            "versions": result["versions"], "artifacts": dict(artifacts), "network": result["network"],
            "log_tail": result["log_tail"],
            "metrics": {"fits": result["fits"], "seconds": result["seconds"], "importances": result["importances"]}}
        repeated = get_run(work.connection, run_id)["repeats_run"]
        if repeated:
            before = get_run(work.connection, repeated)
            differs = sorted(name for name in artifacts if before["artifacts"].get(name) != artifacts[name])
            values |= {"identical": not differs, "differs": differs + [
                f"version of {name}" for name in result["versions"]
                if before["versions"].get(name) != result["versions"][name]]}
        finish_run(work, run_id, values)

    def _output(self, version_id: str, run_id: str) -> dict[str, Any]:
        with self.job.installation.database.read() as connection:
            version = get_version_by_id(connection, version_id)
            run = get_run(connection, run_id)
        words = f"version {version['number']}, {version['estimator']}"
        if run["identical"] is not None:
            words += ", the same bytes as before" if run["identical"] else f", differs in {', '.join(run['differs'])}"
        return {"model_version_id": version_id, "number": version["number"], "run_id": run_id, "reused": False,
                "identical": run["identical"], "message": words}

