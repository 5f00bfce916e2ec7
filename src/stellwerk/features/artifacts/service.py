"""Naming, finding and removing artifacts of runs and logged models within the teams of the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stellwerk.features import ledger, logged_models, runs
from stellwerk.features.artifacts import repository
from stellwerk.features.artifacts.repository import Artifact, Entry, Position
from stellwerk.features.experiments import READ, WRITE, now_ms
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import SYSTEM, Actor
from stellwerk.kernel.errors import BadInput, Conflict, NotFound
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, Place

SUBJECT = "artifact"
Keeper = Callable[[Statements, str, str], str | None]
"""Tells in words what keeps an artifact (owner, path) from being changed, or None."""
# Filled by the composition root: whoever relies on bytes says so, without this slice knowing them.
KEEPERS: list[Keeper] = []
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Owner:
    """A run or logged model that artifacts belong to, and where they stand as clients see it."""

    id: str
    root: str


def run_of(st: Statements, run_id: str, actor: Actor, *, writes: bool = False) -> Owner:
    """Return a run as an owner; raises NotFound or Forbidden, and Conflict for writing to a deleted one."""
    found = runs.writable_run(st, run_id, actor) if writes else runs.get_run(st, run_id, actor)
    return Owner(found.id, runs.artifact_root(found))


def model_of(st: Statements, model_id: str, actor: Actor, *, writes: bool = False, deleted: bool = False) -> Owner:
    """Return a logged model as an owner; raises NotFound or Forbidden."""
    found = logged_models.get_model(st, model_id, actor, WRITE if writes else READ, deleted=deleted)
    return Owner(found.id, logged_models.artifact_root(found))


def owner_of(st: Statements, place: Place, actor: Actor, *, writes: bool = False) -> Owner:
    """Return whose artifacts a place holds; raises as ``run_of``, and NotFound where it lies in another experiment."""
    owner = (model_of(st, place.owner_id, actor, writes=writes, deleted=not writes) if place.is_model
             else run_of(st, place.owner_id, actor, writes=writes))
    if not owner.root.startswith(f"mlflow-artifacts:/{place.experiment_id}/"):
        raise NotFound(f"{place.owner_id} does not belong to the experiment {place.experiment_id}.", field="path")
    return owner


def get_artifact(st: Statements, owner_id: str, key: ArtifactKey) -> Artifact:
    """Return the artifact of a name; raises BadInput for a folder, NotFound where there is nothing."""
    found = repository.get(st, owner_id, key.text)
    if found is not None:
        return found
    if repository.is_folder(st, owner_id, key.text):
        raise BadInput(f"Artifact path refers to a directory, not a file: '{key.text}'", field="path", value=key.text)
    raise NotFound(f"No such artifact: '{key.text}'", field="path", value=key.text)


def check_free(st: Statements, owner_id: str, key: ArtifactKey) -> None:
    """Raise BadInput where a folder has that name, or a file the name of one of its folders."""
    if repository.is_folder(st, owner_id, key.text):
        raise BadInput(f"Invalid path: '{key.text}' is a folder already, so no file can have that name.", field="path",
                       value=key.text)
    file = repository.first_file(st, owner_id, key.parents())
    if file is not None:
        raise BadInput(f"Invalid path: '{file}' is a file already, so nothing can stand below it.", field="path",
                       value=key.text)


def check_not_kept(st: Statements, owner_id: str, path: str) -> None:
    """Raise Conflict for an artifact on whose bytes something relies, such as a registered version."""
    for keeper in KEEPERS:
        reason = keeper(st, owner_id, path)
        if reason is not None:
            raise Conflict(f"The artifact '{path}' cannot be changed or deleted: {reason}.", field="path", value=path,
                           hint="Log it under another name, or in another run.")


def put_artifact(st: Statements, owner_id: str, path: ArtifactKey, sha256: str, size: int,
                 actor: Actor = SYSTEM) -> None:
    """Let a name of a run or logged model stand for an object that is stored already; that it stood for others is no
    error.

    The caller has checked that the owner may be written to. Raises BadInput where a folder has that name, or a file
    the name of one of its folders, Conflict for one that a registered version relies on.
    """
    known = repository.get(st, owner_id, path.text)
    if known is not None and known.sha256 == sha256:
        return
    if known is None:
        check_free(st, owner_id, path)
    else:
        check_not_kept(st, owner_id, path.text)
    repository.put(st, owner_id, Artifact(path.text, sha256, size, now_ms()))
    subject = f"{owner_id}/{path.text}"
    ledger.record_tracked(st, actor, "artifact.logged" if known is None else "artifact.replaced", SUBJECT, subject,
                          state_of(st, subject))


def artifacts_of(st: Statements, owner_id: str, prefix: ArtifactKey | None = None) -> Iterator[Artifact]:
    """Yield the artifacts of a run or logged model at any depth, by name: all, or those in the folder ``prefix``.

    Read in pieces, so that statements may be used for other queries meanwhile.
    """
    folder = "" if prefix is None else prefix.text
    after = ""
    while found := repository.all_below(st, owner_id, folder, _AT_ONCE, after):
        yield from found
        after = found[-1].path


def open_artifact(installation: Installation, st: Statements, owner_id: str, path: ArtifactKey) -> BinaryIO:
    """Open an artifact for reading; raises as ``get_artifact``."""
    return installation.objects.open(get_artifact(st, owner_id, path).sha256)


def list_folder(st: Statements, owner_id: str, folder: ArtifactKey | None, position: Position | None,
                limit: int) -> tuple[list[Entry], Position | None]:
    """Return files and folders that stand directly in a folder, and where to go on; nothing for the name of a file."""
    return repository.children(st, owner_id, "" if folder is None else folder.text, position, limit)


def delete_some(st: Statements, actor: Actor, owner_id: str, key: ArtifactKey) -> bool:
    """Remove a file, or the next part of what stands in a folder; returns whether more is left."""
    file = repository.get(st, owner_id, key.text)
    found = [file] if file is not None else repository.all_below(st, owner_id, key.text, _AT_ONCE)
    if not found:
        return False
    for one in found:
        check_not_kept(st, owner_id, one.path)
    repository.delete(st, owner_id, [one.path for one in found])
    for one in found:
        ledger.record_tracked(st, actor, "artifact.deleted", SUBJECT, f"{owner_id}/{one.path}", None)
    return len(found) == _AT_ONCE


def state_of(st: Statements, subject_id: str) -> dict[str, object] | None:
    """Return what of an artifact stands on the ledger; its id is owner and path."""
    owner_id, _, path = subject_id.partition("/")
    found = repository.get(st, owner_id, path)
    return None if found is None else {"sha256": found.sha256, "size": found.size, "created_at": found.created_at}


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next subjects in order."""
    owner_id, _, path = after.partition("/")
    return [f"{owner}/{name}" for owner, name in repository.after(st, owner_id, path, limit)]


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=ids_after)
