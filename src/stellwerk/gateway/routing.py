"""Which revision answers: the present snapshot with its models loaded, swapped whole."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from stellwerk.dataplane.request_check import RequestCheck
from stellwerk.dataplane.snapshot import Revision, Route, Snapshot, TokenEntry
from stellwerk.engines.onnx import OnnxModel
from stellwerk.kernel.errors import Forbidden, NotFound, Unauthenticated


@dataclass(frozen=True)
class Deployed:
    """A revision ready to answer."""

    revision: Revision
    check: RequestCheck
    model: OnnxModel

    def decide(self, score: float) -> str:
        """Return selected, review or rejected for a score."""
        revision = self.revision
        if revision.between is not None:
            low, high = revision.between
            return "selected" if score >= high else "review" if score >= low else "rejected"
        if score >= revision.threshold:
            return "selected"
        return "review" if revision.below == "review" else "rejected"


@dataclass(frozen=True)
class Routing:
    """One snapshot as the gateway uses it."""

    snapshot: Snapshot
    routes: Mapping[str, Route] = field(default_factory=dict)
    deployed: Mapping[str, Deployed] = field(default_factory=dict)
    tokens: Mapping[str, TokenEntry] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()

    def caller(self, authorization: str, now_us: int) -> TokenEntry:
        """Return whose token this is; raises Unauthenticated for none, an unknown or an expired one."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise Unauthenticated("This address asks for a token.", field="Authorization",
                                  hint="Send 'Authorization: Bearer TOKEN'.")
        digest = hashlib.sha256(value.strip().encode("utf-8", "surrogateescape")).hexdigest()
        entry = self.tokens.get(digest)
        valid = entry is not None and hmac.compare_digest(entry.sha256, digest)
        if entry is None or not valid or (entry.expires_at is not None and entry.expires_at <= now_us):
            raise Unauthenticated("The token is not valid here: unknown, expired, revoked, or not for decisions.",
                                  field="Authorization", hint="stellwerk token create NAME --role operator --team TEAM")
        return entry

    def route(self, service: str, caller: TokenEntry) -> Route:
        """Return the route of a service that the caller may use; raises NotFound for any other.

        Raises Forbidden for a token that may not ask for decisions at all.
        """
        if not caller.decide:
            raise Forbidden(f"{caller.name} may not ask for decisions.", field="permission", value="decide",
                            hint="Use a token with the role operator or builder.")
        found = self.routes.get(service)
        if found is None or caller.team not in (None, found.team):
            raise NotFound(f"No service {service[:80]!r} is live that this token may ask.", field="service",
                           value=service[:80], allowed=sorted(
                               name for name, route in self.routes.items() if caller.team in (None, route.team))[:50])
        return found

    def choose(self, route: Route, key: str) -> tuple[Deployed, str]:
        """Return the revision for a key (the subject, else the decision's id), always the same for the same key."""
        if route.canary is not None and share_of(route.service, key) < route.share:
            return self.deployed[route.canary], "canary"
        return self.deployed[route.champion], "champion"


def share_of(service: str, key: str) -> float:
    """Return the fixed place of a key in [0, 1) for a service."""
    digest = hashlib.blake2b(f"{service}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def build(snapshot: Snapshot, objects: Path, former: Routing | None) -> Routing:
    """Return the routing of a snapshot with every model loaded and warm; keeps what the former one has loaded.

    Raises OSError or ValueError when a model cannot be loaded; the former routing stays in use then.
    """
    kept = former.deployed if former else {}
    deployed: dict[str, Deployed] = {}
    for revision in snapshot.revisions:
        known = kept.get(revision.id)
        deployed[revision.id] = known if known and known.revision == revision else _deploy(revision, objects)
    routes = {route.service: route for route in snapshot.routes}
    lost = [route.service for route in snapshot.routes
            if route.champion not in deployed or (route.canary and route.canary not in deployed)]
    if lost:
        raise ValueError(f"routes name revisions that the snapshot lacks: {lost}")
    return Routing(snapshot=snapshot, routes=routes, deployed=deployed,
                   tokens={entry.sha256: entry for entry in snapshot.tokens},
                   hosts=frozenset(name.lower() for name in snapshot.hosts))


def with_access(former: Routing, snapshot: Snapshot) -> Routing:
    """Return a routing that lets in whom a newer snapshot lets in, under the names that it knows; all else stays."""
    return replace(former, tokens={entry.sha256: entry for entry in snapshot.tokens},
                   hosts=frozenset(name.lower() for name in snapshot.hosts))


def _deploy(revision: Revision, objects: Path) -> Deployed:
    digest = revision.model
    data = (objects / digest[:2] / digest[2:]).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"the model of revision {revision.id} does not have the content that was approved")
    model = OnnxModel(data, [(entry.name, entry.type) for entry in revision.inputs])
    with contextlib.suppress(ValueError):
        # The first run is slow, so it is not left to a request; whether it likes missing values is no matter here.
        model.score_one(dict.fromkeys(entry.name for entry in revision.inputs))
    return Deployed(revision, RequestCheck(revision.inputs, revision.protected, revision.subject), model)
