"""A service's training as a run that every tracking client sees: same id, same experiment, same registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features import experiments, runs
from stellwerk.features.jobs import JobContext
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound

_PERMISSIONS = ("runs.read", "runs.write", "models.read", "models.write")
_ENDED = {"finished": "FINISHED", "failed": "FAILED"}


def actor_of(job: JobContext) -> Actor:
    """Return the job as an actor that may track within its own team."""
    return Actor(kind="job", id=job.id, name=job.actor.name, person_id=job.person_id,
                 permissions=frozenset((job.team, permission) for permission in _PERMISSIONS))


def open_tracked(job: JobContext, run_id: str, facts: Mapping[str, Any]) -> None:
    """Open the run where it is not open yet, with what decides its outcome as params, tags and data set."""
    actor = actor_of(job)

    def change(st: Statements) -> None:
        try:
            runs.get_run(st, run_id, actor)
        except NotFound:
            experiment = _experiment(st, job, actor)
            runs.create_run(st, actor, experiment, run_id=run_id, name=f"{job.service} {run_id[-6:]}",
                            user=job.requested_by["name"], start_time=experiments.now_ms(), tags=_tags(job, facts))
            runs.log(st, actor, run_id, params=[(name, _text(value)) for name, value in facts["params"].items()])
            runs.log_inputs(st, actor, run_id, [(
                runs.UsedDataset(facts["dataset"], facts["content_hash"][:36], "stellwerk", facts["dataset_version_id"],
                                 None, None), [("mlflow.data.context", "train")])])

    job.installation.tracking.write(change)


def end_tracked(job: JobContext, run_id: str, state: str, at_us: int, metrics: Mapping[str, float] | None = None,
                tags: Sequence[tuple[str, str]] = ()) -> None:
    """End the run as finished or failed, at a moment in microseconds since 1970; doing it again changes nothing."""
    actor = actor_of(job)
    log_metrics(job, run_id, at_us, metrics or {}, tags)

    def change(st: Statements) -> None:
        if _is_active(st, run_id, actor):
            runs.update_run(st, actor, run_id, status=_ENDED[state], end_time=at_us // 1000)

    job.installation.tracking.write(change)


def log_metrics(job: JobContext, run_id: str, at_us: int, metrics: Mapping[str, float],
                tags: Sequence[tuple[str, str]] = ()) -> None:
    """Log figures of the run, each as one point at step 0 and the given moment, so that a step that is done again after
    a restart adds none."""
    actor = actor_of(job)
    points = [runs.Point(name, at_us // 1000, 0, float(value), 0) for name, value in metrics.items()]

    def change(st: Statements) -> None:
        if _is_active(st, run_id, actor):
            runs.log(st, actor, run_id, points=points, tags=list(tags))

    job.installation.tracking.write(change)


def _is_active(st: Statements, run_id: str, actor: Actor) -> bool:
    # A person may delete the run in their client; the service goes its way all the same.
    return runs.get_run(st, run_id, actor).lifecycle == "active"


def _experiment(st: Statements, job: JobContext, actor: Actor) -> int:
    """Return the experiment of the service; where another team has one of that name, one with the team's name too."""
    for name in (job.service, f"{job.team}/{job.service}"):
        known = experiments.find_by_name(st, name)
        if known is None:
            return experiments.create_experiment(st, actor, name, tags=[("stellwerk.service", job.service)]).id
        if known.team == job.team and known.lifecycle == "active":
            return known.id
    return 0


def _tags(job: JobContext, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    tags = {"stellwerk.service": job.service, "stellwerk.job": job.id, "stellwerk.bundle": facts["bundle"],
            "stellwerk.code": facts["code_digest"], "stellwerk.environment": facts["lock_hash"],
            "stellwerk.dataset_version": facts["dataset_version_id"], "stellwerk.fingerprint": facts["fingerprint"],
            "mlflow.user": job.requested_by["name"], "mlflow.source.type": "PROJECT",
            "mlflow.source.name": facts["entry"]}
    commit = facts.get("commit") or {}
    if commit.get("id"):
        tags["mlflow.source.git.commit"] = str(commit["id"])
    return list(tags.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
