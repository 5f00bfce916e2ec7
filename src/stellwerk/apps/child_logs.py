"""What child processes write: JSON lines into rotated files, warnings to the terminal as well."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FILE_BYTES = 10 << 20
_KEEP = 5
_LINE_BYTES = 64 << 10
_LOUD = frozenset({"warning", "error", "critical"})


class RotatingFile:
    """A log file that is renamed to ``.1`` when it is full; at most ``keep`` old ones stay."""

    def __init__(self, path: Path, *, limit: int = _FILE_BYTES, keep: int = _KEEP) -> None:
        self._path = path
        self._limit = limit
        self._keep = keep
        self._file = path.open("ab", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size

    def write(self, line: bytes) -> None:
        """Append one line. A full disk loses the line, never the process."""
        try:
            if self._size and self._size + len(line) + 1 > self._limit:
                self._rotate()
            self._size += self._file.write(line + b"\n")
        except OSError:
            return

    def _rotate(self) -> None:
        for number in range(self._keep - 1, 0, -1):
            old = self._path.with_name(f"{self._path.name}.{number}")
            if old.exists():
                old.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
        self._size = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def to_terminal(text: str) -> None:
    """Print a warning to standard error."""
    print(text, file=sys.stderr, flush=True)


class ChildLog:
    """Takes the output of one child in pieces and keeps its last line for the report of its death."""

    def __init__(self, name: str, path: Path, show: Callable[[str], None] = to_terminal) -> None:
        self._name = name
        self._file = RotatingFile(path)
        self._show = show
        self._rest = b""
        self.last = ""

    def feed(self, data: bytes) -> None:
        """Take a piece of output; complete lines are written."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._take(line)
        if len(self._rest) > _LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is left without an end of line."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text:
            return
        entry = _parse(text)
        if entry is None:
            self.last = text
            entry = {"at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
                     "level": "output", "process": self._name, "message": text}
            line = json.dumps(entry).encode()
        elif entry.get("level") in _LOUD:
            self.last = str(entry.get("message", ""))
            self._show(f"{self._name}: {_printable(self.last)}")
        self._file.write(line)

    def close(self) -> None:
        """Write what is left and close the file."""
        self.flush()
        self._file.close()


def _parse(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:500]
