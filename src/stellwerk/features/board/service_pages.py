"""The page of one service: what is live, its versions, its last jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features.board.service import Line, draw_lines
from stellwerk.features.jobs import jobs_of_service
from stellwerk.features.releases import service_detail, version_list
from stellwerk.features.services import get_service
from stellwerk.infra.http.changes import SIGN_OF_LIFE, changes
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.installation import Installation
from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.route import allow
from stellwerk.uikit import Column, TableQuery, TableView, Templates
from stellwerk.uikit.live import event, live_response
from stellwerk.uikit.tables import csv_response, table_query

pages = page_routes("/services/{name}", tag="service")
_templates = Templates(Path(__file__).parent / "templates")
_READ = allow("services.read", "service:name")
COLUMNS = (
    Column("number", "Version", sortable=True), Column("state", "State", sortable=True),
    Column("verdict", "Gates", sortable=True), Column("threshold", "Threshold", numeric=True, sortable=True),
    Column("estimator", "Model", sortable=True), Column("created_at", "Made", sortable=True))
_PAGE = 25


@pages.get("", _READ)
def service_page(request: Request, name: str, actor: CurrentActor, connection: ReadConnection) -> Response:
    """Show one service; its versions sort and page by the address."""
    detail, versions = service_detail(connection, name), version_list(connection, name)
    query = table_query(request, COLUMNS, "-number", size=_PAGE)
    if request.query_params.get("format") == "csv":
        return csv_response(COLUMNS, _sorted(versions, query), f"{name}-versions")
    fragment = _fragment(connection, actor, name, detail)
    return _templates.page(
        request, "service.html", title=detail["title"], section="services", stylesheets=["board.css", "evidence.css"],
        crumbs=[("Services", "/"), (detail["title"], None)], detail=detail, line=_line(connection, actor, name),
        table=_table(name, versions, query), now=fragment, live=f"/services/{name}/live?seen={_mark(fragment)}",
        decisions=actor.may("decisions.read", detail["team"]))


def _line(connection: Connection, actor: Actor, name: str) -> Line:
    return draw_lines(connection, actor, [get_service(connection, name)], clock.to_us(clock.now()))[0]


def _fragment(connection: Connection, actor: Actor, name: str, detail: Mapping[str, Any]) -> str:
    return _templates.fragment("service_now.html", line=_line(connection, actor, name), live=detail["live"], name=name,
                               jobs=jobs_of_service(connection, name, 5))


def _sorted(versions: Sequence[Mapping[str, Any]], query: TableQuery) -> list[Mapping[str, Any]]:
    known = [row for row in versions if row.get(query.sort) is not None]
    unknown = [row for row in versions if row.get(query.sort) is None]
    return sorted(known, key=lambda row: row[query.sort], reverse=query.descending) + unknown


def _table(name: str, versions: Sequence[Mapping[str, Any]], query: TableQuery) -> TableView:
    rows = _sorted(versions, query)[query.offset:query.offset + query.size]
    cells = [{column.key: _templates.fragment("version_cell.html", column=column.key, row=row, name=name).strip()
              for column in COLUMNS} for row in rows]
    return TableView(COLUMNS, cells, query, len(versions), noun="versions" if len(versions) != 1 else "version")


def _mark(text: str) -> str:
    return sha256_hex(text.encode())[:16]


@pages.get("/live", _READ)
def service_live(name: str, actor: CurrentActor, installation: CurrentInstallation, seen: str = "") -> Response:
    """Send what goes on with the service whenever it looks different."""
    return live_response(_events(installation, actor, name, seen[:20]))


async def _events(installation: Installation, actor: Actor, name: str, seen: str) -> AsyncIterator[bytes]:
    async for changed in changes(installation.home.control):
        fragment = await run_in_threadpool(_draw, installation, actor, name) if changed else None
        if fragment is not None and _mark(fragment) != seen:
            seen = _mark(fragment)
            yield event("fragment", fragment)
        else:
            yield SIGN_OF_LIFE


def _draw(installation: Installation, actor: Actor, name: str) -> str:
    with installation.database.read() as connection:
        return _fragment(connection, actor, name, service_detail(connection, name))
