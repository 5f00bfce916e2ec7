"""Bringing everything that a source holds: what came whole before is left alone, the rest comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from stellwerk.cli.transfer.checks import Refused, key_fault, sound
from stellwerk.cli.transfer.files import FileBringer
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.sender import Sender
from stellwerk.cli.transfer.source import FoundModel, FoundRun, Owner, Row, Source
from stellwerk.cli.transfer.target import BATCH_BYTES, Target, split_by_size
from stellwerk.protocols.transfer import wire

_ENCODER = msgspec.json.Encoder()
# What points and series take as JSON at most, nearly.
_POINT_BYTES, _SERIES_BYTES = 64, 128
_ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


@dataclass(frozen=True)
class Wishes:
    """How things are to come: ``prefix`` stands before names, ``again`` brings also what came whole before."""

    prefix: str = ""
    merge: bool = False
    team: str | None = None
    again: bool = False


@dataclass
class Brought:
    """What a transfer did: the experiments' new numbers, and what was refused."""

    transfer: int
    experiments: dict[str, int] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    skipped_runs: int = 0
    points: int = 0
    seconds: float = 0.0


class Bringer:
    """One transfer from a source to an installation."""

    def __init__(self, source: Source, target: Target, wishes: Wishes, meter: Meter) -> None:
        self._source = source
        self._target = target
        self._wishes = wishes
        self._meter = meter
        self._files = FileBringer(source, target, meter)

    def bring(self) -> Brought:
        """Bring all; raises StellwerkError where it cannot go on. Called again, it goes on where it stopped."""
        totals = self._source.totals()
        opened = self._target.begin(self._source.label, self._source.kind, self._wishes.team)
        brought = Brought(opened["transfer"])
        self._meter.stage("bringing", {"runs": totals.runs} | (
            {} if totals.points is None else {"points": totals.points}))
        self._experiments(brought, {mapped["source_id"]: mapped for mapped in opened["experiments"]})
        with Sender(self._target) as sender:
            for page in self._source.runs():
                self._runs(brought, sender, page)
            for models in self._source.logged_models():
                self._logged_models(brought, sender, models)
        brought.points = self._meter.done.get("points", 0)
        brought.seconds = self._meter.seconds
        return brought

    def _experiments(self, brought: Brought, known: Mapping[str, Any]) -> None:
        found = experiments_of(self._source, self._wishes.prefix, brought.refused)
        wanted = [one for one in found if self._wishes.again or one.source_id not in known]
        mapped = [known[one.source_id] for one in found if one.source_id in known]
        for part in split_by_size(wanted):
            mapped += self._target.post("/experiments", wire.Experiments(
                transfer=brought.transfer, experiments=part, merge=self._wishes.merge))["experiments"]
        for one in mapped:
            brought.experiments[one["source_id"]] = one["experiment_id"]
            if one["merged"]:
                brought.merged.add(one["source_id"])

    # Runs

    def _runs(self, brought: Brought, sender: Sender, page: Sequence[FoundRun]) -> None:
        states = self._target.known("runs", brought.transfer, [found.run.id for found in page])
        wanted = []
        done = []
        for found in page:
            run = sound(found.run, f"run {found.run.id[:100]}", brought.refused)
            if run is None or run.experiment not in brought.experiments:
                continue
            if states.get(run.id) == "foreign":
                brought.foreign.add(run.id)
                brought.refused.append(Refused(f"run {run.id}", "a run of this id is here already and came from "
                                               "somewhere else"))
            elif states.get(run.id) == "complete" and run.status in _ENDED and not self._wishes.again:
                done.append(run.id)
            else:
                wanted.append(found)
        self._skip(brought, done, len(page) - len(wanted))
        if not wanted:
            return
        for part in split_by_size([found.run for found in wanted]):
            sender.put("/runs", _ENCODER.encode(wire.Runs(transfer=brought.transfer, runs=part)))
        batch = _Batch(brought.transfer, sender, self._meter)
        for found in wanted:
            for rows in self._source.points(found.run):
                batch.add(found.run.id, rows, brought.refused)
        batch.flush()
        self._bring_files(brought, sender, [found.owner for found in wanted])
        ids = [found.run.id for found in wanted]
        sender.put("/runs/finish", _ENCODER.encode(wire.Ids(transfer=brought.transfer, ids=ids)),
                   lambda: self._meter.add("runs", len(ids)))

    def _skip(self, brought: Brought, run_ids: Sequence[str], count: int) -> None:
        brought.skipped_runs += len(run_ids)
        if run_ids:
            self._meter.add("points", self._source.count_points(run_ids) or 0)
        if count:
            self._meter.add("runs", count)

    def _bring_files(self, brought: Brought, sender: Sender, owners: Iterable[Owner]) -> None:
        for owner_id, files in self._files.bring(owners, brought.refused):
            for part in split_by_size(files):
                sender.put("/files", _ENCODER.encode(wire.Files(
                    transfer=brought.transfer, owner_id=owner_id, files=part)))

    # Logged models

    def _logged_models(self, brought: Brought, sender: Sender, page: Sequence[FoundModel]) -> None:
        states = self._target.known("logged-models", brought.transfer, [found.model.id for found in page])
        wanted = []
        for found in page:
            model = sound(found.model, f"logged model {found.model.id[:100]}", brought.refused)
            if model is None or model.experiment not in brought.experiments:
                continue
            if states.get(model.id) == "foreign":
                brought.foreign.add(model.id)
                brought.refused.append(Refused(f"logged model {model.id}", "a model of this id is here already and "
                                               "came from somewhere else"))
            elif states.get(model.id) != "complete" or model.status == "PENDING" or self._wishes.again:
                wanted.append(found)
        for part in split_by_size([found.model for found in wanted]):
            sender.put("/logged-models", _ENCODER.encode(wire.LoggedModels(transfer=brought.transfer, models=part)))
        self._bring_files(brought, sender, [found.owner for found in wanted])
        if wanted:
            ids = [found.model.id for found in wanted]
            sender.put("/logged-models/finish", _ENCODER.encode(wire.Ids(transfer=brought.transfer, ids=ids)))
        self._meter.add("logged models", len(page))


