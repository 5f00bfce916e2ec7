"""Content-addressed storage of bytes: the name of an object is the SHA-256 of its content."""

from __future__ import annotations

import contextlib
import errno
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
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".incoming-{os.getpid()}-{secrets.token_hex(8)}"
        hasher = hashlib.sha256()
        try:
            with full_disk():
                with temporary.open("xb") as stream:
                    for chunk in chunks:
                        hasher.update(chunk)
                        stream.write(chunk)
                    stream.flush()
                    os.fsync(stream.fileno())
                digest = hasher.hexdigest()
                if expected is not None and expected != digest:
                    raise BadInput("The bytes do not have the digest that they were announced with.", field="sha256",
                                   value=expected, allowed=digest, hint="Send the file again.")
                target = self.path(digest)
                target.parent.mkdir(exist_ok=True)
                os.chmod(temporary, 0o444)
                os.replace(temporary, target)
                _sync_folder(target.parent)
                return digest
        finally:
            temporary.unlink(missing_ok=True)

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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
