"""Liveness, readiness with components, and metrics."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from stellwerk.infra.http.dependencies import Context
from stellwerk.infra.http.routing import Routes, plain_routes
from stellwerk.kernel.route import allow, public

_FRESH_SECONDS = 15.0


def worker_component(file: Path, now: float) -> dict[str, Any]:
    """Return what the worker's heartbeat file says: running, silent (older than 15 s) or never started."""
    try:
        beat = json.loads(file.read_text(encoding="utf-8"))
        age = now - file.stat().st_mtime
    except FileNotFoundError:
        return {"state": "not started"}
    except (OSError, ValueError):
        return {"state": "unknown"}
    known = {key: beat[key] for key in ("pid", "running") if isinstance(beat, dict) and key in beat}
    return {"state": "running" if age <= _FRESH_SECONDS else "silent", "heartbeat_age_seconds": round(age, 1), **known}


def health_routes(*, metrics_public: bool) -> Routes:
    """Return the routes /healthz, /readyz and /metrics; the last is public only by a setting."""
    routes = plain_routes(tag="health")

    @routes.get("/healthz", public("liveness for supervisors"))
    def healthz() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", public("readiness for load balancers"))
    def readyz(context: Context) -> Response:
        """Tell whether the server can serve, and how its components are; only the database decides."""
        components: dict[str, Any] = {
            "worker": worker_component(context.installation.home.run / "worker.json", time.time())}
        try:
            with context.installation.database.read() as connection:
                connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
            components["database"] = {"state": "running"}
        except SQLAlchemyError as error:
            components["database"] = {"state": "failed", "message": type(error).__name__}
        ready = components["database"]["state"] == "running"
        return JSONResponse({"status": "ready" if ready else "not ready", "components": components},
                            status_code=200 if ready else 503)

    rule = public("set so by metrics_public") if metrics_public else allow("metrics.read", "any")

    @routes.get("/metrics", rule)
    def metrics(context: Context) -> Response:
        """Return the metrics of this process in the Prometheus text format."""
        return PlainTextResponse(context.registry.render(), media_type="text/plain; version=0.0.4")

    return routes