def experiments_of(source: Source, prefix: str, refused: list[Refused]) -> list[wire.Experiment]:
    """Return the experiments of a source as they are to be called here."""
    found = []
    for experiment in source.experiments():
        experiment.name = prefix + experiment.name
        kept = sound(experiment, f"experiment {experiment.name[:100]!r}", refused)
        if kept is not None:
            found.append(kept)
    return found


class _Batch:
    """Points on their way: sent once there are enough of them."""

    def __init__(self, transfer: int, sender: Sender, meter: Meter) -> None:
        self._transfer = transfer
        self._sender = sender
        self._meter = meter
        self._series: list[wire.Series] = []
        self._count = self._bytes = 0

    def add(self, run_id: str, rows: Sequence[Row], refused: list[Refused]) -> None:
        """Take points of a run, ordered by key."""
        for series in as_series(run_id, rows):
            fault = key_fault(series.key)
            if fault is not None:
                refused.append(Refused(f"metric {series.key[:100]!r} of run {run_id}", fault))
                continue
            self._series.append(series)
            self._count += len(series.timestamps)
            self._bytes += len(series.timestamps) * _POINT_BYTES + len(series.key) * 6 + _SERIES_BYTES
            if self._bytes >= BATCH_BYTES:
                self.flush()

    def flush(self) -> None:
        """Send what is there."""
        if self._series:
            count = self._count
            self._sender.put("/points", _ENCODER.encode(wire.Points(transfer=self._transfer, series=self._series)),
                             lambda: self._meter.add("points", count))
        self._series, self._count, self._bytes = [], 0, 0


def as_series(run_id: str, rows: Sequence[Row]) -> Iterable[wire.Series]:
    """Yield the columns of each metric in points that are ordered by key."""
    if not rows:
        return
    keys, timestamps, steps, values, nans = zip(*rows, strict=True)
    starts = [0]
    if keys[0] != keys[-1]:
        starts += [place for place, (one, next_one) in enumerate(pairwise(keys), 1) if one != next_one]
    for start, end in pairwise([*starts, len(keys)]):
        marked = nans[start:end]
        yield wire.Series(run_id=run_id, key=keys[start], timestamps=timestamps[start:end],  # type: ignore[arg-type]
                          steps=steps[start:end], values=values[start:end],  # type: ignore[arg-type]
                          nans=[place for place, is_nan in enumerate(marked) if is_nan] if any(marked) else [])
