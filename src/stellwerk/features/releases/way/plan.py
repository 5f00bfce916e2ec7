"""The step that fixes, before anything is trained, how it will be split, measured and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stellwerk.engines.child import runner_package
from stellwerk.features.datasets import contract_in, read_frame
from stellwerk.features.evaluations import all_rows, choose_split, make_plan, record_plan, split_rows
from stellwerk.features.jobs import JobContext
from stellwerk.features.releases import service
from stellwerk.features.releases.way.adoption import resolve
from stellwerk.features.services import Submission, get_bundle_row
from stellwerk.features.trainings import fingerprint
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import BadInput
from stellwerk.manifest import Manifest

if TYPE_CHECKING:
    import polars as pl

_YES = (True, 1, "yes", "true", "1", "y", "approved", "positive", "ja")


def plan_step(job: JobContext) -> Mapping[str, Any]:
    """Record the evaluation plan; output: plan_id, fingerprint, split (object), split_plan, inputs, positive."""
    submission = Submission(job)
    manifest, contract = submission.manifest, contract_in(submission)
    frame = read_frame(job.installation, job.outputs["data"]["dataset_version_id"])
    positive = positive_label(manifest, frame)
    labels = (frame[manifest.target] == positive).to_numpy()
    subjects = subjects_of(manifest, frame)
    protected = {name: frame[name].to_list() for name in manifest.protected}
    source = resolve(job, manifest.model) if manifest.model else None
    if source is None:
        split = choose_split({"folds": manifest.evaluate.folds, "holdout": manifest.evaluate.holdout,
                              "seed": manifest.evaluate.seed}, subjects, labels, protected)
        rows = split_rows(split, subjects, labels)
    else:
        split, rows = all_rows(manifest.evaluate.seed, frame.height)
    inputs = [{"name": name, "type": _model_type(contract.column(name).type, name)}
              for name in manifest.inputs(contract.columns)]
    stored = job.installation.objects.put_bytes(canonical_json.dumps(rows))
    with job.write() as work:
        champion = service.champion_version(work.connection, job.service)
        plan = make_plan(target=manifest.target, positive=positive, subject=manifest.subject,
                         protected=manifest.protected, serve=serve_plan(manifest), split=split,
                         metrics=manifest.evaluate.metrics, gates=[gate.plain() for gate in manifest.gates],
                         champion=champion)
        code = get_bundle_row(work.connection, job.request["bundle"])["code_digest"]
        plan_id = record_plan(work, job.id, job.service, plan)
    lock_hash = job.outputs["environment"]["lock_hash"]
    print_of_inputs = fingerprint({
        "code_digest": code, "train": manifest.train if source is None else source["files"],
        "params": dict(manifest.params), "seed": manifest.evaluate.seed, "plan": {"split": split, "rows": stored},
        "lock_hash": lock_hash, "runner_hash": runner_hash(), "data_hash": job.outputs["data"]["content_hash"],
        "contract_digest": job.outputs["data"]["contract_digest"],
        "roles": {"target": manifest.target, "positive": positive, "inputs": inputs}})
    return {"plan_id": plan_id, "fingerprint": print_of_inputs, "split": stored, "split_plan": split,
            "inputs": inputs, "positive": positive, "source": source, "lock_hash": lock_hash,
            "message": f"{_split_words(split)}; {_count(len(plan['gates']))}, recorded before any result"}


def serve_plan(manifest: Manifest) -> dict[str, Any]:
    """Return how a score becomes an answer, as evaluation plans name it."""
    serve = manifest.serve
    return {"threshold": serve.threshold, "below": serve.below, "between": serve.between}


def subjects_of(manifest: Manifest, frame: pl.DataFrame) -> Sequence[Any]:
    """Return whom each row is about; without a subject column each row stands for itself."""
    return frame[manifest.subject].to_list() if manifest.subject else list(range(frame.height))


def positive_label(manifest: Manifest, frame: pl.DataFrame) -> Any:
    """Return the target's label that counts as positive; raises BadInput where the target has not two labels."""
    labels = frame[manifest.target].drop_nulls().unique().sort().to_list()
    if len(labels) != 2:
        raise BadInput(f"The target {manifest.target!r} has {len(labels)} values, not two.", field="target",
                       value=[str(label) for label in labels[:10]], allowed="a column with two values",
                       hint="Choose another target, or map it to two values in the source.")
    if manifest.positive is not None:
        found = next((label for label in labels if label == manifest.positive or str(label) == str(manifest.positive)),
                     None)
        if found is None:
            raise BadInput("The positive value is none of the target's.", field="positive", value=manifest.positive,
                           allowed=labels)
        return found
    likely = [label for label in labels if (label.lower() if isinstance(label, str) else label) in _YES]
    if len(likely) != 1:
        raise BadInput(f"Which value of {manifest.target!r} counts as positive?", field="positive", value=None,
                       allowed=labels, hint=f"Add positive: {labels[-1]} to the manifest.")
    return likely[0]


def _model_type(kind: str, name: str) -> str:
    if kind in ("date", "timestamp"):
        raise BadInput(f"The column {name!r} is a {kind}, which no compiled model takes.", field="exclude", value=name,
                       allowed=["number", "integer", "boolean", "string"],
                       hint="Exclude it, or turn it into a number (such as an age in days) in the source.")
    return kind


def runner_hash() -> str:
    """Return the SHA-256 over the files that run users' functions; a change there may change a model."""
    folder: Path = runner_package()
    hasher = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        hasher.update(file.name.encode() + b"\0" + file.read_bytes())
    return hasher.hexdigest()


def _count(gates: int) -> str:
    return "1 gate" if gates == 1 else f"{gates} gates"


def _split_words(split: Mapping[str, Any]) -> str:
    if split["kind"] == "given":
        return "all rows, scored by a model that was trained elsewhere"
    if split["kind"] == "folds":
        return f"{split['folds']} folds by subject"
    return f"a holdout of {split['share']:.0%} by subject"
