"""Looking at artifacts without running them: text, tables, JSON and a few kinds of images, by what the bytes are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from stellwerk.features import artifacts

TEXT_BYTES = 256 << 10
IMAGE_BYTES = 32 << 20
_ROWS = 200
_COLUMNS = 60
_CELL = 200
_TABLES = {"csv": ",", "tsv": "\t"}
_IMAGES = frozenset({"png", "jpg", "jpeg", "gif", "webp"})


@dataclass
class Folder:
    """A folder of artifacts: folders and files in it, by name."""

    name: str
    path: str
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[artifacts.Artifact] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many files stand below."""
        return len(self.files) + sum(folder.count for folder in self.folders.values())

    @property
    def size(self) -> int:
        """How many bytes stand below."""
        return sum(file.size for file in self.files) + sum(folder.size for folder in self.folders.values())


def folders(found: Sequence[artifacts.Artifact]) -> Folder:
    """Return artifacts as a tree."""
    root = Folder("", "")
    for artifact in found:
        place = root
        *above, _ = artifact.path.split("/")
        for name in above:
            path = f"{place.path}/{name}" if place.path else name
            place = place.folders.setdefault(name, Folder(name, path))
        place.files.append(artifact)
    return root


@dataclass(frozen=True)
class Preview:
    """What is shown of an artifact: ``kind`` is image, table, text or nothing; ``cut`` says that there is more."""

    kind: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    cut: bool = False
    why: str = ""


def image_type(start: bytes) -> str | None:
    """Return the type of an image that browsers draw without running anything, by its first bytes."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return None


def preview(artifact: artifacts.Artifact, stream: BinaryIO) -> Preview:
    """Return what can be shown of an artifact whose bytes the stream gives."""
    start = stream.read(TEXT_BYTES + 1)
    extension = artifact.path.rpartition(".")[2].lower()
    if extension in _IMAGES or image_type(start):
        if image_type(start) is None:
            return Preview("nothing", why="Its name says image, its bytes do not.")
        if artifact.size > IMAGE_BYTES:
            return Preview("nothing", why="The image is too large to be shown here.")
        return Preview("image")
    if not start:
        return Preview("nothing", why="The file is empty.")
    cut = len(start) > TEXT_BYTES
    text = _text(start[:TEXT_BYTES], cut)
    if text is None:
        return Preview("nothing", why="It is not text, and nothing here opens it: download it to look at it.")
    if extension in _TABLES:
        return _csv(text, _TABLES[extension], cut) or Preview("text", text, cut=cut)
    if extension == "json" and not cut:
        return _json(text)
    return Preview("text", text, cut=cut)


def _text(data: bytes, cut: bool) -> str | None:
    """Return bytes as text, None where they are none; a character that the cut broke is left out."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if cut and error.start >= len(data) - 3:
            return data[:error.start].decode("utf-8-sig")
        return None


def _csv(text: str, separator: str, cut: bool) -> Preview | None:
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        rows = [row for row, _ in zip(lines, range(_ROWS + 2), strict=False) if row]
    except csv.Error:
        return None
    if not rows:
        return None
    return _table(rows[0], rows[1:], cut)


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]], cut: bool) -> Preview:
    wide = max((len(row) for row in (head, *rows)), default=0)
    columns = min(wide, _COLUMNS)
    cells = [[_cell(row[place]) if place < len(row) else "" for place in range(columns)] for row in rows[:_ROWS]]
    names = [_cell(head[place]) if place < len(head) else "" for place in range(columns)]
    return Preview("table", head=names, rows=cells, cut=cut or len(rows) > _ROWS or wide > _COLUMNS)


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"


def _is_table(content: Any) -> bool:
    """Tell whether JSON has the form of the tables that clients log."""
    if not isinstance(content, dict) or set(content) != {"columns", "data"}:
        return False
    head, rows = content["columns"], content["data"]
    return isinstance(head, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows)


def _json(text: str) -> Preview:
    try:
        content = json.loads(text)
        if _is_table(content):
            return _table(content["columns"], content["data"], False)
        return Preview("text", json.dumps(content, indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return Preview("text", text)
