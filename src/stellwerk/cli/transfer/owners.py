"""Whose artifacts a location means: told by its end, which MLflow always builds the same way."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_RUN = re.compile(r"(?:^|/)([0-9a-f]{32})/artifacts(?:/(.*))?\Z", re.DOTALL)
_MODEL = re.compile(r"(?:^|/)models/(m-[0-9a-f]{32})/artifacts(?:/(.*))?\Z", re.DOTALL)
_RUNS_URI = re.compile(r"runs:/+([0-9a-f]{32})(?:/(.*))?\Z", re.DOTALL)
_MODEL_URI = re.compile(r"models:/+(m-[0-9a-f]{32})(?:/(.*))?\Z", re.DOTALL)


class VersionPlace(NamedTuple):
    """The run or logged model whose artifacts a version consists of, and the folder among them ("" for all)."""

    owner_id: str | None
    path: str | None

    @property
    def model_id(self) -> str | None:
        """The logged model, where it is one."""
        return self.owner_id if self.owner_id is not None and self.owner_id.startswith("m-") else None


def version_place(*locations: str) -> VersionPlace | None:
    """Return what the first location that says so means, or None where none does."""
    for location in locations:
        for pattern in (_RUNS_URI, _MODEL_URI):
            found = pattern.match(location)
            if found:
                return VersionPlace(found.group(1), (found.group(2) or "").strip("/"))
        path = unquote(urlsplit(location).path) if "://" in location or location.startswith("file:") else location
        for pattern in (_MODEL, _RUN):
            found = pattern.search(path)
            if found:
                return VersionPlace(found.group(1), (found.group(2) or "").strip("/"))
    return None
