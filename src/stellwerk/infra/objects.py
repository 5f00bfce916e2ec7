"""Content-addressed storage of bytes: the name of an object is the SHA-256 of its content."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from stellwerk.kernel.errors import BadInput, NotFound, Unavailable

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK = 1 << 20
_INCOMING = ".incoming-"


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Turn the errors of a full disk into Unavailable, which says that nothing was changed."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise Unavailable("The disk is full; nothing was stored and nothing was changed.", retry_after=30,
                          hint="Free space on the volume of the home folder, then try again.") from error


class Incoming:
    """Bytes under way: a temporary file, locked while it is written so that a sweep knows who is gone.

    May be used by several threads, by one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._hasher = hashlib.sha256()
        with full_disk():
            folder.mkdir(parents=True, exist_ok=True)
            self._path, self._stream = _locked_file(folder)

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written so far."""
        return self._hasher.hexdigest()

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes; raises Unavailable when the disk is full."""
        self._hasher.update(data)
        with full_disk():
            self._stream.write(data)
        self.size += len(data)

    def keep_as(self, target: Path) -> None:
        """Move the file to where it stays; durable when this returns. Raises Unavailable when the disk is full."""
        with full_disk():
            self._stream.flush()
            os.fsync(self._stream.fileno())
            os.fchmod(self._stream.fileno(), 0o444)
            os.replace(self._path, target)
            _sync_folder(target.parent)
        self._stream.close()

    def discard(self) -> None:
        """Remove the file; does nothing once it is kept."""
        if not self._stream.closed:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._stream.close()


class ObjectStore:
    """Immutable objects in a local folder, two levels deep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Return where the object lies; raises BadInput for text that is no SHA-256."""
        if not _HEX.match(digest):
            raise BadInput("An object is named by 64 lower-case hexadecimal digits.", field="sha256", value=digest[:80],
                           allowed="64 digits of 0-9a-f")
        return self.folder / digest[:2] / digest[2:]

    def has(self, digest: str) -> bool:
        """Tell whether the object is stored."""
        return self.path(digest).is_file()

    def put_bytes(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        return self.put_chunks((data,))

    def put_file(self, source: Path) -> str:
        """Store a copy of a file and return its digest."""
        with source.open("rb") as stream:
            return self.put_chunks(iter(lambda: stream.read(_CHUNK), b""))

    def put_chunks(self, chunks: Iterable[bytes], *, expected: str | None = None) -> str:
        """Store a stream of bytes and return its digest; durable when this returns.

        Raises BadInput when ``expected`` differs, Unavailable when the disk is full; nothing stays then.
        """
        incoming = self.incoming()
        try:
            with full_disk():
                for chunk in chunks:
                    incoming.write(chunk)
            return self.keep(incoming, expected=expected)
        finally:
            incoming.discard()

    def incoming(self) -> Incoming:
        """Return a file for bytes that come piece by piece; then ``keep`` or discard it."""
        return Incoming(self.folder)

    def keep(self, incoming: Incoming, *, expected: str | None = None) -> str:
        """Make an object of what came and return its digest; raises as ``put_chunks``."""
        digest = incoming.digest
        if expected is not None and expected != digest:
            raise BadInput("The bytes do not have the digest that they were announced with.", field="sha256",
                           value=expected, allowed=digest, hint="Send the file again.")
        target = self.path(digest)
        with full_disk():
            target.parent.mkdir(exist_ok=True)
        incoming.keep_as(target)
        return digest

    def sweep(self) -> int:
        """Remove what writers that are gone left behind, and return how many files that were."""
        return sweep_incoming(self.folder)

    def open(self, digest: str) -> BinaryIO:
        """Open an object for reading; raises NotFound when it is not stored."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise NotFound("There is no object with this digest.", field="sha256", value=digest,
                           hint="Upload it first.") from None

    def read(self, digest: str) -> bytes:
        """Return the bytes of an object; raises NotFound when it is not stored."""
        with self.open(digest) as stream:
            return stream.read()


def sweep_incoming(folder: Path) -> int:
    """Remove files that are no longer written by anyone from a folder, and return how many that were."""
    return sum(map(_removed_if_abandoned, folder.glob(f"{_INCOMING}*")))


def _locked_file(folder: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = folder / f"{_INCOMING}{secrets.token_hex(12)}"
        stream = path.open("xb")
        fcntl.flock(stream, fcntl.LOCK_EX)
        # A sweep may have come between making and locking it.
        if os.fstat(stream.fileno()).st_nlink:
            return path, stream
        stream.close()


def _removed_if_abandoned(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
