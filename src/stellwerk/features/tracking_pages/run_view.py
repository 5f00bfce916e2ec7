"""One run with all that hangs on it, read in one moment of tracking; and what a service's training says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.features import (
    artifacts,
    datasets,
    experiments,
    logged_models,
    models,
    registry,
    runs,
    services,
    trainings,
)
from stellwerk.features.tracking_pages.columns import INTERNAL, PARENT_TAG, RunColumn
from stellwerk.features.tracking_pages.curves import read_histories
from stellwerk.features.tracking_pages.figures import figure, is_infinite
from stellwerk.features.tracking_pages.interest import by_interest, falls
from stellwerk.features.tracking_pages.table import Row, rows_of
from stellwerk.features.tracking_pages.times import seconds_between
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.mlflow.search import Comparison
from stellwerk.uikit.formats import duration

USUAL_CURVES = 6
_CHILDREN = 50
_ARTIFACTS = 1000
_OWN = "stellwerk."
# Tags that a part of the page shows in its own way, or that repeat what stands elsewhere.
_SHOWN = frozenset({"mlflow.runName", "mlflow.note.content", PARENT_TAG, "mlflow.user"})


@dataclass(frozen=True)
class Metric:
    """The latest point of a metric."""

    key: str
    value: float
    step: int


@dataclass(frozen=True)
class ModelLink:
    """A logged model that a run used or made."""

    role: str
    id: str
    name: str
    step: int


@dataclass(frozen=True)
class Live:
    """What changes while a run is under way."""

    run: runs.Run
    metrics: list[Metric]
    curved: list[str]
    histories: dict[str, runs.overview.History]


@dataclass(frozen=True)
class RunView:
    """What the page of a run shows; ``may_write`` says whether the reader may change it."""

    run: runs.Run
    experiment: experiments.Experiment
    live: Live
    params: list[tuple[str, str]]
    tags: dict[str, str]
    inputs: list[tuple[runs.UsedDataset, dict[str, str]]]
    models: list[ModelLink]
    registered: list[registry.RegisteredVersion]
    files: list[artifacts.Artifact]
    more_files: bool
    parent: runs.Run | None
    children: list[Row]
    child_columns: list[RunColumn]
    child_count: int
    better: int | None
    may_write: bool

    @property
    def own_tags(self) -> dict[str, str]:
        """Tags that people set."""
        return {key: value for key, value in self.tags.items() if not key.startswith((INTERNAL, _OWN))}

    @property
    def client_tags(self) -> dict[str, str]:
        """Tags that clients and services set for their own sake."""
        return {key: value for key, value in self.tags.items() if key.startswith((INTERNAL, _OWN))
                and key not in _SHOWN}


def read_live(st: Statements, run: runs.Run, wanted: tuple[str, ...]) -> Live:
    """Return the latest metrics of a run and the curves wanted, or those that readers ask for first."""
    latest = {key: Metric(key, float("nan") if is_nan else value, step)
              for key, value, _, step, is_nan in runs.overview.latest_of(st, [run.no])[run.no]}
    curved = by_interest(runs.overview.curved_keys(st, [run.no]))
    chosen = [key for key in wanted if key in latest] or curved[:USUAL_CURVES]
    histories = {key: found[0] for key, found in read_histories(st, [run.no], chosen).items()}
    return Live(run, [latest[key] for key in by_interest(latest)], curved, histories)


def read_run(st: Statements, run_id: str, actor: Actor, wanted: tuple[str, ...] = ()) -> RunView:
    """Return a run in the caller's scope; raises NotFound."""
    run = runs.get_run(st, run_id, actor)
    experiment = experiments.get_experiment(st, run.experiment_id, actor)
    tags = dict(runs.overview.tags_of(st, [run.no])[run.no])
    live = read_live(st, run, wanted)
    parent = tags.get(PARENT_TAG, "")
    children, columns, count = _children(st, run)
    found = []
    for artifact in artifacts.artifacts_of(st, run.id):
        found.append(artifact)
        if len(found) > _ARTIFACTS:
            break
    return RunView(
        run, experiment, live, runs.overview.all_params_of(st, [run.no])[run.no], tags,
        [(used, dict(about)) for used, about in runs.overview.inputs_of(st, [run.no]).get(run.no, [])],
        _models(st, run), registry.versions_of_run(st, [run.id], actor)[run.id], found[:_ARTIFACTS],
        len(found) > _ARTIFACTS,
        runs.visible_runs(st, actor, [parent]).get(parent) if parent else None, children, columns, count,
        _better(st, live), runs.may_change(run, experiment, actor))


