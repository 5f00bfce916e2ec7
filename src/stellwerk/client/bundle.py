"""Packing the folder of a service into a bundle: the same files give the same bytes on every machine."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stellwerk.kernel.errors import BadInput, TooLarge

MANIFEST = "stellwerk.yaml"
FILE_BYTES = 5 << 20
BUNDLE_BYTES = 64 << 20
BUNDLE_FILES = 2000
_LEFT_OUT = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class DataFile:
    """A data file that goes to the platform beside the bundle: its name in the manifest, place and SHA-256."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Packed:
    """A packed folder: the tar archive, its SHA-256, the names in it, and the data files beside it."""

    data: bytes
    sha256: str
    names: tuple[str, ...]
    data_files: tuple[DataFile, ...]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()


def _members(root: Path, folder: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in _LEFT_OUT or entry.name.endswith((".pyc", ".pyo")):
            continue
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        facts = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            if not _is_environment(path):
                yield from _members(root, path)
        elif stat.S_ISREG(facts.st_mode):
            yield name, path, facts
        else:
            raise BadInput(f"{name} is no plain file, so it cannot be part of a bundle.", field="bundle", value=name,
                           allowed="plain files and folders, no links",
                           hint="Replace the link by the file itself, or move it out of the folder.")


def _check_name(name: str) -> None:
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise BadInput(f"The file name {name!r} is not UTF-8.", field="bundle", value=ascii(name),
                       allowed="names in UTF-8", hint="Rename the file.") from None
    if "\\" in name or any(ord(letter) < 32 for letter in name) or len(encoded) > 1000:
        raise BadInput(f"The file name {name!r} cannot be stored.", field="bundle", value=name,
                       allowed="names without backslashes and control characters", hint="Rename the file.")


def _take_data(root: Path, name: str) -> DataFile:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise BadInput(f"The data file {name} lies outside the folder of the service.", field="source", value=name,
                       allowed="a file below the folder", hint="Move it there, or name a connection.")
    if not path.is_file():
        raise BadInput(f"The data file {name}, which the manifest names, does not exist.", field="source",
                       value=name, allowed=f"a file below {root}")
    return DataFile(name=name, path=path, sha256=file_sha256(path))


def pack_folder(root: Path, sources: Iterable[str] = ()) -> Packed:
    """Pack the folder of a service; ``sources`` are the data files that its manifest names (they stay outside).

    Hidden files, ``__pycache__`` and virtual environments are left out. Raises BadInput for a folder without
    manifest, links and names that cannot be stored, TooLarge for a file over 5 MiB or a bundle over its caps.
    """
    if not (root / MANIFEST).is_file():
        raise BadInput(f"{root} is no service: it has no {MANIFEST}.", field="folder", value=str(root),
                       allowed=f"a folder with a {MANIFEST}",
                       hint="Go to the service's folder or name it; stellwerk new makes one.")
    outside = {Path(name).as_posix() for name in sources}
    data_files = tuple(_take_data(root, name) for name in sorted(outside))
    names: list[str] = []
    total = 0
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path, facts in _members(root, root):
            if name in outside:
                continue
            _check_name(name)
            _check_size(name, facts.st_size)
            content = path.read_bytes()
            total += len(content)
            names.append(name)
            if total > BUNDLE_BYTES or len(names) > BUNDLE_FILES:
                raise TooLarge(f"The folder holds more than {BUNDLE_FILES} files or {BUNDLE_BYTES >> 20} MiB.",
                               field="bundle", hint="Keep data out of it, or name it as a source in the manifest.")
            # Only name and content count: times, owners and modes differ from machine to machine.
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = buffer.getvalue()
    return Packed(data=data, sha256=hashlib.sha256(data).hexdigest(), names=tuple(names), data_files=data_files)


def _check_size(name: str, size: int) -> None:
    if size > FILE_BYTES:
        raise TooLarge(f"{name} has {size / (1 << 20):.1f} MiB, too much for a bundle.", field="bundle", value=name,
                       allowed=f"at most {FILE_BYTES >> 20} MiB a file",
                       hint="Name it as a source in the manifest if it is data, else move it out of the folder.")
