"""A small server on the HTTP glue alone, with three callers and a thing that a team owns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Form
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.testclient import TestClient

from stellwerk.infra.http.context import HttpContext, SignedIn
from stellwerk.infra.http.dependencies import CurrentActor, ReadConnection, WriteWork
from stellwerk.infra.http.errors import install_error_handlers
from stellwerk.infra.http.routing import GuardedRoute, Routes, api_routes, check_routes, page_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.settings import Home, Settings
from stellwerk.infra.telemetry import Registry
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict, Unavailable
from stellwerk.kernel.route import allow, public
from stellwerk.kernel.secret import Secret

ACTORS = {
    "lender": Actor("token", "t1", "lender", permissions=frozenset({("lending", "things.read"),
                                                                    ("lending", "things.write")})),
    "reader": Actor("token", "t2", "reader", permissions=frozenset({("lending", "things.read")})),
    "other": Actor("token", "t3", "other", permissions=frozenset({("claims", "things.read")})),
    "nobody": Actor("token", "t4", "nobody"),
    "chief": Actor("token", "t5", "chief", permissions=frozenset({(None, "things.read"), (None, "things.write")})),
}


class Callers:
    def by_token(self, connection: Connection, token: Secret) -> Actor | None:
        return ACTORS.get(token.reveal())

    def by_session(self, connection: Connection, cookie: Secret) -> SignedIn | None:
        actor = ACTORS.get(cookie.reveal())
        return SignedIn(actor, "s", Secret("form-token")) if actor else None


class Thing(BaseModel):
    name: str = Field(max_length=5)
    size: int = Field(default=1, ge=1)
    password: str = Field(default="long enough", min_length=8)


def owner(connection: Connection, name: str) -> str | None:
    return connection.execute(text("SELECT team FROM thing WHERE name = :name"), {"name": name}).scalar()


def handlers(app: FastAPI) -> tuple[Routes, Routes]:
    routes, pages = api_routes(tag="things"), page_routes(tag="pages")

    @routes.get("/open", public("a test"))
    def open_to_all() -> str:
        return "open"

    @routes.get("/things", allow("things.read"))
    def things(connection: ReadConnection) -> list[str]:
        return list(connection.execute(text("SELECT name FROM thing ORDER BY name")).scalars())

    @routes.get("/things/{name}", allow("things.read", "thing:name"))
    def thing(name: str, actor: CurrentActor) -> dict[str, str]:
        return {"name": name, "for": actor.name}

    @routes.post("/things/{name}", allow("things.write", "thing:name"))
    def change(name: str, body: Thing, work: WriteWork) -> dict[str, Any]:
        work.connection.execute(text("INSERT INTO thing VALUES (:name, 'lending')"), {"name": body.name})
        work.after_commit.append(lambda: app.state.committed.append(body.name))
        if body.name == "clash":
            raise Conflict("It clashes.", field="name", value="clash", hint="Choose another.")
        if body.name == "bug":
            raise RuntimeError("secret inner path /srv/home")
        if body.name == "full":
            raise Unavailable("The disk is full.", retry_after=30)
        return {"name": body.name}

    @routes.get("/whole", allow("things.read", "installation"))
    def whole() -> str:
        return "whole"

    @routes.put("/upload", allow("things.write"), consumes="bytes")
    async def upload(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @pages.get("/page", allow("things.read"))
    def page() -> str:
        return "page"

    @pages.post("/page", allow("things.read"))
    def send(word: Annotated[str, Form()]) -> str:
        return word

    return routes, pages


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    home = Home(tmp_path)
    home.make()
    installation = Installation(home, Settings(body_bytes=2000, upload_bytes=5000))
    with installation.database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (name TEXT, team TEXT)"))
        connection.execute(text("INSERT INTO thing VALUES ('bolt', 'lending')"))
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.committed = []
    routes, pages = handlers(app)
    app.router.route_class = GuardedRoute
    app.state.context = HttpContext(installation=installation, identity=Callers(), registry=Registry(),
                                    owners={"thing": owner})
    routes.install(app)
    pages.install(app)
    install_error_handlers(app)
    check_routes(app, {"thing": owner})
    yield app
    installation.database.close()


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, follow_redirects=False)
