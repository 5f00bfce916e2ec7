"""Taking runs over from elsewhere: whole, under the ids that they have there, and as often as need be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from stellwerk.features import logged_models
from stellwerk.features.experiments import now_ms
from stellwerk.features.runs import sealing
from stellwerk.features.runs.repository import content, importing, inputs, runs
from stellwerk.features.runs.repository.inputs import UsedDataset
from stellwerk.features.runs.repository.runs import Run
from stellwerk.features.runs.service import NAME_TAG
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.decoding import invalid
from stellwerk.protocols.transfer import digests, wire

_LINES = 20_000
# How long the ledger waits for the rest of a run. What is logged to one whose transfer is never finished must not stay
# off the ledger for good.
HELD_MS = 24 * 3_600_000


def import_runs(st: Statements, actor: Actor, brought: Sequence[tuple[wire.Run, int]]) -> None:
    """Put runs, each with the number of its experiment: new ones are made, known ones get exactly what comes.

    They count as arriving, with no event on the ledger, until ``note_imported`` is called for them. Raises BadInput
    naming what a run may not hold.
    """
    for run, _ in brought:
        _check(run)
    importing.put(st, [(Run(0, run.id, experiment_id, run.name, run.user_id, run.status, run.lifecycle, run.start_time,
                            run.end_time, actor.person_id or actor.id), run.deleted_at)
                       for run, experiment_id in brought])
    numbers = {found.id: found for found in runs.by_ids(st, [run.id for run, _ in brought])}
    importing.hold(st, [found.no for found in numbers.values()], now_ms() + HELD_MS)
    importing.clear(st, [found.no for found in numbers.values()])
    importing.add_params(st, [(numbers[run.id].no, *pair) for run, _ in brought for pair in run.params])
    importing.add_tags(st, [(numbers[run.id].no, *pair) for run, _ in brought for pair in run.tags])
    for run, experiment_id in brought:
        for used in run.inputs:
            described = UsedDataset(used.name, used.digest, used.source_type, used.source, used.schema, used.profile)
            inputs.add(st, numbers[run.id].no, experiment_id, described, used.tags)
    logged_models.relink(st, {run.id: run.models for run, _ in brought})


def _check(run: wire.Run) -> None:
    for kind, pairs in (("params", run.params), ("tags", run.tags)):
        for key, value in pairs:
            limits.check_key(key, f"{run.id}.{kind}")
            limits.check_text(value, f"{run.id}.{kind}.{key}")
        if len({key for key, _ in pairs}) != len(pairs):
            raise BadInput(f"The run {run.id} names one of its {kind} twice.", field=kind)
    for text in (run.name, run.user_id):
        limits.check_text(text, f"{run.id}.name")
    if dict(run.tags).get(NAME_TAG, run.name) != run.name:
        raise BadInput(f"The run {run.id} has another name in its tag {NAME_TAG}.", field="name", value=run.name)


def import_points(st: Statements, run_no: int, series: wire.Series) -> int:
    """Add points of one metric of a run and keep its latest right; returns how many came.

    Raises BadInput where the columns do not fit together.
    """
    count = len(series.timestamps)
    limits.check_key(series.key, f"{series.run_id}.metrics")
    if not count or len(series.steps) != count or len(series.values) != count:
        raise invalid(f"{series.run_id}.metrics.{series.key}", count, "its columns have equal lengths above 0.")
    marks, values = [0] * count, series.values
    for place in series.nans:
        if not 0 <= place < count:
            raise invalid(f"{series.run_id}.metrics.{series.key}.nans", place, f"a place is 0 to {count - 1}.")
        marks[place], values[place] = 1, 0.0
    importing.add_columns(st, run_no, series.key, series.timestamps, series.steps, values, marks)
    return count


def note_imported(st: Statements, actor: Actor, run_id: str, seen: tuple[int, dict[str, Any] | None],
                  payload: Mapping[str, Any]) -> None:
    """Write the event of a run that has come whole; ``seen`` is what ``look`` gave."""
    changes, state = seen
    if state is not None:
        sealing.note(st, actor, "run.imported", run_id, changes, state, payload)


def content_of(st: Statements, run_id: str) -> dict[str, digests.Digest]:
    """Return the digests of what is kept of a run; raises NotFound."""
    found = runs.get(st, run_id)
    if found is None:
        raise NotFound(f"Run with id={run_id} not found", field="run_id", value=run_id[:100])
    used = inputs.inputs_of(st, [found.no]).get(found.no, [])
    kept = wire.Run(
        id=found.id, experiment=str(found.experiment_id), name=found.name, user_id=found.user_id,
        status=found.status, lifecycle=found.lifecycle,  # type: ignore[arg-type]
        start_time=found.start_time, end_time=found.end_time,
        params=content.all_params_of(st, [found.no])[found.no],
        tags=content.tags_of(st, [found.no])[found.no],
        inputs=[wire.Input(**dataset._asdict(), tags=tags) for dataset, tags in used],
        models=logged_models.links_of(st, [run_id]).get(run_id, []))  # type: ignore[arg-type]
    return {**digests.of_run(kept), "metrics": _points_of(st, found.no)}


def _points_of(st: Statements, run_no: int) -> digests.Digest:
    digest = digests.LineDigest()
    for key, number in importing.series(st, run_no):
        points = importing.stream_series(st, run_no, number)
        while some := list(islice(points, _LINES)):
            digest.add([(key, *point) for point in some])
    return digest.result()


def numbers_of(st: Statements, run_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of runs by their ids; those that are not here are left out."""
    return {found.id: found.no for found in runs.by_ids(st, run_ids)}


def look(st: Statements, run_id: str) -> tuple[int, dict[str, Any] | None]:
    """Return what ``note_imported`` must be given, from one consistent state."""
    return sealing.look(st, run_id)
