"""Giving out bytes of any size so that no browser runs them here: whole, one range of them, or not changed."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from anyio import to_thread

from stellwerk.features.artifacts import service
from stellwerk.features.artifacts.repository import Artifact
from stellwerk.features.artifacts.service import Owner
from stellwerk.infra.http.raw import Answer, Call
from stellwerk.infra.http.raw.answering import Disconnected
from stellwerk.infra.tracking_database import Statements
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey

_CHUNK = 1 << 20
_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})\s*-\s*(\d{0,18})|-\s*(\d{1,18}))\s*\Z", re.IGNORECASE)
_TEXT = frozenset({"txt", "log", "err", "cfg", "conf", "cnf", "ini", "properties", "toml", "yaml", "yml", "json",
                   "jsonl", "py", "r", "sql", "csv", "tsv", "md", "rst", "ipynb", "mlmodel", "mlproject", "patch",
                   "lock"})
_OTHER = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
          "bmp": "image/bmp", "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip",
          "mp4": "video/mp4", "wav": "audio/wav", "mp3": "audio/mpeg"}
_HEADERS = (
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    # Kept by the caller alone, and asked for again each time: a name may stand for other bytes tomorrow.
    (b"cache-control", b"private, no-cache"),
    (b"accept-ranges", b"bytes"),
)


def media_type(name: str) -> str:
    """Return the type of a file by its name: text, a few kinds of images and the like, else plain bytes."""
    extension = name.rpartition(".")[2].lower()
    if extension in _TEXT:
        return "text/plain; charset=utf-8"
    return _OTHER.get(extension, "application/octet-stream")


def disposition(name: str) -> str:
    """Return the header that makes a browser save a file under its name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    quoted = re.sub(r'["\\\x00-\x1f\x7f]', "_", plain) or "download"
    simple = f'attachment; filename="{quoted}"' if not re.fullmatch(r"[\w.\-]+", quoted, re.ASCII) else (
        f"attachment; filename={quoted}")
    return simple if quoted == name else f"{simple}; filename*=UTF-8''{quote(name, safe='')}"


async def answer_artifact(call: Call, owner_of: Callable[[Statements], Owner], path: str) -> Answer:
    """Return the answer that carries a file of an owner, which ``owner_of`` finds and checks; raises as it does.

    Raises BadInput for a path that is no key or names a folder, NotFound where there is nothing.
    """
    key = ArtifactKey.parse(path)
    found = await call.tracking.look_up(lambda st: service.get_artifact(st, owner_of(st).id, key))
    return await answer_file(call, found)


async def answer_file(call: Call, found: Artifact) -> Answer:
    """Return the answer that carries an artifact, as the caller's headers ask for it."""
    tag = f'"{found.sha256}"'
    name = ArtifactKey(found.path).name
    headers = [*_HEADERS, (b"etag", tag.encode()), (b"content-disposition", disposition(name).encode())]
    kind = media_type(name).encode()
    if _names(call.header(b"if-none-match"), tag):
        return Answer(status=304, media_type=kind, headers=headers, chunks=_nothing())
    start, length, status = 0, found.size, 200
    wanted = _range(call, tag, found.size)
    if wanted is not None:
        start, length = wanted
        status = 206
        if not length:
            return _unsatisfiable(found.size)
        headers.append((b"content-range", f"bytes {start}-{start + length - 1}/{found.size}".encode()))
    source = call.installation.objects.path(found.sha256)
    if length <= _CHUNK and call.scope["method"] != "HEAD":
        return Answer(await to_thread.run_sync(_read, source, start, length), status, kind, headers)
    headers.append((b"content-length", str(length).encode()))
    return Answer(status=status, media_type=kind, headers=headers, chunks=_pieces(call, source, start, length))


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header.split(","))


def _range(call: Call, tag: str, size: int) -> tuple[int, int] | None:
    # One range only: several are answered with the whole file, as the standard allows.
    found = _RANGE.match(call.header(b"range").strip())
    condition = call.header(b"if-range").strip()
    if found is None or condition not in ("", tag) or call.scope["method"] == "HEAD":
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return size - length, length
    if last and int(last) < int(first):
        return None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return start, max(end - start + 1, 0)


def _unsatisfiable(size: int) -> Answer:
    body = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "The range begins behind the end of the file."}'
    return Answer(body, status=416, headers=[(b"content-range", f"bytes */{size}".encode())])


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def _pieces(call: Call, source: Path, start: int, length: int) -> AsyncIterator[bytes]:
    stream = await to_thread.run_sync(_open_at, source, start)
    gone = asyncio.ensure_future(_caller_gone(call))
    try:
        left = length
        while left:
            piece = await to_thread.run_sync(stream.read, min(_CHUNK, left))
            if not piece:
                raise OSError("an object is shorter than its row says")
            # Whoever is gone takes no more; reading on would only cost.
            if gone.done():
                raise Disconnected("The caller went away.")
            left -= len(piece)
            yield piece
    finally:
        gone.cancel()
        stream.close()


def _read(source: Path, start: int, length: int) -> bytes:
    with _open_at(source, start) as stream:
        return stream.read(length)


def _open_at(source: Path, start: int) -> BinaryIO:
    stream = source.open("rb", buffering=0)
    stream.seek(start)
    return stream


async def _caller_gone(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        continue
