"""The way of a service over HTTP: bring it, look at its versions, approve, release, roll back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from sqlalchemy.engine import Connection

from stellwerk.features.jobs import get_job, job_view, request_job
from stellwerk.features.releases import service, views
from stellwerk.features.releases.wire import Answer, JobRequest, ReleaseRequest, RollbackRequest
from stellwerk.features.services import bring, find_service, list_services, read_bundle
from stellwerk.infra.crypto import load_key
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection, WriteWork
from stellwerk.infra.http.routing import api_routes
from stellwerk.kernel import clock
from stellwerk.kernel.route import allow

routes = api_routes("/services", tag="services")
Number = Annotated[int, Path(ge=1, lt=2**31)]


def team_of_service(connection: Connection, name: str) -> str | None:
    """Return the team that owns a service, or None when there is none of that name."""
    row = find_service(connection, name)
    return None if row is None else row["team"]


@routes.get("", allow("services.read", "any"))
def get_services(actor: CurrentActor, connection: ReadConnection) -> dict[str, Any]:
    """Return the services of the caller's teams with what is live of each."""
    rows = list_services(connection, actor.teams("services.read"))
    return {"services": [views.service_detail(connection, row["id"]) for row in rows]}


@routes.get("/{name}", allow("services.read", "service:name"))
def get_service(name: str, connection: ReadConnection) -> dict[str, Any]:
    """Return one service with what is live of it."""
    return views.service_detail(connection, name)


@routes.post("/{name}/jobs", allow("jobs.create", "any"), status_code=202)
def create_job(name: str, body: JobRequest, work: WriteWork, installation: CurrentInstallation) -> dict[str, Any]:
    """Bring a bundle and ask for it to be checked, trained or shipped."""
    bundle = read_bundle(installation.objects.read(body.bundle))
    for digest in body.files.values():
        installation.objects.open(digest).close()
    brought = bring(work, name, body.bundle, bundle, body.commit.model_dump() if body.commit else None)
    job_id = request_job(work, body.kind, service=name, team=brought.manifest.team, request={
        "bundle": body.bundle, "manifest": brought.manifest_digest, "files": body.files, "again": body.again})
    return job_view(get_job(work.connection, job_id))


@routes.get("/{name}/versions", allow("services.read", "service:name"))
def get_versions(name: str, connection: ReadConnection) -> dict[str, Any]:
    """Return the versions of a service, newest first."""
    return {"versions": views.version_list(connection, name)}


@routes.get("/{name}/versions/{number}", allow("services.read", "service:name"))
def get_version(name: str, number: Number, actor: CurrentActor, connection: ReadConnection) -> dict[str, Any]:
    """Return one version with all that stands behind it."""
    return views.version_detail(connection, name, number, actor, clock.to_us(clock.now()))


@routes.post("/{name}/versions/{number}/approvals", allow("versions.approve", "service:name"), status_code=201)
def answer(name: str, number: Number, body: Answer, work: WriteWork,
           installation: CurrentInstallation) -> dict[str, Any]:
    """Approve or reject a version; the rules of the transition say who may."""
    signer = load_key(installation.home.keys_dir).sign
    if body.verdict == "approve":
        service.approve(work, signer, name, number, reason=body.reason, digest=body.digest,
                        accept=frozenset(body.accept_undecided), until=body.until)
    else:
        service.reject(work, signer, name, number, reason=body.reason, digest=body.digest)
    return views.version_detail(work.connection, name, number, work.actor, work.now_us)


@routes.post("/{name}/releases", allow("releases.write", "service:name"), status_code=201)
def release(name: str, body: ReleaseRequest, work: WriteWork) -> dict[str, Any]:
    """Let a version answer: a share of the requests as canary, or all of them as champion."""
    revision = service.release(work, name, body.version, share=body.share)
    return {"revision": views.revision_view(revision), "live": views.route_view(work.connection, name)}


@routes.post("/{name}/rollback", allow("releases.write", "service:name"), status_code=201)
def rollback(name: str, body: RollbackRequest, work: WriteWork) -> dict[str, Any]:
    """End a canary, or go back to a former champion."""
    revision = service.rollback(work, name, version=body.version, reason=body.reason)
    return {"revision": views.revision_view(revision), "live": views.route_view(work.connection, name)}
