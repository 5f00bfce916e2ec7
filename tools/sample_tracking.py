"""Runs for screenshots and tests of the pages of tracking, logged through the services themselves."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features import artifacts, experiments, registry, runs
from stellwerk.features.identity import actor_named
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor

STEPS = 60
_MINUTE = 60_000
_MLMODEL = """artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.9
  sklearn:
    serialization_format: skops
    sklearn_version: 1.9.1
model_uuid: 5b6f0c1d2e3f4a5b
signature:
  inputs: '[{"type": "double", "name": "loan_to_value", "required": true}]'
  outputs: '[{"type": "double", "required": true}]'
"""
_NOTES = "Fold 3 fails to converge with sgd; see the curve of val_loss.\n<b>No markup runs here.</b>\n"
_TABLE = "threshold,precision,recall\n0.3,0.71,0.94\n0.5,0.82,0.86\n0.65,0.89,0.74\n0.8,0.94,0.51\n"


def picture(width: int = 240, height: int = 160) -> bytes:
    """Return a PNG with a gradient."""
    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in (
        30 + 60 * y // height, 90 + 90 * x // width, 170 + 60 * y // height)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class SampleRuns:
    """Fills the tracking database of an installation as a person of it."""

    def __init__(self, installation: Installation, person: str) -> None:
        self.installation = installation
        with installation.database.read() as connection:
            self.actor: Actor = actor_named(connection, person)
        self.now = experiments.now_ms()
        self.random = random.Random(7)

    def experiment(self, name: str, **tags: str) -> int:
        """Make an experiment and return its id."""
        made = self.installation.tracking.write(
            lambda st: experiments.create_experiment(st, self.actor, name, tags=list(tags.items())))
        return made.id

    def run(self, experiment: int, name: str, *, minutes_ago: float, seconds: float | None = 95.0,
            status: str = "FINISHED", params: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None,
            curves: Mapping[str, Sequence[float]] | None = None, run_id: str | None = None) -> str:
        """Log a run with curves of metrics; without seconds it is under way."""
        start = self.now - int(minutes_ago * _MINUTE)
        took = (seconds or 30.0) * 1000
        points = [runs.Point(key, start + int(took * step / max(1, len(values))), step,
                             0.0 if math.isnan(value) else value, int(math.isnan(value)))
                  for key, values in (curves or {}).items() for step, value in enumerate(values)]

        def change(st: Statements) -> str:
            made = runs.create_run(st, self.actor, experiment, name=name, user="ben", start_time=start, run_id=run_id,
                                   tags=list((tags or {}).items()))
            runs.log(st, self.actor, made.id, points=points,
                     params=[(key, str(value)) for key, value in (params or {}).items()])
            if seconds is not None:
                runs.update_run(st, self.actor, made.id, status=status, end_time=start + int(took))
            return made.id

        return self.installation.tracking.write(change)

    def artifact(self, owner: str, path: str, data: bytes) -> None:
        """Keep an artifact of a run."""
        digest = self.installation.objects.put_bytes(data)
        self.installation.tracking.write(lambda st: artifacts.put_artifact(
            st, owner, artifacts.ArtifactKey.parse(path), digest, len(data), self.actor))

    def loss(self, floor: float, speed: float, noise: float, steps: int = STEPS) -> list[float]:
        """Return a curve that falls to a floor."""
        return [floor + (0.69 - floor) * math.exp(-speed * step) + self.random.gauss(0, noise) * (0.2 + math.exp(
            -speed * step)) for step in range(steps)]


def register(sample: SampleRuns, name: str, run_id: str, aliases: Sequence[str]) -> None:
    """Register what a run made as the next version of a model, with aliases."""

    def change(st: Statements) -> None:
        if registry.find_model(st, name) is None:
            registry.create_model(st, sample.actor, name, description="Trials of the mortgage notebook.")
        made = registry.create_version(st, sample.actor, name, f"runs:/{run_id}/model", run_id=run_id)
        for alias in aliases:
            registry.set_alias(st, sample.actor, name, alias, made.version)

    sample.installation.tracking.write(change)


def fill_tracking(installation: Installation, person: str = "ben") -> dict[str, str]:
    """Log a sweep with a run under way, a failed one and nested ones; returns ids of some."""
    sample = SampleRuns(installation, person)
    sweep = sample.experiment("mortgage sweep", **{"mlflow.note.content": "Which solver and how much regularisation?"})
    ids = {"experiment": str(sweep)}
    parent = sample.run(sweep, "sweep of solvers", minutes_ago=260, seconds=7200, params={"trials": 24})
    for number in range(24):
        solver, strength = ("adam", "sgd", "lbfgs")[number % 3], 10.0 ** (number % 4 - 2)
        floor = 0.31 + 0.04 * (number % 3) + 0.02 * (number % 4) + sample.random.gauss(0, 0.01)
        val = sample.loss(floor + 0.03, 0.06 + 0.02 * (number % 4), 0.02)
        auc = [0.5 + (0.97 - value) * 0.62 + sample.random.gauss(0, 0.004) for value in val]
        ids[f"trial {number}"] = sample.run(
            sweep, f"trial-{number:02d}", minutes_ago=250 - 9 * number, seconds=80 + 5 * number,
            status="FAILED" if number == 13 else "FINISHED", tags={"mlflow.parentRunId": parent, "stage": "search"},
            params={"solver": solver, "C": strength, "batch_size": 32 << number % 3, "seed": 7, "features": 41},
            curves={"train_loss": sample.loss(floor, 0.07 + 0.02 * (number % 4), 0.01), "val_loss": val,
                    "val_auc": auc, "epochs": [STEPS]})
    best = ids["trial 0"]
    ids["parent"] = parent
    ids["open run"] = sample.run(
        sweep, "longer training", minutes_ago=2, seconds=None, params={"solver": "adam", "C": 0.1, "epochs": 500},
        curves={"train_loss": sample.loss(0.3, 0.05, 0.01, 38), "val_loss": sample.loss(0.33, 0.05, 0.02, 38)})
    ids["nasty"] = sample.run(
        sweep, "<img src=x onerror=document.title=1>", minutes_ago=400, params={"note": "<script>alert(1)</script>"},
        curves={"val_auc": [0.61, math.nan, 0.62]}, tags={"stage": "'\"><b>x</b>"})
    for path, data in (
            ("model/MLmodel", _MLMODEL.encode()), ("model/model.skops", bytes(range(256)) * 40),
            ("plots/calibration.png", picture()), ("notes.txt", _NOTES.encode()),
            ("tables/thresholds.csv", _TABLE.encode()), ("report.html", b"<script>document.title=1</script>"),
            ("config.json", json.dumps({"solver": "adam", "schedule": {"warmup": 5, "decay": 0.5}}).encode())):
        sample.artifact(best, path, data)
    sample.installation.tracking.write(lambda st: runs.log_inputs(st, sample.actor, best, [(
        runs.UsedDataset("applications", "9f21c0de", "local", json.dumps({"uri": "applications.csv"}),
                         json.dumps({"mlflow_colspec": [{"type": "double", "name": "loan_to_value"}]}),
                         json.dumps({"num_rows": 2380})), [("mlflow.data.context", "training")])]))
    register(sample, "mortgage-notebook", best, ("candidate",))
    register(sample, "mortgage-notebook", best, ("challenger", "shadow"))
    for name, age in (("churn baseline", 1500), ("claims triage", 4300), ("card fraud features", 12_000)):
        number = sample.experiment(name)
        for trial in range(3):
            sample.run(number, f"{name} {trial}", minutes_ago=age + 40 * trial, params={"depth": 3 + trial},
                       curves={"f1": [0.7 + 0.01 * trial]})
    sample.experiment("first look at lapses")
    return ids
