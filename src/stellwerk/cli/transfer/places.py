"""From the locations that an MLflow database names to folders on this machine that may be read.

A database is not trusted with the choice: only folders are read that end as MLflow ends them,
``…/<id of the run or model>/artifacts``, and nothing that a link leads to outside of them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stellwerk.cli.transfer.source import Found, Owner
from stellwerk.kernel.errors import BadInput

_HERE = ("", "file")
_DEFAULT = "mlartifacts"


class Places:
    """Folders of artifacts: ``folder`` is what ``--artifacts`` names, ``beside`` where the database lies."""

    def __init__(self, folder: Path | None, beside: Path | None, *, wanted: bool = True) -> None:
        if folder is not None and not folder.is_dir():
            raise BadInput(f"{folder} is no folder.", field="--artifacts", value=str(folder))
        self._beside = beside
        self._folder = folder
        if folder is None and beside is not None and (beside / _DEFAULT).is_dir():
            self._folder = beside / _DEFAULT
        self._wanted = wanted
        self._missing: set[str] = set()
        self._linked = 0

    def files(self, owner: Owner) -> Iterator[Found]:
        """Yield the artifacts of an owner; raises BadInput where nothing says in which folder they are."""
        if not self._wanted:
            return
        folder = self._folder_of(owner)
        if folder is not None:
            yield from self._walk(folder)

    def check(self, location: str) -> None:
        """Raise BadInput where nothing says in which folder the artifacts of an experiment are."""
        scheme = urlsplit(location).scheme
        if not self._wanted or scheme in _HERE or self._folder is not None:
            return
        words = ("lie with the MLflow server (mlflow-artifacts:)" if scheme == "mlflow-artifacts"
                 else f"lie at {scheme}: addresses, which are not read from here")
        raise BadInput(f"The artifacts {words}.", field="--artifacts", value=scheme,
                       hint="Name the folder that holds them, or a copy of it, with --artifacts FOLDER; give the "
                            "server's address in the place of the database; or leave them out: --no-artifacts.")

    def _folder_of(self, owner: Owner) -> Path | None:
        if not owner.location:
            return None
        parts = urlsplit(owner.location)
        path = unquote(parts.path) if parts.scheme else owner.location
        tail = path.rstrip("/").split("/")
        if tail[-2:] != [owner.id, "artifacts"]:
            raise BadInput(f"The artifacts of {owner.id} are said to be at {owner.location!r}, which MLflow would not "
                           "choose; nothing is read there.", field="artifact_uri", value=owner.location[:200],
                           allowed=f"a location that ends in /{owner.id}/artifacts")
        self.check(owner.location)
        found = self._candidates(parts.scheme, path, tail, owner)
        for candidate in found:
            real = candidate.resolve()
            if real.is_dir() and list(real.parts[-2:]) == [owner.id, "artifacts"]:
                return real
        roots = [list(one.parents)[:4 if owner.is_model else 3][-1] for one in found]
        if found and not any(root.is_dir() for root in roots):
            self._missing.add(str(roots[0]))
        return None

    def _candidates(self, scheme: str, path: str, tail: list[str], owner: Owner) -> list[Path]:
        found: list[Path] = []
        if scheme in _HERE:
            here = Path(path)
            found.append(here if here.is_absolute() or self._beside is None else self._beside / here)
        if self._folder is not None:
            # As the server that kept them lays them out: the experiment, then the run, or the model below "models".
            short = tail[-4:] if owner.is_model else tail[-3:]
            if scheme == "mlflow-artifacts":
                found.append(self._folder / path.lstrip("/"))
            found.append(self._folder.joinpath(*short))
        return [one for one in found if ".." not in one.parts]

    def _walk(self, folder: Path) -> Iterator[Found]:
        for root, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = Path(root) / name
                if path.is_symlink() and not path.resolve().is_relative_to(folder):
                    self._linked += 1
                    continue
                if path.is_file():
                    yield Found(path.relative_to(folder).as_posix(), contextlib.nullcontext(path))

    def notes(self) -> list[str]:
        """Return in words which artifacts were not found or not read."""
        if not self._wanted:
            return ["all artifacts (--no-artifacts)"]
        found = [f"artifacts at {place}: no such folder is here" for place in sorted(self._missing)[:5]]
        if self._linked:
            found.append(f"{self._linked} links that lead out of the artifacts' folders")
        return found
