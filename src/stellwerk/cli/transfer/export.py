"""Writing a folder that holds what a source offers: complete, checkable with ``sha256sum``, or not there at all."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stellwerk.cli.transfer import layout
from stellwerk.cli.transfer.checks import Refused
from stellwerk.cli.transfer.files import named
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.source import FoundRun, Owner, Row, Source
from stellwerk.kernel.errors import AlreadyExists, BadInput
from stellwerk.protocols.transfer import digests, wire

_PIECE = 1 << 20


class Writer:
    """Writes files below a folder and remembers their hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checksums: dict[str, str] = {}

    def write(self, name: str, pieces: Iterable[bytes]) -> int:
        """Write a file and return its size; raises BadInput where a folder stands in its place."""
        path = self.folder / layout.check_relative(name)
        hasher, size = hashlib.sha256(), 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                for piece in pieces:
                    hasher.update(piece)
                    stream.write(piece)
                    size += len(piece)
        except (FileExistsError, NotADirectoryError):
            raise BadInput(f"Two things want the place {name!r} in the export.", field="path", value=name) from None
        self.checksums[name] = hasher.hexdigest()
        return size

    def finish(self) -> None:
        """Write the checksums."""
        text = "".join(layout.line(sha256, name) for name, sha256 in sorted(self.checksums.items()))
        (self.folder / layout.CHECKSUMS).write_text(text, encoding="utf-8")


class Exporter:
    """Writes one export."""

    def __init__(self, source: Source, meter: Meter) -> None:
        self._source = source
        self._meter = meter
        self.refused: list[Refused] = []
        self.counts: dict[str, int] = {}
        self._lines: dict[str, list[tuple[str, Any]]] = {}

    def export(self, folder: Path, kind: str, name: str, origin: str) -> layout.Manifest:
        """Write the folder; raises AlreadyExists where something is there, BadInput where it cannot hold a thing."""
        if folder.exists():
            raise AlreadyExists(f"{folder} is there already.", field="--to", value=str(folder),
                                hint="Name a folder that does not exist yet.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            manifest = self._write(Writer(work), kind, name, origin)
            work.chmod(0o755)
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return manifest

    def _write(self, writer: Writer, kind: str, name: str, origin: str) -> layout.Manifest:
        self._meter.stage("exporting", {"runs": self._source.totals().runs})
        for experiment in self._source.experiments():
            writer.write(f"experiments/{experiment.source_id}.json", [layout.pretty(experiment)])
            self._note("experiments", experiment.source_id, digests.of_experiment(experiment))
        for page in self._source.runs():
            for found in page:
                self._run(writer, found)
        for models in self._source.logged_models():
            for model in models:
                writer.write(f"logged-models/{model.model.id}/model.json", [layout.pretty(model.model)])
                self._note("logged models", model.model.id, digests.of_logged_model(model.model))
                self._files(writer, f"logged-models/{model.model.id}", model.owner)
        for number, registered in enumerate(self._source.registered_models(), 1):
            whole = layout.Registered(model=registered.model, versions=registered.versions, aliases=registered.aliases)
            writer.write(f"registered-models/{number}.json", [layout.pretty(whole)])
            self._note("registered models", registered.model.name, digests.of_registered_model(
                registered.model, registered.versions, registered.aliases))
            self._count("versions", len(registered.versions))
        manifest = layout.Manifest(
            format=layout.FORMAT, version=layout.VERSION, kind=kind, name=name, source=origin,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"), counts=self.counts,
            digests={what: digests.of_unsortable(lines) for what, lines in self._lines.items()})
        writer.write(layout.MANIFEST, [layout.pretty(manifest)])
        writer.finish()
        self._meter.end_stage()
        return manifest

    def _note(self, what: str, name: str, content: dict[str, digests.Digest]) -> None:
        self._count(what, 1)
        self._lines.setdefault(what, []).append((name, content))

    def _count(self, what: str, count: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + count

    def _run(self, writer: Writer, found: FoundRun) -> None:
        run = found.run
        writer.write(f"runs/{run.id}/run.json", [layout.pretty(run)])
        points = digests.LineDigest()
        writer.write(f"runs/{run.id}/metrics.csv", self._metrics(run, points))
        self._note("runs", run.id, {**digests.of_run(run), "metrics": points.result()})
        self._count("metric points", points.count)
        self._files(writer, f"runs/{run.id}", found.owner)
        self._meter.add("runs", 1)

    def _metrics(self, run: wire.Run, digest: digests.LineDigest) -> Iterator[bytes]:
        yield _csv([layout.METRICS_HEAD])
        for rows in self._source.points(run):
            digest.add(rows)
            self._meter.add("points", len(rows))
            yield _csv(_line(row) for row in rows)

    def _files(self, writer: Writer, folder: str, owner: Owner) -> None:
        for name, found in named(owner, self._source.artifacts(owner), self.refused):
            with found.content as path, path.open("rb") as stream:
                size = writer.write(f"{folder}/artifacts/{name}", iter(lambda: stream.read(_PIECE), b""))
            self._count("artifacts", 1)
            self._count("bytes of artifacts", size)
            self._meter.add("artifacts", 1)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _line(row: Row) -> tuple[str, int, int, float | str]:
    key, timestamp, step, value, is_nan = row
    return key, timestamp, step, "NaN" if is_nan else value
