"""Raw routes alone, on a control database with three callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from stellwerk.infra.http.context import HttpContext, SignedIn
from stellwerk.infra.http.raw import Answer, Call, RawApp
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.settings import Home, Settings
from stellwerk.infra.telemetry import Registry
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict, NotFound, Unavailable
from stellwerk.kernel.route import allow, public
from stellwerk.kernel.secret import Secret
from stellwerk.protocols.mlflow.decoding import Request


class Body(Request):
    """What some routes take."""

    required = ("name",)
    name: str | None = None
    size: int | None = None
    many: list[str] | None = None


class Callers:
    """Tokens as they stand in the table of this test; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def by_token(self, connection: Connection, token: Secret) -> Actor | None:
        self.asked += 1
        row = connection.execute(text("SELECT permission FROM pass WHERE token = :token"), {"token": token.reveal()}).scalar()
        return None if row is None else Actor("token", "t", "caller", permissions=frozenset({("lending", row)}))

    def by_session(self, connection: Connection, cookie: Secret) -> SignedIn | None:
        return None


def routes() -> Any:
    made = mlflow_routes("/mlflow/things")

    @made.post("/create", allow("things.write"), Body)
    async def create(call: Call, body: Body) -> dict[str, Any]:
        return {"name": body.name, "size": body.size, "many": body.many, "for": call.actor.name}

    @made.get("/get", allow("things.read"), Body)
    async def get(call: Call, body: Body) -> dict[str, Any]:
        return {"name": body.name, "size": body.size, "many": body.many}

    @made.get("/open", public("a test"))
    async def opened(call: Call) -> Answer:
        return Answer(call.header(b"x-a").encode(), media_type=b"text/plain", headers=[(b"x-b", b"c")])

    @made.get("/{name}", allow("things.read"))
    async def one(call: Call) -> dict[str, Any]:
        return dict(call.path)

    @made.delete("/{name}/tags/{key:path}", allow("things.write"))
    async def remove(call: Call) -> dict[str, Any]:
        return dict(call.path)

    @made.post("/small", allow("things.write"), Body, limit=50)
    async def small(call: Call, body: Body) -> dict[str, Any]:
        return {"name": body.name}

    @made.put("/upload", allow("things.write"))
    async def upload(call: Call) -> dict[str, Any]:
        return {"bytes": sum([len(chunk) async for chunk in call.stream(3000)])}

    @made.get("/chunks", public("a test"))
    async def chunks(call: Call) -> Answer:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                yield str(number).encode()

        return Answer(chunks=pieces(), media_type=b"text/plain")

    @made.post("/fail", public("a test"), Body)
    async def fail(call: Call, body: Body) -> dict[str, Any]:
        raise {"missing": NotFound("It is not here.", field="name", value="x"), "clash": Conflict("It clashes.", hint="Wait."),
               "full": Unavailable("The disk is full.", retry_after=30)}.get(body.name or "", RuntimeError("inner secret"))

    return made


@dataclass
class Heard:
    """An answer."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class World:
    """The application and what it is asked."""

    def __init__(self, home: Path) -> None:
        made = Home(home)
        made.make()
        self.installation = Installation(made, Settings(body_bytes=2000, upload_bytes=5000))
        self.callers = Callers()
        with self.installation.database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE pass (token TEXT, permission TEXT)"))
            connection.execute(text("INSERT INTO pass VALUES ('writer', 'things.write'), ('reader', 'things.read')"))
        self.passed_on: list[str] = []
        context = HttpContext(installation=self.installation, identity=self.callers, registry=Registry())
        self.app = RawApp(self.inner, context, [routes()], ("/api/2.0/", "/ajax-api/"))

    async def inner(self, scope: Any, receive: Any, send: Any) -> None:
        self.passed_on.append(scope["path"])
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask(self, method: str, path: str, *body: bytes, token: str = "writer", query: bytes = b"",
            headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),),
            leave: bool = False) -> Heard:
        """Send a request; ``path`` is raw, several bodies are pieces of one, ``leave`` ends before the last."""
        from urllib.parse import unquote

        known = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope: dict[str, Any] = {"type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(),
                                 "query_string": query, "headers": [*known, *headers]}
        pieces = list(body) or [b""]
        heard = Heard()

        async def receive() -> dict[str, Any]:
            if not pieces or (leave and len(pieces) == 1):
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert not heard.status, "answered twice"
                heard.status, heard.headers = message["status"], dict(message["headers"])
            else:
                heard.body += message["body"]

        asyncio.run(self.app(scope, receive, send))
        return heard


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.installation.database.close()


Ask = Callable[..., Heard]
