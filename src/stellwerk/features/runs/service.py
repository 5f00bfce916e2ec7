"""Opening, changing and reading runs within the teams of the caller."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from stellwerk.features import experiments, ledger, logged_models
from stellwerk.features.experiments import READ, WRITE, now_ms
from stellwerk.features.runs.repository import content, inputs, runs
from stellwerk.features.runs.repository.content import Point
from stellwerk.features.runs.repository.runs import Run
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, NotFound
from stellwerk.kernel.names import random_name
from stellwerk.protocols.mlflow.decoding import invalid

NAME_TAG = "mlflow.runName"
PARENT_TAG = "mlflow.parentRunId"
STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
_JOB = "job:"
_MOST_INPUTS = 1000
_MOST_INPUT_CHARACTERS = 32_000_000
ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


def artifact_root(run: Run) -> str:
    """Return where the artifacts of a run stand, as clients see it."""
    return f"{experiments.artifact_root(run.experiment_id)}/{run.id}/artifacts"


def get_run(st: Statements, run_id: str, actor: Actor, permission: str = READ) -> Run:
    """Return a run in the caller's scope; raises NotFound, or Forbidden without the permission."""
    found = runs.get(st, run_id)
    if found is not None:
        try:
            experiment = experiments.get_experiment(st, found.experiment_id, actor)
        except NotFound:
            experiment = None
        if experiment is not None:
            if permission != READ:
                _check_writer(found, experiment, actor)
            return found
    raise NotFound(f"Run with id={run_id} not found", field="run_id", value=run_id[:100])


def _maker(actor: Actor) -> str:
    if actor.kind == "job":
        return f"{_JOB}{actor.id}"
    return actor.person_id or actor.id


def _check_writer(run: Run, experiment: experiments.Experiment, actor: Actor) -> None:
    """Raise Forbidden unless the caller may change the run.

    What a service's training logged is evidence and stays; in an experiment that all teams share, each changes their
    own runs.
    """
    evidence = run.created_by.startswith(_JOB)
    if evidence and actor.kind != "job":
        raise Forbidden(f"The run {run.id} was made by the training of a service and stays as it is.", field="run_id",
                        value=run.id, hint="Log to a run of your own; it may name this one in a tag.")
    own = evidence or run.created_by == _maker(actor)
    if not (own and experiment.team is None and actor.may_anywhere(WRITE)):
        experiments.require(actor, WRITE, experiment.team)


def may_change(run: Run, experiment: experiments.Experiment, actor: Actor) -> bool:
    """Tell whether the caller may change a run."""
    try:
        _check_writer(run, experiment, actor)
    except Forbidden:
        return False
    return True


def writable_run(st: Statements, run_id: str, actor: Actor) -> Run:
    """Return a run that may be written to; raises as ``get_run``, and Conflict for a deleted one."""
    found = get_run(st, run_id, actor, WRITE)
    if found.lifecycle != "active":
        raise Conflict(f"The run {run_id} must be in the 'active' state. Current state is {found.lifecycle}.",
                       field="run_id", value=run_id)
    return found


