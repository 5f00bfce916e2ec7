"""Bringing artifacts: hashed here, sent only where their content is not there yet, named afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stellwerk.cli.transfer.checks import Refused
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.source import Found, Owner, Source
from stellwerk.cli.transfer.target import Target
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey
from stellwerk.protocols.transfer import wire

_PIECE = 1 << 20
_THREADS = 4


def sha256_of(path: Path) -> tuple[str, int]:
    """Return the hash of a file's content and its size."""
    hasher, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            hasher.update(piece)
            size += len(piece)
    return hasher.hexdigest(), size


def named(owner: Owner, found: Iterable[Found], refused: list[Refused]) -> Iterator[tuple[str, Found]]:
    """Yield artifacts with their names, checked; what has a name that may not be is refused."""
    seen: set[str] = set()
    for one in found:
        try:
            key = ArtifactKey.parse(one.path)
        except BadInput as error:
            refused.append(Refused(f"artifact {one.path[:200]!r} of {owner.id}", error.message))
            continue
        if key.text in seen:
            refused.append(Refused(f"artifact {one.path[:200]!r} of {owner.id}", "two have the same name"))
            continue
        seen.add(key.text)
        yield key.text, one


class FileBringer:
    """Brings the artifacts of owners."""

    def __init__(self, source: Source, target: Target, meter: Meter) -> None:
        self._source = source
        self._target = target
        self._meter = meter

    def bring(self, owners: Iterable[Owner], refused: list[Refused]) -> Iterator[tuple[str, list[wire.File]]]:
        """Bring the bytes of all artifacts of owners; yields which names they have, owner by owner."""
        with ThreadPoolExecutor(_THREADS, "files") as threads:
            for owner in owners:
                parts = named(owner, self._source.artifacts(owner), refused)
                files = list(threads.map(self._one, parts))
                if files:
                    yield owner.id, files

    def _one(self, part: tuple[str, Found]) -> wire.File:
        name, found = part
        with found.content as path:
            sha256, size = sha256_of(path)
            self._target.put_object(sha256, path)
        self._meter.add("artifacts", 1)
        return wire.File(path=name, sha256=sha256, size=size)
