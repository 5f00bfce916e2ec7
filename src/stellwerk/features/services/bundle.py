"""Reading a bundle: the packed folder of a service, taken apart without trusting a single name in it."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stellwerk.kernel.errors import BadInput, TooLarge
from stellwerk.kernel.hashing import digest_of, sha256_hex

MANIFEST = "stellwerk.yaml"
_MEMBERS = 2000
_BYTES = 64 << 20
# Words about a service change nothing in what it computes.
_NOT_CODE = (".md", ".rst", ".txt~")


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle by their relative names."""

    files: dict[str, bytes]

    @property
    def manifest_text(self) -> str:
        """The text of the manifest; raises BadInput when it is missing or not UTF-8."""
        content = self.files.get(MANIFEST)
        if content is None:
            raise BadInput(f"The bundle has no {MANIFEST}.", field="bundle", allowed=f"a folder with a {MANIFEST}",
                           hint="Ship the folder that holds the manifest.")
        return self.text(MANIFEST)

    def text(self, name: str) -> str:
        """Return a text file of the bundle; raises BadInput when it is missing or not UTF-8."""
        content = self.files.get(name)
        if content is None:
            raise BadInput(f"The bundle has no file {name!r}, which the manifest names.", field=name, value=name,
                           allowed=sorted(self.files))
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{name} is not UTF-8: byte {error.start}.", field=name, allowed="UTF-8 text") from None

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {name: sha256_hex(content) for name, content in sorted(self.files.items())}

    @property
    def code_digest(self) -> str:
        """Digest of what the functions are made of: every file but the manifest and words about the service."""
        return digest_of({name: digest for name, digest in self.hashes.items()
                          if name != MANIFEST and not name.endswith(_NOT_CODE) and not name.startswith("tests/")})

    def unpack(self, folder: Path) -> None:
        """Write the files below a new folder."""
        for name, content in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _checked_name(name: str) -> str:
    parts = PurePosixPath(name).parts
    bad = (not parts or name.startswith("/") or "\\" in name or "\0" in name or ":" in parts[0]
           or any(part in ("..", "") or len(part.encode()) > 250 for part in parts) or len(name.encode()) > 1000)
    if bad:
        raise BadInput("A file name in the bundle leaves its folder or cannot be stored.", field="bundle",
                       value=name[:200], allowed="relative names without .. or backslashes")
    return str(PurePosixPath(*parts))


def read_bundle(data: bytes) -> Bundle:
    """Read a bundle (tar). Raises BadInput for links, devices, doubled or escaping names, TooLarge over the caps."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                name = _checked_name(member.name)
                if not member.isreg():
                    raise BadInput("The bundle holds something that is no plain file.", field="bundle", value=name,
                                   allowed="plain files and folders")
                if name in files:
                    raise BadInput("A file stands twice in the bundle.", field="bundle", value=name)
                total += member.size
                if len(files) >= _MEMBERS or total > _BYTES:
                    raise TooLarge(f"The bundle is larger than {_MEMBERS} files or {_BYTES >> 20} MiB.", field="bundle",
                                   hint="Keep data out of the folder; name it as a source instead.")
                stream = archive.extractfile(member)
                files[name] = stream.read() if stream is not None else b""
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadInput(f"The bundle is not a tar archive: {error}", field="bundle") from None
    return Bundle(files)
