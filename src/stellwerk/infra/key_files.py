"""Files that hold keys: written once, whole or not at all, and readable by their owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stellwerk.kernel.errors import Conflict


def create_once(folder: Path, name: str, content: bytes) -> None:
    """Write a key file unless it exists; of several processes that do so at once, one wins."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = _written(folder, name, content, 0o600)
    try:
        # A link, unlike a rename, never replaces a key that another process has just made.
        os.link(temporary, folder / name)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    _sync(folder)


def replace(folder: Path, name: str, content: bytes) -> None:
    """Write a file that everyone may read, in place of the one that was there."""
    os.replace(_written(folder, name, content, 0o644), folder / name)
    _sync(folder)


def read_private(folder: Path, name: str) -> bytes:
    """Return the content of a key file; raises Conflict when others than its owner may read it."""
    file = folder / name
    if file.stat().st_mode & 0o077:
        raise Conflict(f"{name} can be read by others than its owner.", field="keys", allowed="mode 0600",
                       hint=f"Run: chmod 600 on {name} in the keys folder of the home, then start again.")
    return file.read_bytes()


def _written(folder: Path, name: str, content: bytes, mode: int) -> Path:
    temporary = folder / f".{name}-{secrets.token_hex(8)}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return temporary


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
