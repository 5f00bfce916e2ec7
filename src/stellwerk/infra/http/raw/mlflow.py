"""Raw routes that speak MLflow's protocol."""

from __future__ import annotations

from stellwerk.infra.http.raw.answering import Protocol
from stellwerk.infra.http.raw.routes import RawRoutes
from stellwerk.protocols.mlflow import service

PROTOCOL = Protocol(decode_body=service.decode_body, decode_query=service.decode_query, encode=service.encode,
                    error=service.status_and_body, unknown=service.endpoint_not_found)


def mlflow_routes(area: str, *, version: int = 2) -> RawRoutes:
    """Return an empty collection of routes below ``/api/<version>.0`` and its twin for pages."""
    return RawRoutes(PROTOCOL, service.V2 if version == 2 else service.V3, area)
