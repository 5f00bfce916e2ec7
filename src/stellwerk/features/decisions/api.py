"""Reading decisions over HTTP: by id, by subject, by time; why; and the proof."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from stellwerk.features.decisions import service
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import api_routes
from stellwerk.kernel.route import allow

routes = api_routes(tag="decisions")
_Text = Annotated[str | None, Query(max_length=500)]


@routes.get("/services/{name}/decisions", allow("decisions.read", "service:name"))
def search_decisions(
    name: str, installation: CurrentInstallation, subject: _Text = None,
    since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    after: Annotated[str | None, Query(max_length=36)] = None, limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Return decisions of a service, newest first, by subject or by time."""
    found = service.search(installation, name, subject=subject, since=since, until=until, after=after, limit=limit)
    return {"decisions": found, "next": found[-1]["id"] if len(found) == limit else None}


@routes.get("/decisions/{decision_id}", allow("decisions.read", "any"))
def get_decision(decision_id: str, actor: CurrentActor, connection: ReadConnection,
                 installation: CurrentInstallation) -> dict[str, Any]:
    """Return one decision with what stands behind it."""
    return service.decision_detail(installation, connection, actor, decision_id)


@routes.get("/decisions/{decision_id}/explanation", allow("decisions.read", "any"))
def get_explanation(decision_id: str, actor: CurrentActor, connection: ReadConnection,
                    installation: CurrentInstallation) -> dict[str, Any]:
    """Return what each input contributed to the score of one decision."""
    return service.explanation_of(installation, connection, actor, decision_id)


@routes.get("/decisions/{decision_id}/proof", allow("decisions.read", "any"))
def get_proof(decision_id: str, actor: CurrentActor, connection: ReadConnection,
              installation: CurrentInstallation) -> dict[str, Any]:
    """Return the file by which one decision is proven offline."""
    return service.proof_pack(installation, connection, actor, decision_id)
