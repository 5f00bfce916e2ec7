"""A gateway over a home with tiny models: in this process, or as one of its own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from stellwerk.dataplane.decision_log.idempotency import Claims
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.dataplane.snapshot import FORMAT, Field, Revision, Route, Snapshot, TokenEntry, publish
from stellwerk.gateway.__main__ import Updates
from stellwerk.gateway.app import Gateway
from stellwerk.gateway.decide import Decider
from stellwerk.gateway.metrics import Metrics
from stellwerk_runner.compile import compile_model

PATH = "/v1/services/loans/decisions"
HOST = "http://localhost"
BODY: dict[str, Any] = {"inputs": {"income": 52.5, "town": "north"}, "subject": "p1"}
INPUTS = [Field(name="income", type="number", minimum=0, maximum=1000, seen_min=10, seen_max=90, unit="kEUR"),
          Field(name="town", type="string", nullable=True, enum=["north", "south"], seen_categories=["north", "south"]),
          Field(name="years", type="integer", nullable=True, minimum=0)]


@cache
def model(direction: int = 1, unknown: str = "ignore") -> bytes:
    """Return a compiled model; with direction -1 it answers the other way round."""
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"income": rng.uniform(10, 90, 200), "town": rng.choice(["north", "south"], 200)})
    paid = direction * (frame["income"].to_numpy() - 50 + 10 * (frame["town"].to_numpy() == "north")) > 0
    parts = make_column_transformer((StandardScaler(), ["income"]),
                                    (OneHotEncoder(handle_unknown=unknown), ["town"]))
    fitted = make_pipeline(parts, LogisticRegression()).fit(frame, paid)
    return compile_model(fitted, [{"name": "income", "type": "number"}, {"name": "town", "type": "string"}], True)


def store(home: Path, data: bytes) -> str:
    """Put model bytes where the gateway looks for them; returns their digest."""
    digest = hashlib.sha256(data).hexdigest()
    file = home / "objects" / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return digest


def revision(home: Path, name: str = "r1", **changes: Any) -> Revision:
    """Return a revision whose model is stored."""
    data = changes.pop("data", model())
    values: dict[str, Any] = {
        "id": name, "service": "loans", "version": 1, "model": store(home, data), "threshold": 0.5, "below": "review",
        "inputs": INPUTS, "subject": "person", "title": "Loans", "purpose": "Who gets a loan",
        "protected": [Field(name="group", type="string", nullable=True, enum=["u", "v"])]}
    return Revision(**(values | changes))


def token(secret: str, **changes: Any) -> TokenEntry:
    """Return the entry of a token."""
    values: dict[str, Any] = {"sha256": hashlib.sha256(secret.encode()).hexdigest(), "id": f"id-{secret}",
                              "name": f"name-{secret}"}
    return TokenEntry(**(values | changes))


TOKENS = [token("good", metrics=True), token("lending", team="lending"), token("other", team="claims"),
          token("old", expires_at=1), token("later", expires_at=1 << 60)]


def snapshot(generation: int, revisions: list[Revision], **changes: Any) -> Snapshot:
    """Return a snapshot in which the first revision is champion of ``loans``."""
    values: dict[str, Any] = {
        "format": FORMAT, "generation": generation, "published_at": 1, "revisions": revisions, "tokens": TOKENS,
        "hosts": ["localhost", "127.0.0.1", "[::1]"],
        "routes": [Route(service="loans", team="lending", champion=revisions[0].id)]}
    return Snapshot(**(values | changes))


class Live:
    """A gateway in this process with its home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.decisions = home / "decisions"
        self.writer = Writer(self.decisions, 0)
        self.claims = Claims(self.decisions / "idempotency.sqlite")
        self.metrics = Metrics()
        self.log = Reader(self.decisions)
        self.app = Gateway(Decider(self.writer, self.claims, self.log), self.metrics)
        self.updates = Updates(home, self.app, self.metrics)
        self.generation = 0

    def publish(self, revisions: list[Revision], **changes: Any) -> None:
        """Publish a snapshot and let the gateway look."""
        self.generation += 1
        publish(self.home / "snapshots", snapshot(self.generation, revisions, **changes))
        self.updates.look()

    def client(self, secret: str | None = "good", **more: Any) -> httpx.AsyncClient:
        """Return a client that carries a token."""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers, **more)

    def ask(self, method: str = "POST", path: str = PATH, secret: str | None = "good", **request: Any) -> httpx.Response:
        """Send one request; without content it asks for a decision."""
        if method == "POST" and not request.keys() & {"content", "json"}:
            request["json"] = BODY

        async def send() -> httpx.Response:
            async with self.client(secret) as client:
                return await client.request(method, path, **request)

        return asyncio.run(send())

    def close(self) -> None:
        """End the writer and close the files."""
        self.writer.close()
        self.claims.close()


@contextmanager
def running(home: Path) -> Iterator[Live]:
    """Run a gateway in this process, one service live."""
    made = Live(home)
    try:
        made.publish([revision(home)])
        yield made
    finally:
        made.close()
