"""Proving that all has come: the source is read anew, the installation computes anew, and both must agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stellwerk.cli.transfer.bring import Brought, Wishes, experiments_of
from stellwerk.cli.transfer.checks import Refused, key_fault, sound
from stellwerk.cli.transfer.files import hashed, named
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.source import Found, FoundModel, FoundRun, Owner, Source
from stellwerk.cli.transfer.target import Target, same
from stellwerk.protocols.transfer import digests, wire

_AT_ONCE = 50
_THREADS = 4
_KINDS = {"metrics": "metric points", "params": "params", "tags": "tags", "inputs": "data set inputs",
          "models": "links to logged models", "head": "head"}


class Difference(NamedTuple):
    """One thing that is not the same on both sides."""

    what: str
    source: str
    here: str


@dataclass
class Proof:
    """Counts by kind on both sides, and all differences."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def count(self, kind: str, source: int, here: int) -> None:
        """Count things of a kind on both sides."""
        both = self.counts.setdefault(kind, [0, 0])
        both[0] += source
        both[1] += here

    def differ(self, what: str, source: object, here: object) -> None:
        """Note a difference."""
        self.differences.append(Difference(what, str(source), str(here)))


class Prover:
    """Compares a source with what an installation keeps of it."""

    def __init__(self, source: Source, target: Target, brought: Brought, wishes: Wishes, meter: Meter) -> None:
        self._source = source
        self._target = target
        self._brought = brought
        self._wishes = wishes
        self._meter = meter
        # What was refused was reported when it was brought.
        self._refused: list[Refused] = []

    def prove(self) -> Proof:
        """Compare everything; raises StellwerkError where a side cannot be read."""
        proof = Proof()
        totals = self._source.totals()
        self._meter.stage("proving", {"runs": totals.runs} | (
            {} if totals.points is None else {"points": totals.points}))
        self._experiments(proof)
        with ThreadPoolExecutor(1, "asking") as asking:
            for page in self._source.runs():
                for start in range(0, len(page), _AT_ONCE):
                    self._runs(proof, asking, page[start:start + _AT_ONCE])
            for models in self._source.logged_models():
                self._logged_models(proof, asking, models)
        return proof

    def _experiments(self, proof: Proof) -> None:
        here = self._target.digests("experiments", self._brought.transfer, [])
        for experiment in experiments_of(self._source, self._wishes.prefix, self._refused):
            kept, what = here.get(experiment.source_id), f"experiment {experiment.name!r}"
            proof.count("experiments", 1, int(kept is not None))
            if kept is None:
                proof.differ(what, "there", "missing")
            elif experiment.source_id in self._brought.merged:
                lacking = set(experiment.tags) - {(key, value) for key, value in kept["tags"]}
                for key, value in sorted(lacking):
                    proof.differ(f"tag {key!r} of {what}", value[:100], "missing or different")
            else:
                compare(proof, what, digests.of_experiment(experiment), kept["content"])

    # Runs

    def _runs(self, proof: Proof, asking: ThreadPoolExecutor, page: Sequence[FoundRun]) -> None:
        wanted = [found for found in page if sound(found.run, "", self._refused) is not None
                  and found.run.experiment in self._brought.experiments and found.run.id not in self._brought.foreign]
        if not wanted:
            return
        ids = [found.run.id for found in wanted]
        answer = asking.submit(self._target.digests, "runs", self._brought.transfer, ids)
        expected = {found.run.id: self._of_run(found.run) for found in wanted}
        here = answer.result()
        for run_id, content in expected.items():
            proof.count("runs", 1, int(run_id in here))
            if run_id in here:
                compare(proof, f"run {run_id}", content, here[run_id],
                        only=("params", "tags", "inputs", "models", "metrics"))
            else:
                proof.differ(f"run {run_id}", "there", "missing")
        self._files(proof, [found.owner for found in wanted])
        self._meter.add("runs", len(wanted))

    def _of_run(self, run: wire.Run) -> dict[str, digests.Digest]:
        points = digests.LineDigest()
        for rows in self._source.points(run):
            sane = rows
            if any(key_fault(key) for key in {row[0] for row in rows}):
                sane = [row for row in rows if key_fault(row[0]) is None]
            points.add(sane)
            self._meter.add("points", len(rows))
        return {**digests.of_run(run), "metrics": points.result()}

    # Logged models

    def _logged_models(self, proof: Proof, asking: ThreadPoolExecutor, page: Sequence[FoundModel]) -> None:
        wanted = [found for found in page if sound(found.model, "", self._refused) is not None
                  and found.model.experiment in self._brought.experiments
                  and found.model.id not in self._brought.foreign]
        ids = [found.model.id for found in wanted]
        here = self._target.digests("logged-models", self._brought.transfer, ids) if ids else {}
        for found in wanted:
            what = f"logged model {found.model.id}"
            proof.count("logged models", 1, int(found.model.id in here))
            if found.model.id in here:
                compare(proof, what, digests.of_logged_model(found.model), here[found.model.id])
            else:
                proof.differ(what, "there", "missing")
        self._files(proof, [found.owner for found in wanted])

    # Artifacts

    def _files(self, proof: Proof, owners: Sequence[Owner]) -> None:
        expected: dict[str, dict[str, tuple[str, int]]] = {}
        with ThreadPoolExecutor(_THREADS, "hashing") as threads:
            for owner in owners:
                parts = named(owner, self._source.artifacts(owner), self._refused)
                found = dict(part for part in threads.map(self._hashed, parts) if part is not None)
                expected[owner.id] = found
                self._meter.add("artifacts", len(found))
        here = self._target.digests("files", self._brought.transfer, list(expected)) if expected else {}
        for owner_id, files in expected.items():
            kept = {path: (sha256, size) for path, sha256, size in here.get(owner_id, [])}
            proof.count("artifacts", len(files), len(kept))
            proof.count("bytes of artifacts", sum(size for _, size in files.values()),
                        sum(size for _, size in kept.values()))
            for path in sorted(files.keys() | kept.keys()):
                if files.get(path) != kept.get(path):
                    proof.differ(f"artifact {path!r} of {owner_id}", _file_words(files.get(path)),
                                 _file_words(kept.get(path)))

    def _hashed(self, part: tuple[str, Found]) -> tuple[str, tuple[str, int]] | None:
        name, found = part
        with ExitStack() as stack:
            read = hashed(stack, name, found, self._refused)
            return None if read is None else (name, read[1:])


def _file_words(known: tuple[str, int] | None) -> str:
    return "missing" if known is None else f"sha256 {known[0]}, {known[1]} bytes"


def compare(proof: Proof, what: str, expected: dict[str, digests.Digest], here: dict[str, Any], *,
            only: Sequence[str] = ()) -> None:
    """Note where digests differ; those named in ``only`` are counted as kinds of their own."""
    for kind, digest in expected.items():
        kept = here.get(kind) or [0, ""]
        words = _KINDS.get(kind, kind)
        if kind in only:
            proof.count(words, digest[0], kept[0])
        if not same(kept, digest):
            proof.differ(f"{what}: {words}", _digest_words(kind, digest), _digest_words(kind, kept))


def _digest_words(kind: str, digest: Iterable[Any]) -> str:
    number, sha256 = digest
    return f"sha256 {sha256}" if kind == "head" else f"{number}, sha256 {sha256}"
