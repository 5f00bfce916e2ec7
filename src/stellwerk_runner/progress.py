"""Progress lines for the platform, apart from what users' code prints."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any


class Progress:
    """Appends one JSON line per event to a file: ``{"at": unix seconds, "message": text, "data": {…}}``."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("a", encoding="utf-8")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 frames: TracebackType | None) -> None:
        self._stream.close()

    def say(self, message: str, **data: Any) -> None:
        """Write one event; it is visible to the parent at once."""
        self._stream.write(json.dumps({"at": round(time.time(), 3), "message": message, "data": data}) + "\n")
        self._stream.flush()
