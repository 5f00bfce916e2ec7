"""Reading an exported folder; nothing of it is used before every file is known to be what was written."""

from __future__ import annotations

import contextlib
import csv
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from stellwerk.cli.transfer import layout
from stellwerk.cli.transfer.files import sha256_of
from stellwerk.cli.transfer.source import Found, FoundModel, FoundRegistered, FoundRun, Owner, Row, Totals
from stellwerk.kernel.errors import BadInput, NotFound
from stellwerk.protocols.transfer import wire

_T = TypeVar("_T")
_PAGE = 200
_LINES = 20_000
_THREADS = 4
_SHOWN = 20


class ExportedFolder:
    """A folder that ``stellwerk export`` wrote."""

    kind = "export"

    def __init__(self, folder: Path, *, wanted: bool = True) -> None:
        if not folder.is_dir():
            raise NotFound(f"There is no folder {folder}.", field="FOLDER", value=str(folder))
        self._folder = folder
        self._wanted = wanted
        self._checksums = layout.read_checksums(folder)
        _check_all(folder, self._checksums)
        self._manifest = self._read(layout.MANIFEST, layout.Manifest)
        if self._manifest.format != layout.FORMAT or self._manifest.version != layout.VERSION:
            raise BadInput(f"{folder} has the format {self._manifest.format!r} version {self._manifest.version}, which "
                           "this release does not read.", field=layout.MANIFEST, value=self._manifest.version,
                           allowed=f"{layout.FORMAT} version {layout.VERSION}")
        self.label = f"export of {self._manifest.source}"
        self._artifacts: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._checksums):
            parts = name.split("/", 3)
            if len(parts) == 4 and parts[0] in ("runs", "logged-models") and parts[2] == "artifacts":
                self._artifacts["/".join(parts[:2])].append(name)

    def _read(self, name: str, kind: type[_T]) -> _T:
        if name not in self._checksums:
            raise BadInput(f"The export lacks {name}.", field="FOLDER", value=name)
        try:
            return msgspec.json.decode((self._folder / name).read_bytes(), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"{name} of the export is not as it must be: {error}", field=name) from None

    def _named(self, start: str, end: str) -> list[str]:
        return [name for name in sorted(self._checksums) if name.startswith(start) and name.endswith(end)
                and name.count("/") == (1 if start in ("experiments/", "registered-models/") else 2)]

    def totals(self) -> Totals:
        """Return how much there is."""
        counts = self._manifest.counts
        return Totals(experiments=counts.get("experiments", 0), runs=counts.get("runs", 0),
                      points=counts.get("metric points"))

    def experiments(self) -> list[wire.Experiment]:
        """Return all experiments."""
        return [self._read(name, wire.Experiment) for name in self._named("experiments/", ".json")]

    def runs(self) -> Iterator[list[FoundRun]]:
        """Yield all runs in pages, without their points."""
        names = iter(self._named("runs/", "/run.json"))
        while some := list(islice(names, _PAGE)):
            page = []
            for name in some:
                run = self._read(name, wire.Run)
                if name != f"runs/{run.id}/run.json":
                    raise BadInput(f"{name} holds another run: {run.id[:100]!r}.", field=name)
                page.append(FoundRun(run, Owner(run.id, is_model=False, location=f"runs/{run.id}")))
            yield page

    def count_points(self, run_ids: Sequence[str]) -> int | None:
        """Return None: only reading all points tells how many there are."""
        return None

    def points(self, run: wire.Run) -> Iterator[Sequence[Row]]:
        """Yield the points of a run in pieces, in order of key, timestamp, step, value."""
        name = f"runs/{run.id}/metrics.csv"
        if name not in self._checksums:
            return
        with (self._folder / name).open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            if tuple(next(lines, ())) != layout.METRICS_HEAD:
                raise BadInput(f"{name} of the export does not begin with {','.join(layout.METRICS_HEAD)}.", field=name)
            while some := list(islice(lines, _LINES)):
                try:
                    yield [_row(line) for line in some]
                except (ValueError, OverflowError) as error:
                    raise BadInput(f"{name} of the export holds a line that is no point: {error}",
                                   field=name) from None

    def logged_models(self) -> Iterator[list[FoundModel]]:
        """Yield all logged models in pages."""
        page = []
        for name in self._named("logged-models/", "/model.json"):
            model = self._read(name, wire.LoggedModel)
            if name != f"logged-models/{model.id}/model.json":
                raise BadInput(f"{name} holds another model: {model.id[:100]!r}.", field=name)
            page.append(FoundModel(model, Owner(model.id, is_model=True, location=f"logged-models/{model.id}")))
        if page:
            yield page

    def registered_models(self) -> Iterator[FoundRegistered]:
        """Yield the registered models."""
        for name in self._named("registered-models/", ".json"):
            found = self._read(name, layout.Registered)
            yield FoundRegistered(found.model, found.versions, found.aliases)

    def artifacts(self, owner: Owner) -> Iterator[Found]:
        """Yield the artifacts of a run or logged model."""
        if self._wanted:
            start = f"{owner.location}/artifacts/"
            for name in self._artifacts.get(owner.location, ()):
                yield Found(name.removeprefix(start), contextlib.nullcontext(self._folder / name))

    def left_out(self) -> list[str]:
        """Return in words what is there and is not brought."""
        return [] if self._wanted else ["all artifacts (--no-artifacts)"]

    def close(self) -> None:
        """Nothing is open."""


def _row(line: list[str]) -> Row:
    key, timestamp, step, value = line
    if value == "NaN":
        return key, int(timestamp), int(step), 0.0, 1
    number = float(value)
    if number - number != 0.0:
        raise ValueError(f"{value[:40]!r} is no finite number")
    return key, int(timestamp), int(step), number, 0


def _check_all(folder: Path, checksums: dict[str, str]) -> None:
    """Raise BadInput naming every file that is missing, changed, not listed, or no plain file."""
    there, odd = _files(folder)
    faults = [f"{name}: no plain file" for name in odd]
    faults += [f"{name}: missing" for name in sorted(checksums.keys() - there - set(odd))]
    faults += [f"{name}: not listed in {layout.CHECKSUMS}" for name in sorted(there - checksums.keys())]
    both = sorted(checksums.keys() & there)
    with ThreadPoolExecutor(_THREADS, "hashing") as threads:
        for name, (sha256, _) in zip(both, threads.map(lambda one: sha256_of(folder / one), both), strict=True):
            if sha256 != checksums[name]:
                faults.append(f"{name}: changed since it was written")
    if faults:
        raise BadInput(f"{folder} is not as it was exported; nothing was brought. {faults[0]}"
                       + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""),
                       field="FOLDER", value=str(folder), details=faults[:_SHOWN],
                       hint="Copy or export it again; sha256sum -c checksums.txt shows the same.")


def _files(folder: Path) -> tuple[set[str], list[str]]:
    found: set[str] = set()
    odd: list[str] = []
    for root, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            path = Path(root) / name
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found.add(relative)
            elif not stat.S_ISDIR(mode):
                odd.append(relative)
    found.discard(layout.CHECKSUMS)
    return found, odd

