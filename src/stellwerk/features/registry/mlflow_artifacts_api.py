"""Files of registered versions in MLflow's protocol: those of the run or logged model that a version comes from."""

from __future__ import annotations

from stellwerk.features import artifacts
from stellwerk.features.registry import lookup, names
from stellwerk.features.registry.lookup import READ
from stellwerk.infra.http.raw import Answer, Call, RawRoutes
from stellwerk.infra.http.raw.mlflow import PROTOCOL
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, parse_place
from stellwerk.protocols.mlflow.wire import registry as wire

routes = RawRoutes(PROTOCOL, ("",))
_SCHEME = "mlflow-artifacts:/"


@routes.get("/model-versions/get-artifact", allow(READ), wire.GetVersionArtifact)
async def get_artifact(call: Call, body: wire.GetVersionArtifact) -> Answer:
    """Give a file of a version out; the caller must also see the run or logged model that it comes from."""
    names.check_name(body.name)
    number = names.version_number(body.version)
    key = ArtifactKey.parse(body.path or "")

    def query(st: Statements) -> artifacts.Artifact:
        found = lookup.get_version(st, body.name, number, call.actor)
        if found.owner_id is None or not found.location.startswith(_SCHEME):
            raise NotFound(f"No such artifact: '{key}'. The version keeps no artifacts of a run or logged model.",
                           field="path", value=key.text)
        place = parse_place(found.location.removeprefix(_SCHEME))
        inside = key if place.key is None else place.key.below(key.text)
        return artifacts.get_artifact(st, artifacts.owner_of(st, place, call.actor).id, inside)

    return await artifacts.answer_file(call, await call.tracking.look_up(query))
