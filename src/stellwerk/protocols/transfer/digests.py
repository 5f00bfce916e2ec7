"""What proves that two sides hold the same: SHA-256 over sorted lines of JSON, the same on both sides.

A line of a metric is ``[key,timestamp,step,value,is_nan]``, of a param or tag ``[key,value]``; lines are ordered by
their fields, texts by code point. A value that is no number stands as 0.0 with the mark 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from stellwerk.protocols.transfer import wire

Digest = tuple[int, str]
"""How many lines there are, and their SHA-256."""

_LINES = msgspec.json.Encoder()


class LineDigest:
    """A digest that grows; lines must come in their order."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256()
        self.count = 0

    def add(self, rows: Sequence[Any]) -> None:
        """Take more lines."""
        self._hasher.update(_LINES.encode_lines(rows))
        self.count += len(rows)

    def result(self) -> Digest:
        """Return the digest of all lines so far."""
        return self.count, self._hasher.hexdigest()


def of_lines(rows: Iterable[Any]) -> Digest:
    """Return the digest of rows, which need not be ordered yet."""
    digest = LineDigest()
    digest.add(sorted(rows))
    return digest.result()


def of_unsortable(rows: Iterable[Any]) -> Digest:
    """Return the digest of rows with parts that may be None, ordered by their lines."""
    lines = sorted(_LINES.encode(row) for row in rows)
    return len(lines), hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def of_experiment(experiment: wire.Experiment) -> dict[str, Digest]:
    """Return the digests of an experiment; its id is not among them, since it changes."""
    return {"head": of_lines([(experiment.name, experiment.lifecycle, experiment.created_at)]),
            "tags": of_lines(experiment.tags)}


def of_run(run: wire.Run) -> dict[str, Digest]:
    """Return the digests of all of a run but its metrics; the experiment is not among them, since its id changes."""
    return {
        "head": of_unsortable([(run.name, run.user_id, run.status, run.lifecycle, run.start_time, run.end_time)]),
        "params": of_lines(run.params), "tags": of_lines(run.tags),
        "inputs": of_unsortable((one.name, one.digest, one.source_type, one.source, one.schema, one.profile,
                                 sorted(one.tags)) for one in run.inputs),
        "models": of_lines(run.models)}


def of_logged_model(model: wire.LoggedModel) -> dict[str, Digest]:
    """Return the digests of a logged model but its files."""
    return {
        "head": of_unsortable([(model.name, model.source_run_id, model.status, model.status_message,
                                model.model_type, model.lifecycle, model.created_at)]),
        "params": of_lines(model.params), "tags": of_lines(model.tags),
        "metrics": of_lines((one.key, one.timestamp, one.step, one.value, one.is_nan, one.run_id, one.dataset_name,
                             one.dataset_digest) for one in model.metrics)}


def of_registered_model(model: wire.RegisteredModel, versions: Iterable[wire.Version],
                        aliases: Iterable[tuple[str, int]]) -> dict[str, Digest]:
    """Return the digests of a registered model with its versions and aliases."""
    return {
        "head": of_unsortable([(model.description, model.created_at)]), "tags": of_lines(model.tags),
        "aliases": of_lines(aliases),
        "versions": of_unsortable(
            (one.version, one.created_at, one.description, one.user_id, one.stage, one.source, one.run_id, one.run_link,
             one.model_id, one.status, one.status_message, sorted(one.tags)) for one in versions)}


def of_files(files: Iterable[wire.File]) -> Digest:
    """Return the digest of the artifacts of one owner."""
    return of_lines((one.path, one.sha256, one.size) for one in files)
