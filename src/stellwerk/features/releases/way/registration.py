"""A service's version in the registry: files of the run, a description that clients can load, the same number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from stellwerk.features import artifacts, registry
from stellwerk.features.jobs import JobContext
from stellwerk.features.releases.aliases import SERVICE_TAG, is_model_of
from stellwerk.features.releases.way.tracked import actor_of
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import Conflict, NotFound

_FOLDER = "model"
_COMPILED = "model.onnx"


def register(job: JobContext, run_id: str, number: int, files: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Name the files of a run (file name to digest) and register its version under the service's name and number.

    ``facts["first_run"]`` is the run that made the version, which another one may have repeated. Doing it again changes
    nothing. Raises Conflict where the name, or the number, belongs to someone else.
    """
    actor = actor_of(job)
    described = _description(run_id, facts)
    kept = {f"{_FOLDER}/{name}" if name == _COMPILED else name: digest for name, digest in files.items()}
    kept[f"{_FOLDER}/MLmodel"] = job.installation.objects.put_bytes(described)
    sizes = {path: job.installation.objects.path(digest).stat().st_size for path, digest in kept.items()}

    def change(st: Statements) -> None:
        _model(st, job, actor)
        for path, digest in kept.items():
            artifacts.put_artifact(st, run_id, artifacts.ArtifactKey.parse(path), digest, sizes[path], actor)
        try:
            if registry.get_version(st, job.service, number, actor).run_id not in (run_id, facts["first_run"]):
                raise Conflict(f"Version {number} of the registered model {job.service!r} was not made by this "
                               "service.", field="service", value=job.service,
                               hint="Rename that model, or give the service another name.")
        except NotFound:
            registry.create_version(st, actor, job.service, f"runs:/{run_id}/{_FOLDER}", run_id=run_id, number=number,
                                    tags=[("stellwerk.fingerprint", facts["fingerprint"]),
                                          ("stellwerk.bundle", facts["bundle"])])

    job.installation.tracking.write(change)


def _model(st: Statements, job: JobContext, actor: Actor) -> None:
    known = registry.find_model(st, job.service)
    if known is None:
        registry.create_model(st, actor, job.service, tags=[(SERVICE_TAG, job.service)],
                              description=f"Versions of the service {job.service}; its releases set the aliases.")
        return
    if not is_model_of(st, job.service, job.team):
        raise Conflict(f"There is a registered model {job.service!r} that this service did not make.", field="service",
                       value=job.service, hint="Rename that model, or give the service another name.")


def _description(run_id: str, facts: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump({
        "artifact_path": _FOLDER, "run_id": run_id, "utc_time_created": iso_us(facts["at"]),
        "flavors": {
            "onnx": {"data": _COMPILED, "onnx_version": facts["versions"].get("onnx", "1"), "code": None,
                     "providers": ["CPUExecutionProvider"], "save_as_external_data": False},
            "python_function": {"data": _COMPILED, "loader_module": "mlflow.onnx",
                                "python_version": facts["versions"].get("python", "3.11")}},
    }, sort_keys=True).encode()
