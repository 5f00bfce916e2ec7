"""Artifacts that come: named once their bytes are stored, and hashed anew for the proof."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from stellwerk.features import artifacts
from stellwerk.features.transfer import service
from stellwerk.infra.objects import ObjectStore
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.transfer import wire

_PIECE = 1 << 20
Line = tuple[str, str, int]
"""Path, SHA-256 and size of one artifact."""


def sizes_of(objects: ObjectStore, body: wire.Files) -> dict[str, int]:
    """Return the sizes of the contents that are to be named; raises NotFound for one that is not stored."""
    found = {}
    for file in body.files:
        path = objects.path(file.sha256)
        if not path.is_file():
            raise NotFound("There is no object with this digest.", field="sha256", value=file.sha256,
                           hint="Upload it first.")
        found[file.sha256] = path.stat().st_size
    return found


def bring_files(st: Statements, actor: Actor, body: wire.Files, sizes: dict[str, int]) -> None:
    """Let names of a run or logged model that came from there stand for stored contents.

    Raises BadInput for a name that may not be, NotFound for an owner that did not come from there.
    """
    service.check_owner(st, body.transfer, body.owner_id)
    for file in body.files:
        artifacts.put_artifact(st, body.owner_id, artifacts.ArtifactKey.parse(file.path), file.sha256,
                               sizes[file.sha256], actor)


def hashed(st: Statements, objects: ObjectStore, owner_ids: Sequence[str]) -> dict[str, list[Line]]:
    """Return the artifacts of owners, each with the hash of the bytes that are stored now."""
    known: dict[str, tuple[str, int]] = {}
    found: dict[str, list[Line]] = {}
    for owner_id in owner_ids:
        lines = []
        for artifact in artifacts.artifacts_of(st, owner_id):
            if artifact.sha256 not in known:
                known[artifact.sha256] = _hash(objects, artifact.sha256)
            lines.append((artifact.path, *known[artifact.sha256]))
        found[owner_id] = lines
    return found


def _hash(objects: ObjectStore, sha256: str) -> tuple[str, int]:
    hasher, size = hashlib.sha256(), 0
    try:
        with objects.open(sha256) as stream:
            while piece := stream.read(_PIECE):
                hasher.update(piece)
                size += len(piece)
    except NotFound:
        return "bytes lost", 0
    return hasher.hexdigest(), size