def _models(st: Statements, run: runs.Run) -> list[ModelLink]:
    links = logged_models.links_of(st, [run.id]).get(run.id, [])
    known = logged_models.by_ids(st, [model_id for _, model_id, _ in links])
    return [ModelLink(role, model_id, known[model_id].name, step) for role, model_id, step in links
            if model_id in known and known[model_id].experiment_id == run.experiment_id]


def _children(st: Statements, run: runs.Run) -> tuple[list[Row], list[RunColumn], int]:
    nested = [Comparison("tag", PARENT_TAG, "=", run.id)]
    scope = runs.overview.Scope([run.experiment_id], ["active"], nested)
    found, _ = runs.overview.page(st, scope, [], None, _CHILDREN)
    if not found:
        return [], [], 0
    latest = runs.overview.latest_of(st, [child.no for child in found])
    keys = by_interest({entry[0] for entries in latest.values() for entry in entries})
    columns = [RunColumn("metric", key) for key in keys[:3]]
    count = len(found) if len(found) < _CHILDREN else runs.overview.count(st, scope)
    return rows_of(st, found, columns), columns, count


def _better(st: Statements, live: Live) -> int | None:
    """Return how many other runs of the experiment do better in the metric that readers ask for first."""
    if live.run.status != "FINISHED" or live.run.lifecycle != "active" or not live.metrics:
        return None
    first = live.metrics[0]
    if first.value != first.value or is_infinite(first.value):
        return None
    asked = [Comparison("metric", first.key, "<" if falls(first.key) else ">", first.value)]
    return runs.overview.count(st, runs.overview.Scope([live.run.experiment_id], ["active"], asked))


def verdict_of(view: RunView, now: int) -> tuple[str, str, str]:
    """Return what the run came to, as (before, strong, after)."""
    run, first = view.run, next(iter(view.live.metrics), None)
    took = seconds_between(run.start_time, run.end_time if run.end_time is not None else now)
    span = "" if took is None else duration(took)
    if run.status == "RUNNING":
        before = f"Under way for {span}" if span else "Under way"
        return (f"{before}; ", f"{first.key} is {figure(first.value)}", f" at step {first.step:,}.") if first else (
            before, "", "; no metric yet.")
    word = {"FINISHED": "Finished", "FAILED": "Failed", "KILLED": "Stopped"}.get(run.status, run.status.capitalize())
    before = f"{word} after {span}" if span and run.end_time is not None else word
    if first is None:
        return before, "", " without a metric."
    return f"{before} with ", f"{first.key} {figure(first.value)}", _rank(first.key, view.better)


def _rank(key: str, better: int | None) -> str:
    if better is None:
        return "."
    direction = "lower" if falls(key) else "higher"
    if better == 0:
        return f"; no run of the experiment has a {direction} one."
    return f"; {better:,} {'run' if better == 1 else 'runs'} of the experiment {'has' if better == 1 else 'have'} a " \
           f"{direction} one."


def training_of(connection: Connection, run_id: str, actor: Actor) -> dict[str, Any] | None:
    """Return service, job, version and data set of the training that is this run, where the reader may see it."""
    try:
        training = trainings.run_view(trainings.get_run(connection, run_id))
        service = services.get_service(connection, training["service"])
    except NotFound:
        return None
    if not actor.may("services.read", service["team"]):
        return None
    try:
        data = datasets.get_dataset_version(connection, training["dataset_version_id"])
    except NotFound:
        data = None
    number = next((row["number"] for row in models.versions_of(connection, [training["service"]])
                   if row["run_id"] == run_id), None)
    return {**training, "title": service["title"], "version": number, "data": data,
            "adopted": trainings.adoption_of(connection, run_id)}
