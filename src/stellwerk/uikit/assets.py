"""Static files of our own, read once: their address holds a hash of all of them, so browsers may keep them."""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
VEGA = "vendor/vega.js"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """One static file."""

    data: bytes
    media_type: str

    @functools.cached_property
    def packed(self) -> bytes:
        """The content in gzip, made at the first request for it."""
        return gzip.compress(self.data, compresslevel=6, mtime=0)


@dataclass(frozen=True)
class Assets:
    """All static files and the hash that stands in their address."""

    files: Mapping[str, Asset]
    version: str

    def url(self, name: str) -> str:
        """Return the address of a file; raises KeyError for one that is not there."""
        if name not in self.files:
            raise KeyError(f"there is no static file {name!r}")
        return f"/static/{self.version}/{name}"

    @property
    def vega_url(self) -> str | None:
        """The address of the Vega bundle, or None before set-up made it."""
        return self.url(VEGA) if VEGA in self.files else None


def load_assets(*folders: Path) -> Assets:
    """Read the static files of folders; a later folder's file of the same name is refused with ValueError."""
    files: dict[str, Asset] = {}
    digest = hashlib.sha256()
    for folder in folders or (FOLDER,):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name.startswith("."):
                continue
            name = path.relative_to(folder).as_posix()
            if name in files:
                raise ValueError(f"two static files are named {name!r}")
            data = path.read_bytes()
            kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            files[name] = Asset(data=data, media_type=kind)
            digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return Assets(files=files, version=digest.hexdigest()[:12])


@functools.cache
def own_assets() -> Assets:
    """Return the static files of the interface itself."""
    return load_assets(FOLDER)
