"""Bringing artifacts: hashed here, sent only where their content is not there yet, named afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from stellwerk.cli.transfer.checks import Refused
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.source import Found, Owner, Source
from stellwerk.cli.transfer.target import Target
from stellwerk.client.http import ApiError
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
    """Yield artifacts with their names, checked; what has a name that may not be, or cannot be listed, is refused."""
    seen: set[str] = set()
    for one in _listed(owner, found, refused):
        what = f"artifact {one.path[:200]!r} of {owner.id}"
        try:
            key = ArtifactKey.parse(one.path)
        except BadInput as error:
            refused.append(Refused(what, error.message))
            continue
        if key.text in seen:
            refused.append(Refused(what, "two have the same name"))
            continue
        seen.add(key.text)
        yield key.text, one


def _listed(owner: Owner, found: Iterable[Found], refused: list[Refused]) -> Iterator[Found]:
    try:
        yield from found
    except (BadInput, ApiError) as error:
        refused.append(Refused(f"artifacts of {owner.id}", error.message))


def hashed(stack: ExitStack, what: str, found: Found, refused: list[Refused]) -> tuple[Path, str, int] | None:
    """Return a file with its hash and size, kept until the stack ends, or None where the source cannot give it."""
    try:
        path = stack.enter_context(found.content)
        return path, *sha256_of(path)
    except (ApiError, OSError) as error:
        refused.append(Refused(what, error.message if isinstance(error, ApiError) else str(error.strerror)))
        return None


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
                files = list(threads.map(partial(self._one, owner, refused), parts))
                if kept := [file for file in files if file is not None]:
                    yield owner.id, kept

    def _one(self, owner: Owner, refused: list[Refused], part: tuple[str, Found]) -> wire.File | None:
        name, found = part
        with ExitStack() as stack:
            read = hashed(stack, f"artifact {name!r} of {owner.id}", found, refused)
            if read is None:
                return None
            path, sha256, size = read
            self._target.put_object(sha256, path)
        self._meter.add("artifacts", 1)
        return wire.File(path=name, sha256=sha256, size=size)
