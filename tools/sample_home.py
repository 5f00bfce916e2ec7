"""A home with realistic content for screenshots and tests of pages, written through the services themselves.

People: admin (administrator), ben (builder), vera (validator), paula (product owner), olga (operator) in lending.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.sealing import Sealing
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.dataplane.snapshot import Field
from stellwerk.engines.onnx import OnnxModel
from stellwerk.features.datasets.service import record_report, record_version
from stellwerk.features.evaluations import record_evaluation, record_plan
from stellwerk.features.evaluations.evaluate import Columns, EvaluationResult, evaluate
from stellwerk.features.evaluations.parity import parity
from stellwerk.features.evaluations.plan import DecisionRule, make_plan
from stellwerk.features.identity import actor_named, add_person, grant
from stellwerk.features.jobs import get_job, request_job
from stellwerk.features.jobs import service as jobs
from stellwerk.features.models import register_version
from stellwerk.features.releases import service as releases
from stellwerk.features.releases.serving import serving
from stellwerk.features.releases.views import route_view
from stellwerk.features.services import Bundle, bring
from stellwerk.features.trainings import finish_run, open_run
from stellwerk.infra.crypto import load_key
from stellwerk.infra.database import Work
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel import clock
from stellwerk.kernel.actor import SYSTEM, Actor
from stellwerk.kernel.hashing import digest_of, sha256_hex
from stellwerk.manifest import parse_manifest
from tools.sample_model import OF_GROUP, ROWS, manifest_text, sample_model

TEAM = "lending"
_PEOPLE = (("ben", "Ben Adler", "builder"), ("vera", "Vera Lind", "validator"),
           ("paula", "Paula Roth", "product_owner"), ("olga", "Olga Brandt", "operator"))
_BLACK, _ALL = OF_GROUP, ROWS


class SampleHome:
    """A home under construction; each call goes through the services, as the person named."""

    def __init__(self, path: Path, *, known: bool = False) -> None:
        """Make the people of a new home; ``known`` opens one that has them."""
        prepare_home(path)
        self.installation: Installation = open_installation(path)
        self.model = sample_model()
        self.signer = load_key(self.installation.home.keys_dir).sign
        if known:
            return
        with self.write(SYSTEM) as work:
            add_person(work, "admin", "Administrator")
            grant(work, "admin", "admin")
            for name, title, role in _PEOPLE:
                add_person(work, name, title)
                grant(work, name, role, TEAM)

    @contextmanager
    def write(self, actor: Actor | str, back: timedelta = timedelta()) -> Iterator[Work]:
        """Yield a transaction of a person, some time ago."""
        if isinstance(actor, str):
            with self.installation.database.read() as connection:
                actor = actor_named(connection, actor)
        with self.installation.database.write(actor) as work:
            work.now -= back
            yield work

    def ship(self, name: str, title: str, *, threshold: float = 0.65, reweigh: bool = True, team: str = TEAM,
             by: str = "ben", back: timedelta = timedelta(hours=3), judged: EvaluationResult | None = None) -> int:
        """Bring, train and evaluate a version as one finished job; returns the version's number."""
        text = manifest_text(name, title, team, threshold, reweigh)
        with self.write(by, back) as work:
            job_id = self._bring(work, name, text)
            data = self._data(work, name, job_id)
            version = self._train(work, name, job_id, text, data, reweigh)
            evaluation = self._evaluate(work, name, job_id, version, data, threshold, reweigh, judged)
            manifest = parse_manifest(text, "stellwerk.yaml")
            releases.propose(work, {
                "service": name, "team": team, "model_version_id": version["id"], "run_id": version["run_id"],
                "evaluation_id": evaluation["id"], "dataset_version_id": data["id"], "bundle": self._bundle(text)[0],
                "manifest": sha256_hex(text.encode()), "threshold": threshold,
                "approval": manifest.approval.plain() if manifest.approval else None,
                "serving": serving(manifest, self.model.contract, self.model.profile, version),
                "person_id": work.actor.person_id, "requested_by": work.actor.name, "job_id": job_id})
            jobs.finish(work, job_id, "succeeded", result={"exit": 3, "outcome": "waiting", "message": "waits"})
        return int(version["number"])

    def _bundle(self, text: str) -> tuple[str, Bundle]:
        bundle = Bundle({"stellwerk.yaml": text.encode(), "service.py": b"def train(data, params): ...\n"})
        return digest_of(bundle.hashes), bundle

    def _bring(self, work: Work, name: str, text: str) -> str:
        digest, bundle = self._bundle(text)
        bring(work, name, digest, bundle, {"id": sha256_hex(text.encode())[:40], "dirty": False, "remote": None})
        manifest = parse_manifest(text, "stellwerk.yaml")
        job_id = request_job(work, "ship", service=name, team=manifest.team,
                             request={"bundle": digest, "files": {}, "again": False})
        jobs.start(work, job_id)
        for stage, message in (
                ("environment", "environment e3a8d1f0c2b4"), ("data", "2,380 rows, version 1, contract holds"),
                ("train", "LogisticRegression, 6 fits in 1.9 s"), ("evaluate", "plan recorded, 3 gates judged"),
                ("release", "waits for approval")):
            jobs.report(work, job_id, stage, "started", "")
            jobs.report(work, job_id, stage, "log", f"[{stage}] done in its own process")
            jobs.report(work, job_id, stage, "done", message)
        return job_id

    def _data(self, work: Work, name: str, job_id: str) -> Any:
        rules = [{"rule": rule, "column": column, "severity": severity, "failing": failing, "words": words,
                  "examples": [{"row": 621, "value": 3.0}, {"row": 1095, "value": 2.63}][:failing]}
                 for rule, column, severity, failing, words in (
                     ("required", "application_id", "error", 0, "each value is known"),
                     ("unique", "application_id", "error", 0, "each value stands once"),
                     ("minimum", "payment_ratio", "error", 0, "at least 0"),
                     ("seen", "payment_ratio", "warning", 2, "between 0 and 2.5"),
                     ("enum", "race", "error", 0, "one of black, other"))]
        if name != "mortgage-decisions":
            rules = [rule for rule in rules if not rule["failing"]]
        broken = sum(1 for rule in rules if rule["failing"])
        report = {"verdict": "warn" if broken else "pass", "rows": _ALL, "rules": rules, "broken": broken}
        contract, frame = self.model.contract, self.model.frame
        version = record_version(work, name, "applications", contract, {
            "content_hash": digest_of(["applications", name]), "lake_version": 0, "rows": _ALL,
            "schema": {column: str(kind) for column, kind in frame.schema.items()}, "profile": self.model.profile,
            "source": {"from": "service:load_applications", "file": None}, "job_id": job_id})
        record_report(work, name, "applications", contract, report, job_id=job_id, version_id=version["id"])
        return version

    def _train(self, work: Work, name: str, job_id: str, text: str, data: Any, reweigh: bool) -> Any:
        digest, bundle = self._bundle(text)
        print_of = digest_of([name, text])
        run_id = open_run(work, job_id, {
            "service": name, "fingerprint": print_of, "bundle": digest, "code_digest": bundle.code_digest,
            "commit": {"id": sha256_hex(text.encode())[:40], "dirty": False, "remote": None},
            "lock_hash": digest_of("lock"), "dataset_version_id": data["id"], "params": {"C": 1.0, "reweigh": reweigh},
            "seed": 7, "plan": {"kind": "folds", "folds": 5, "seed": 7}, "person_id": work.actor.person_id,
            "requested_by": work.actor.name, "repeats_run": None})
        objects = self.installation.objects
        artifacts = {"model.onnx": objects.put_bytes(self.model.onnx),
                     "predictions.arrow": digest_of(["p", name, text])}
        finish_run(work, run_id, {
            "seconds": 1.92, "peak_memory_mb": 214.0, "network": "none", "artifacts": artifacts, "log_tail": "",
            "versions": {"python": "3.11.9", "scikit-learn": "1.9.1", "numpy": "2.4.1", "polars": "1.38.1"},
            "metrics": {"fits": 6, "seconds": {"total": 1.92}, "importances": []}})
        rng = np.random.default_rng(3)
        scores = rng.random(_ALL)
        same = parity(scores, scores + rng.normal(0, 2e-8, _ALL), DecisionRule(0.65, 0.0).decide)
        return register_version(work, name, print_of, {
            "run_id": run_id, "onnx": artifacts["model.onnx"], "estimator": "LogisticRegression",
            "inputs": self.model.inputs, "parity": same, "scores": digest_of(["s", name, text]),
            "background": objects.put_bytes(self.model.background)})

    def _evaluate(self, work: Work, name: str, job_id: str, version: Any, data: Any, threshold: float, reweigh: bool,
                  judged: EvaluationResult | None) -> Any:
        plan = sample_plan(threshold)
        judged = judged or sample_evaluation(threshold, reweigh)
        plan_id = record_plan(work, job_id, name, plan)
        return record_evaluation(work, plan_id, {
            "service": name, "model_version_id": version["id"], "dataset_version_id": data["id"],
            "threshold": threshold, "result": judged.result, "verdicts": judged.verdicts, "verdict": judged.verdict})

    def approve(self, name: str, number: int, *people: str, back: timedelta = timedelta(hours=2)) -> None:
        """Let people approve a version, each with a reason."""
        reasons = {"vera": "Groups, calibration and price looked at; the ratio by race holds with its whole interval.",
                   "paula": "The share decided at once fits our capacity for manual review."}
        for person in people:
            with self.write(person, back) as work:
                releases.approve(work, self.signer, name, number, reason=reasons.get(person, "Looked at it."))

    def reject(self, name: str, number: int, person: str, reason: str) -> None:
        """Let a person reject a version."""
        with self.write(person) as work:
            releases.reject(work, self.signer, name, number, reason=reason)

    def release(self, name: str, number: int, share: float | None = None, person: str = "olga") -> None:
        """Release a version, fully or as canary."""
        with self.write(person, timedelta(hours=1)) as work:
            releases.release(work, name, number, share=share)

    def running(self, name: str, title: str, stage: str = "train", team: str = TEAM) -> str:
        """Bring a service and leave its job running in a stage; returns the id of the job."""
        text = manifest_text(name, title, team, 0.65, True)
        with self.write("ben", timedelta(seconds=40)) as work:
            digest, bundle = self._bundle(text)
            bring(work, name, digest, bundle, None)
            job_id = request_job(work, "ship", service=name, team=team,
                                 request={"bundle": digest, "files": {}, "again": False})
            self._data(work, name, job_id)
            jobs.start(work, job_id)
            jobs.enter(work, job_id, "data")
            jobs.report(work, job_id, "data", "done", "2,380 rows, version 1, contract holds")
            jobs.enter(work, job_id, stage)
            jobs.report(work, job_id, stage, "log", "fold 2 of 5, fitting LogisticRegression on 1,904 rows")
        return job_id

    def broken(self, name: str, title: str, team: str = TEAM) -> str:
        """Bring a service whose training failed; returns the id of the job."""
        job_id = self.running(name, title, team=team)
        message = "service:train raised ValueError: Input X contains NaN."
        with self.write("ben") as work:
            jobs.report(work, job_id, "train", "failed", message)
            jobs.finish(work, job_id, "failed", result={"exit": 1, "outcome": "error", "message": message},
                        error={"error_code": "function_failed", "message": message,
                               "hint": "Impute missing values in the pipeline, or forbid them in the contract."})
        return job_id

    def decide(self, name: str, *cases: dict[str, Any], back: timedelta = timedelta(minutes=5)) -> list[str]:
        """Keep decisions of the live champion as the gateway does, and seal them; returns their ids, oldest first.

        A case holds inputs that differ from those of the first application.
        """
        with self.installation.database.read() as connection:
            live = route_view(connection, name)
            assert live is not None
            revision = releases.get_revision(connection, live["champion"]["id"])
        usual = self.model.frame.row(0, named=True)
        model = OnnxModel(self.model.onnx, [(entry["name"], entry["type"]) for entry in self.model.inputs])
        fields = [Field(**entry) for entry in revision["serving"]["inputs"]]
        writer = Writer(self.installation.home.decisions, 0)
        ids: list[str] = []
        errors: list[BaseException | None] = []
        for number, case in enumerate(cases):
            inputs = {entry["name"]: case.get(entry["name"], usual[entry["name"]]) for entry in self.model.inputs}
            score = float(model.score({key: [value] for key, value in inputs.items()})[0])
            ids.append(writer.new_id())
            writer.append(Record(
                id=ids[-1], at_us=clock.to_us(clock.now() - back) - (len(cases) - number) * 1_000_000, service=name,
                revision=revision["id"], version=revision["version"], route="champion", caller="core-banking",
                decision="selected" if score >= revision["threshold"] else "review", score=score,
                threshold=revision["threshold"], marks=json.dumps(_marks(fields, inputs)), mode="sync",
                latency_us=640, idempotency=None, inputs=json.dumps(inputs),
                subject=case.get("subject", f"A-{2041 + number}"),
                protected=json.dumps({"race": case.get("race", "other")}), nonce=bytes(16)),
                "sync", errors.append)
        writer.close()
        assert errors == [None] * len(cases)
        Sealing(self.installation).once()
        return ids

    def job(self, job_id: str) -> Any:
        """Return a job's row."""
        with self.installation.database.read() as connection:
            return get_job(connection, job_id)


