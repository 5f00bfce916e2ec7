"""The ledger over HTTP: its signed head, its events, its verification."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from sqlalchemy.engine import RowMapping

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.sealing import get_head
from stellwerk.features.ledger.sources import decision_sources
from stellwerk.features.ledger.tracked_check import tracking_source, verify_tracking
from stellwerk.features.ledger.verification import verify_installation
from stellwerk.features.ledger.wire import VerifyRequest
from stellwerk.infra.crypto import load_key
from stellwerk.infra.http.dependencies import CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import api_routes
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.route import allow

routes = api_routes("/ledger", tag="ledger")


@routes.get("/head", allow("ledger.read", "any"))
def head(connection: ReadConnection, installation: CurrentInstallation) -> dict[str, Any]:
    """Return the signed head of the control log; keep it elsewhere to prove later that nothing was cut."""
    found = get_head(connection)
    if found is None:
        raise NotFound("Nothing has been sealed yet.", hint="The worker seals about once a second; ask again.")
    return {"log": found.log, "size": found.size, "root": found.root, "checkpoint": found.checkpoint,
            "signed_at": iso_us(found.signed_at), "public_key": load_key(installation.home.keys_dir).public.hex}


@routes.get("/events", allow("ledger.read", "installation"))
def events(
    connection: ReadConnection, subject: Annotated[str | None, Query(max_length=200)] = None,
    verb: Annotated[str | None, Query(max_length=80)] = None, before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return events, newest first, by subject or verb; ``before`` is the number of the last one of the page before."""
    rows = repository.page(connection, subject=subject, verb=verb, before=before, limit=limit)
    return {"events": [event_view(row) for row in rows], "next": rows[-1]["seq"] if len(rows) == limit else None}


def event_view(row: RowMapping) -> dict[str, Any]:
    """Return an event as the API shows it."""
    return {"number": row["seq"], "id": row["id"], "at": iso_us(row["at"]), "position": row["position"],
            "actor": {"kind": row["actor_kind"], "id": row["actor_id"], "name": row["actor_name"]},
            "verb": row["verb"], "subject": {"type": row["subject_type"], "id": row["subject_id"]},
            "table": row["table_name"], "state_digest": row["state_digest"], "payload": row["payload"]}


@routes.post("/verify", allow("ledger.read", "any"))
def verify(body: VerifyRequest, connection: ReadConnection, installation: CurrentInstallation) -> dict[str, Any]:
    """Recompute everything that the ledger covers; says what holds, what differs, and what cannot be seen."""
    key = load_key(installation.home.keys_dir).public
    sources = decision_sources(installation) | tracking_source(installation.tracking)
    found = verify_installation(connection, key, sources=sources, older=body.head)
    verify_tracking(installation.tracking, found)
    return found.body()
