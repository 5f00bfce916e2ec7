"""A registered model in the place of training: which version a manifest names, and what its files are."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stellwerk.features import artifacts, ledger, registry, runs
from stellwerk.features.jobs import JobContext
from stellwerk.features.releases.way.tracked import actor_of
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput, NotFound

_DESCRIPTION = "MLmodel"
_DESCRIPTION_BYTES = 1 << 20
_FORMATS = ("skops", "cloudpickle", "pickle")


class _Plain(yaml.SafeLoader):
    """Reads YAML without merge keys, which could make a small text a mapping of any size."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave merge keys as they are, so that they are refused as what nobody can read."""


def resolve(job: JobContext, uri: str) -> dict[str, Any]:
    """Return the version that a manifest's ``model`` names: model, version, files by path with their digests, how to
    read it, the run that made it, and whoever had a hand in it: opened the run, logged a file, registered or changed
    the version.

    Raises NotFound for a version that the service's team cannot see, BadInput for one that this way cannot take.
    """
    actor = actor_of(job)

    def look(st: Statements) -> dict[str, Any]:
        version = registry.resolve_uri(st, uri, actor)
        if version.owner_id is None:
            raise _unusable(uri, "it has no files in this installation")
        folder = artifacts.ArtifactKey.folder(version.path)
        files = {entry.path: entry.sha256 for entry in artifacts.artifacts_of(st, version.owner_id, folder)}
        makers = ledger.actors_of(st, "registered_version", [f"{version.name}/{version.version}"])
        makers |= ledger.actors_of(st, "artifact", [f"{version.owner_id}/{path}" for path in files])
        if version.run_id:
            with contextlib.suppress(NotFound):
                makers.add(runs.get_run(st, version.run_id, actor).created_by)
        root = version.path or ""
        return {"uri": uri, "model": version.name, "version": version.version, "source_run": version.run_id,
                "made_by": sorted(makers), "files": {posixpath.relpath(path, root) if root else path: digest
                                              for path, digest in files.items()}}

    found = job.installation.tracking.read(look)
    return {**found, "read": _how_to_read(job, found)}


def _how_to_read(job: JobContext, found: Mapping[str, Any]) -> dict[str, Any]:
    digest = found["files"].get(_DESCRIPTION)
    if digest is None:
        raise _unusable(found["uri"], f"it has no file {_DESCRIPTION}; log it with log_model")
    with job.installation.objects.open(digest) as stream:
        text = stream.read(_DESCRIPTION_BYTES + 1)
    try:
        if len(text) > _DESCRIPTION_BYTES:
            raise ValueError("it is too large")
        described = _Plain(text).get_single_data()
        flavours = described["flavors"]
        flavour = flavours.get("sklearn")
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unusable(found["uri"], f"its {_DESCRIPTION} cannot be read: {str(error)[:200]}") from None
    if not isinstance(flavour, dict):
        raise _unusable(found["uri"], f"it was logged as {', '.join(sorted(map(str, flavours)))}; a service takes what "
                                      "mlflow.sklearn logs")
    file, form = (_plain(flavour.get(name)) for name in ("pickled_model", "serialization_format"))
    if file not in found["files"] or form not in _FORMATS:
        raise _unusable(found["uri"], f"its {_DESCRIPTION} names the file {file[:80]!r} in the form {form[:40]!r}")
    trusted = flavour.get("skops_trusted_types") or []
    if not isinstance(trusted, list) or not all(isinstance(name, str) for name in trusted):
        raise _unusable(found["uri"], f"the trusted types in its {_DESCRIPTION} are no list of names")
    return {"file": file, "format": form, "trusted": trusted}


def _plain(value: Any) -> str:
    # Anything else might be lists in lists of the same few anchors, which written out have no end.
    return value if isinstance(value, str) else ""


def _unusable(uri: str, why: str) -> BadInput:
    return BadInput(f"The model {uri} cannot be taken: {why}.", field="model", value=uri)


def bring_files(job: JobContext, source: Mapping[str, Any], folder: Path) -> Path:
    """Copy the model's files into a folder of this attempt and return it."""
    for path, digest in source["files"].items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with job.installation.objects.open(digest) as stream, target.open("wb") as kept:
            while chunk := stream.read(1 << 20):
                kept.write(chunk)
    return folder
