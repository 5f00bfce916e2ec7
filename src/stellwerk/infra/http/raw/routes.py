"""Declaring raw routes: each with its rule, like every other route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from stellwerk.infra.http.raw.answering import Protocol
from stellwerk.kernel.route import Rule, declare

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One handler: ``struct`` is what its body or query becomes; None hands it the bare call.

    ``path`` is a template such as ``/mlflow/logged-models/{model_id}``; a parameter that ends in ``:path`` takes the
    rest. ``json`` tells that a body must be JSON.
    """

    method: str
    path: str
    handler: Handler
    rule: Rule
    struct: type[Any] | None
    protocol: Protocol
    from_query: bool
    limit: int | None


class RawRoutes:
    """The raw routes of a slice, under each of ``prefixes``."""

    def __init__(self, protocol: Protocol, prefixes: tuple[str, ...], area: str = "") -> None:
        self.protocol = protocol
        self.prefixes = prefixes
        self.area = area
        self.endpoints: list[Endpoint] = []

    def add(self, method: str, path: str, rule: Rule, struct: type[Any] | None = None, *,
            limit: int | None = None) -> Callable[[Handler], Handler]:
        """Declare a route; GET and DELETE without a body read ``struct`` from the query."""

        def decorate(handler: Handler) -> Handler:
            declare(handler, rule)
            for prefix in self.prefixes:
                self.endpoints.append(Endpoint(
                    method=method, path=prefix + self.area + path, handler=handler, rule=rule, struct=struct,
                    protocol=self.protocol, from_query=method == "GET", limit=limit))
            return handler

        return decorate

    def get(self, path: str, rule: Rule, struct: type[Any] | None = None) -> Callable[[Handler], Handler]:
        """Declare a GET route."""
        return self.add("GET", path, rule, struct)

    def post(self, path: str, rule: Rule, struct: type[Any] | None = None, *,
             limit: int | None = None) -> Callable[[Handler], Handler]:
        """Declare a POST route; ``limit`` caps its body in bytes (None: the setting ``body_bytes``)."""
        return self.add("POST", path, rule, struct, limit=limit)

    def put(self, path: str, rule: Rule, struct: type[Any] | None = None) -> Callable[[Handler], Handler]:
        """Declare a PUT route."""
        return self.add("PUT", path, rule, struct)

    def patch(self, path: str, rule: Rule, struct: type[Any] | None = None) -> Callable[[Handler], Handler]:
        """Declare a PATCH route."""
        return self.add("PATCH", path, rule, struct)

    def delete(self, path: str, rule: Rule, struct: type[Any] | None = None) -> Callable[[Handler], Handler]:
        """Declare a DELETE route."""
        return self.add("DELETE", path, rule, struct)