def create_run(st: Statements, actor: Actor, experiment_id: int, *, name: str | None = None, user: str | None = None,
               start_time: int | None = None, tags: Sequence[tuple[str, str]] = (), run_id: str | None = None) -> Run:
    """Open a run; its name is also its tag ``mlflow.runName``. Raises BadInput where the two differ."""
    experiments.active_experiment(st, experiment_id, actor, into=True)
    tagged = dict(tags).get(NAME_TAG)
    if name and tagged and name != tagged:
        raise BadInput("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                       f"(run_name='{name}', mlflow.runName='{tagged}').", field="run_name")
    chosen = name or tagged or random_name()
    made = runs.add(st, Run(0, run_id or secrets.token_hex(16), experiment_id, chosen, user or "", "RUNNING", "active",
                            start_time or 0, None, _maker(actor)))
    content.set_tags(st, made.no, {**dict(tags), NAME_TAG: chosen}.items())
    runs.mark_unsealed(st, made.no, now_ms())
    return made


def update_run(st: Statements, actor: Actor, run_id: str, *, status: str | None = None, end_time: int | None = None,
               name: str | None = None) -> Run:
    """Change status, end or name of a run."""
    found = writable_run(st, run_id, actor)
    changed = found._replace(status=status or found.status, name=name or found.name,
                             end_time=found.end_time if end_time is None else end_time)
    runs.change(st, changed)
    if name:
        content.set_tags(st, found.no, [(NAME_TAG, name)])
    runs.mark_unsealed(st, found.no, now_ms())
    return changed


def status_name(status: str | int | None) -> str | None:
    """Return the name of a status given by name or number; raises BadInput for another."""
    numbers: dict[str | int, str] = {number + 1: known for number, known in enumerate(STATUSES)}
    found = numbers.get(status, status) if status is not None else None
    if found is not None and found not in STATUSES:
        raise invalid("status", status, f"it is one of {', '.join(STATUSES)}.")
    return None if found is None else str(found)


def set_lifecycle(st: Statements, actor: Actor, run_id: str, lifecycle: str) -> None:
    """Delete or restore a run; one that is in that state already stays as it is."""
    found = get_run(st, run_id, actor, WRITE)
    runs.set_lifecycle(st, found.no, lifecycle, now_ms() if lifecycle == "deleted" else None)
    runs.mark_unsealed(st, found.no, now_ms())
    ledger.record_tracked(st, actor, "run.deleted" if lifecycle == "deleted" else "run.restored", "run_lifecycle",
                          run_id, None if lifecycle == "deleted" else {"lifecycle": lifecycle})


def log(st: Statements, actor: Actor, run_id: str, *, points: Sequence[Point] = (),
        params: Sequence[tuple[str, str]] = (), tags: Sequence[tuple[str, str]] = (),
        model_points: Sequence[logged_models.ModelPoint] = ()) -> None:
    """Log points, params and tags of a run: all of them or, when an error is raised, none.

    Raises Conflict where a param has another value already: params are written once.
    """
    found = writable_run(st, run_id, actor)
    if points:
        content.add_points(st, found.no, points)
    if model_points:
        logged_models.log_points(st, actor, [point._replace(run_id=run_id) for point in model_points])
    if params:
        _add_params(st, found, params)
    if tags:
        content.set_tags(st, found.no, dict(tags).items())
        name = dict(tags).get(NAME_TAG)
        if name:
            runs.change(st, found._replace(name=name))
    runs.mark_unsealed(st, found.no, now_ms())


def _add_params(st: Statements, run: Run, params: Sequence[tuple[str, str]]) -> None:
    known = content.params_of(st, run.no, [key for key, _ in params])
    differing = [{"key": key, "old_value": known[key], "new_value": value} for key, value in params
                 if known.get(key, value) != value]
    if len(params) == 1 and differing:
        raise Conflict(f"Changing param values is not allowed. Param with key='{params[0][0]}' was already logged with "
                       f"value='{known[params[0][0]]}' for run ID='{run.id}'. Attempted logging new value "
                       f"'{params[0][1]}'.", field=params[0][0])
    if differing:
        raise Conflict(f"Changing param values is not allowed. Params were already logged='{differing}' for run "
                       f"ID='{run.id}'.", field="params")
    content.add_params(st, run.no, [(key, value) for key, value in params if key not in known])


def delete_tag(st: Statements, actor: Actor, run_id: str, key: str) -> None:
    """Remove a tag of a run; raises NotFound where it has none of that name."""
    found = writable_run(st, run_id, actor)
    if not content.delete_tag(st, found.no, key):
        raise NotFound(f"No tag with name: {key} in run with id {run_id}", field="key", value=key)
    runs.mark_unsealed(st, found.no, now_ms())


def log_inputs(st: Statements, actor: Actor, run_id: str,
               used: Iterable[tuple[inputs.UsedDataset, Sequence[tuple[str, str]]]],
               models: Sequence[str] = ()) -> None:
    """Note the data sets and logged models that a run used."""
    found = writable_run(st, run_id, actor)
    for dataset, tags in used:
        inputs.add(st, found.no, found.experiment_id, dataset, tags)
    count, characters = inputs.extent(st, found.no)
    if count > _MOST_INPUTS or characters > _MOST_INPUT_CHARACTERS:
        raise BadInput(f"A run notes at most {_MOST_INPUTS} data sets, with schemas, profiles and sources of "
                       f"{_MOST_INPUT_CHARACTERS} characters together.", field="datasets", value=count,
                       hint="Leave schema or profile out.")
    logged_models.link_models(st, actor, run_id, "input", [(model_id, 0) for model_id in models])
    runs.mark_unsealed(st, found.no, now_ms())


def log_outputs(st: Statements, actor: Actor, run_id: str, models: Sequence[tuple[str, int]]) -> None:
    """Note the logged models that a run made, as (id, step)."""
    found = writable_run(st, run_id, actor)
    logged_models.link_models(st, actor, run_id, "output", models)
    runs.mark_unsealed(st, found.no, now_ms())


def visible_runs(st: Statements, actor: Actor, run_ids: Sequence[str]) -> dict[str, Run]:
    """Return those of the runs that the caller may see, by id."""
    found = runs.by_ids(st, run_ids)
    seen = {one.id for one in experiments.visible(st, actor, sorted({run.experiment_id for run in found}))}
    return {run.id: run for run in found if run.experiment_id in seen}