def _marks(fields: list[Field], inputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"field": field.name, "mark": "outside_training_range", "value": inputs[field.name],
             "seen": [field.seen_min, field.seen_max]} for field in fields
            if field.seen_max is not None and inputs[field.name] > field.seen_max]


def sample_plan(threshold: float) -> dict[str, Any]:
    """Return the plan of the sample's manifest."""
    return make_plan(target="approved", positive=True, subject="application_id", protected=["race"],
                     serve={"threshold": threshold, "below": "review"},
                     split={"kind": "folds", "folds": 5, "seed": 7, "reason": "as the manifest says"},
                     metrics=["roc_auc", "brier", "ece"], champion=None, gates=[
                         {"metric": "roc_auc", "at_least": 0.75},
                         {"metric": "selection_rate_ratio", "by": "race", "at_least": 0.8},
                         {"metric": "roc_auc", "not_worse_than": "champion", "within": 0.01}])


def sample_evaluation(threshold: float, reweigh: bool) -> EvaluationResult:
    """Return an evaluation of made-up scores with the margins of the mortgage data: 2,380 people, 339 of one group."""
    rng = np.random.default_rng(11)
    black = np.zeros(_ALL, dtype=bool)
    black[rng.choice(_ALL, _BLACK, replace=False)] = True
    labels = rng.random(_ALL) < np.where(black, 0.717, 0.907)
    shift = np.where(black, -0.1 if reweigh else -0.3, 0.1)
    scores = 1 / (1 + np.exp(-(0.9 + 1.15 * labels + shift + rng.normal(0, 0.95, _ALL))))
    columns = Columns(labels=labels, subjects=list(range(_ALL)), folds=np.arange(_ALL) % 5,
                      protected={"race": np.where(black, "black", "other").tolist()}, row_keys=np.arange(_ALL) // 2)
    return evaluate(columns, scores, sample_plan(threshold))


def fill(home: SampleHome) -> dict[str, str]:
    """Fill a home with one service of each kind of line; returns the ids of two jobs and two decisions."""
    name = "mortgage-decisions"
    home.ship(name, "Mortgage pre-decision", threshold=0.8, reweigh=False, back=timedelta(days=2))
    home.ship(name, "Mortgage pre-decision", back=timedelta(days=1))
    home.approve(name, 2, "paula")
    for other, title in (("overdraft-limits", "Overdraft limits"), ("card-fraud", "Card fraud alerts")):
        number = home.ship(other, title, back=timedelta(days=9))
        home.approve(other, number, "vera", "paula", back=timedelta(days=8))
        home.release(other, number)
    second = home.ship("card-fraud", "Card fraud alerts", threshold=0.64)
    home.approve("card-fraud", second, "vera", "paula")
    home.release("card-fraud", second, share=0.1)
    home.ship("loan-pricing", "Loan pricing class", threshold=0.8, reweigh=False)
    selected, review, *_ = home.decide(
        "overdraft-limits", {}, {"payment_ratio": 0.82, "public_record": "yes", "credit_history": 5, "race": "black"},
        *({"loan_to_value": 0.4 + 0.08 * step, "credit_history": 1 + step % 6} for step in range(12)))
    return {"running": home.running("branch-staffing", "Branch staffing forecast"), "selected": selected,
            "failed": home.broken("early-repayment", "Early repayment"), "review": review}


def crowd(home: SampleHome, count: int) -> None:
    """Fill a home with many services, to see the board crowded."""
    judged = sample_evaluation(0.65, True)
    with home.write(SYSTEM) as work:
        for team in ("claims", "motor", "life"):
            for name, _, role in _PEOPLE:
                grant(work, name, role, team)
    for index in range(count):
        name, team = f"service-{index:03d}", ("claims", "motor", "life")[index % 3]
        home.ship(name, f"{('Claim triage', 'Fraud signal', 'Renewal offer', 'Mail sorting')[index % 4]} {index}",
                  team=team, judged=judged)
        if index % 3:
            home.approve(name, 1, "vera", "paula")
            home.release(name, 1)
