"""Uploads in parts: begun, filled in any order through signed addresses, and made one file. Called from threads."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path

from stellwerk.features.artifacts import repository, service
from stellwerk.features.artifacts.repository import Upload
from stellwerk.features.experiments import now_ms
from stellwerk.infra.installation import Installation
from stellwerk.infra.key_files import create_once, read_private
from stellwerk.infra.objects import Incoming, sweep_incoming
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Forbidden, NotFound, TooLarge
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, Place
from stellwerk.protocols.mlflow.decoding import invalid

PARTS = 10_000
KEY_FILE = "uploads.key"
# How long an upload may take; its addresses end with it.
KEPT_SECONDS = 24 * 3600
_ID = re.compile(r"[0-9a-f]{32}\Z")
_PART = re.compile(r"(\d{1,5})-([0-9a-f]{64})\Z")
_CHUNK = 1 << 20


def begin_upload(st: Statements, actor: Actor, place: Place, key: ArtifactKey, parts: int) -> Upload:
    """Note a new upload of a file in so many parts."""
    if not 1 <= parts <= PARTS:
        raise invalid("num_parts", parts, f"it is 1 to {PARTS}.")
    owner = service.owner_of(st, place, actor, writes=True)
    service.check_free(st, owner.id, key)
    made = Upload(secrets.token_hex(16), owner.id, key.text, parts, now_ms(), None)
    repository.add_upload(st, made)
    return made


def open_upload(st: Statements, upload_id: str) -> Upload:
    """Return an upload that still takes parts; raises NotFound for one that is unknown, ended or too old."""
    found = repository.upload(st, upload_id) if _ID.match(upload_id) else None
    if found is None or found.sha256 is not None or found.started_at < now_ms() - KEPT_SECONDS * 1000:
        raise _unknown(upload_id)
    return found


def room_for(installation: Installation, upload_id: str, number: int) -> int:
    """Return how large a part may be beside the others that are there; raises TooLarge where nothing is left."""
    others = sum(size for other, _, size in _parts(_folder(installation, upload_id)) if other != number)
    if others >= installation.settings.artifact_bytes:
        raise _too_large(installation)
    return installation.settings.artifact_bytes - others


def begin_part(installation: Installation, upload_id: str) -> Incoming:
    """Return the file for a part that is about to come."""
    return Incoming(_folder(installation, upload_id))


def keep_part(installation: Installation, upload_id: str, number: int, incoming: Incoming) -> str:
    """Keep a part in place of an earlier one of that number, and return its tag; raises as ``open_upload``."""
    folder, tag = _folder(installation, upload_id), incoming.digest
    try:
        incoming.keep_as(folder / f"{number}-{tag}")
        installation.tracking.read(lambda st: open_upload(st, upload_id))
    except FileNotFoundError:
        raise _unknown(upload_id) from None
    except NotFound:
        # It ended while the part came; its folder may be gone, or is one that this part made.
        (folder / f"{number}-{tag}").unlink(missing_ok=True)
        _remove_if_empty(folder)
        raise
    for other, known, _ in _parts(folder):
        if other == number and known != tag:
            (folder / f"{other}-{known}").unlink(missing_ok=True)
    return tag


def complete(installation: Installation, actor: Actor, place: Place, key: ArtifactKey, upload_id: str,
             tags: Mapping[int, str]) -> None:
    """Make one artifact of the parts, in the order of their numbers; doing so again is no error.

    Raises NotFound for another upload, BadInput where parts are missing or are not those that were sent.
    """
    with _alone(installation, actor, place, key, upload_id) as found:
        if found.sha256 is not None:
            return
        sources = _chosen(installation, found, tags)
        size = sum(size for _, _, size in _parts(_folder(installation, upload_id)))
        if size > installation.settings.artifact_bytes:
            raise _too_large(installation)
        digest = installation.objects.put_chunks(_bytes_of(sources))
        size = installation.objects.path(digest).stat().st_size

        def change(st: Statements) -> None:
            _of_caller(st, actor, place, key, upload_id)
            service.put_artifact(st, found.owner_id, key, digest, size, actor)
            repository.complete_upload(st, upload_id, digest)

        installation.tracking.write(change)
        _forget(_folder(installation, upload_id))


def abort(installation: Installation, actor: Actor, place: Place, key: ArtifactKey, upload_id: str) -> None:
    """Give an upload up with all its parts; one that is complete stays."""
    with _alone(installation, actor, place, key, upload_id) as found:
        if found.sha256 is None:
            installation.tracking.write(lambda st: repository.delete_upload(st, upload_id))
            _forget(_folder(installation, upload_id))


def sweep(installation: Installation) -> int:
    """Remove what uploads left that ended without a word or are too old, and return how many things that were."""
    removed = installation.objects.sweep()
    too_old = now_ms() - KEPT_SECONDS * 1000
    for upload_id in installation.tracking.read(lambda st: repository.uploads_before(st, too_old)):
        installation.tracking.write(partial(repository.delete_upload, upload_id=upload_id))
    root = _root(installation)
    for folder in root.iterdir() if root.is_dir() else ():
        removed += sweep_incoming(folder)
        if installation.tracking.read(partial(repository.upload, upload_id=folder.name)) is None:
            _forget(folder)
            removed += 1
    return removed


# Addresses of parts


def part_query(installation: Installation, upload: Upload, number: int) -> str:
    """Return the query of a part's address: when it ends, and the signature that stands for the caller."""
    expires = upload.started_at // 1000 + KEPT_SECONDS
    return f"expires={expires}&signature={_signature(installation.home.keys_dir, upload.id, number, expires)}"


def check_part_query(installation: Installation, upload_id: str, number: int, expires: int, signature: str) -> None:
    """Raise Forbidden for an address that this installation did not make, or that has ended."""
    made = _signature(installation.home.keys_dir, upload_id, number, expires)
    if not hmac.compare_digest(made.encode(), signature.encode()) or expires < time.time():
        raise Forbidden("The address of this part is not valid, or no longer.", field="signature",
                        hint="Begin the upload again.")


def _signature(keys_dir: Path, upload_id: str, number: int, expires: int) -> str:
    return hmac.new(_key(keys_dir), f"part/{upload_id}/{number}/{expires}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def _key(keys_dir: Path) -> bytes:
    if not (keys_dir / KEY_FILE).exists():
        create_once(keys_dir, KEY_FILE, os.urandom(32))
    return read_private(keys_dir, KEY_FILE)


# Files


def _root(installation: Installation) -> Path:
    return installation.home.work / "uploads"


def _folder(installation: Installation, upload_id: str) -> Path:
    if not _ID.match(upload_id):
        raise _unknown(upload_id)
    return _root(installation) / upload_id


@contextlib.contextmanager
def _alone(installation: Installation, actor: Actor, place: Place, key: ArtifactKey,
           upload_id: str) -> Iterator[Upload]:
    """Yield the upload, held against others that complete or abort it, in this process or another."""
    def look(st: Statements) -> Upload:
        return _of_caller(st, actor, place, key, upload_id)

    installation.tracking.read(look)
    folder = _folder(installation, upload_id)
    handle = _opened(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Whoever held it has changed the row before the folder went.
        yield installation.tracking.read(look)
    finally:
        os.close(handle)
        _remove_if_empty(folder)


def _opened(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # Another may remove it between the two.
        with contextlib.suppress(FileNotFoundError):
            return os.open(folder, os.O_RDONLY)


def _parts(folder: Path) -> Iterator[tuple[int, str, int]]:
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            found = _PART.match(entry.name)
            if found:
                with contextlib.suppress(FileNotFoundError):
                    yield int(found.group(1)), found.group(2), entry.stat().st_size


def _chosen(installation: Installation, upload: Upload, tags: Mapping[int, str]) -> list[Path]:
    if sorted(tags) != list(range(1, upload.parts + 1)):
        raise BadInput(f"The upload has the parts 1 to {upload.parts}; others were named.", field="parts",
                       value=sorted(tags)[:20], allowed=f"each of 1 to {upload.parts} once")
    folder = _folder(installation, upload.id)
    known = {number: tag for number, tag, _ in _parts(folder)}
    for number, tag in tags.items():
        if known.get(number) is None or tag.strip('"') not in ("", known[number]):
            raise BadInput(f"Part {number} was not sent, or has another tag.", field=f"parts[{number - 1}].etag",
                           value=tag[:80], allowed=known.get(number), hint="Send this part again.")
    return [folder / f"{number}-{known[number]}" for number in range(1, upload.parts + 1)]


def _bytes_of(sources: list[Path]) -> Iterator[bytes]:
    for source in sources:
        try:
            stream = source.open("rb")
        except FileNotFoundError:
            raise BadInput("A part was sent again while the upload was completed.", field="parts",
                           hint="Complete it once all parts are there.") from None
        with stream:
            while piece := stream.read(_CHUNK):
                yield piece


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _of_caller(st: Statements, actor: Actor, place: Place, key: ArtifactKey, upload_id: str) -> Upload:
    owner = service.owner_of(st, place, actor, writes=True)
    found = repository.upload(st, upload_id) if _ID.match(upload_id) else None
    if found is None or (found.owner_id, found.path) != (owner.id, key.text):
        raise _unknown(upload_id)
    return found


def _unknown(upload_id: str) -> NotFound:
    return NotFound("There is no such upload; it may have ended or be too old.", field="upload_id",
                    value=upload_id[:100], hint="Begin the upload again.")


def _too_large(installation: Installation) -> TooLarge:
    limit = installation.settings.artifact_bytes
    return TooLarge(f"The artifact exceeds {limit} bytes.", field="parts", allowed=f"{limit} bytes",
                    hint="The setting 'artifact_bytes' holds the limit.")
