"""Publishing the routing snapshot: whatever changed in routes, revisions or tokens reaches the gateway."""

from __future__ import annotations

import fcntl
import logging
import threading
from pathlib import Path

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.dataplane.snapshot import (
    FORMAT,
    Field,
    Revision,
    Route,
    Snapshot,
    TokenEntry,
    content_of,
    present_generation,
    publish,
    read,
)
from stellwerk.features.identity import tokens_that_may
from stellwerk.features.releases import repository
from stellwerk.features.releases.aliases import follow_routes
from stellwerk.infra.database import ChangeWatch
from stellwerk.infra.installation import Installation
from stellwerk.kernel import clock
from stellwerk.kernel.errors import StellwerkError

_log = logging.getLogger("stellwerk.publisher")
_LOOK_SECONDS = 0.1
_REST_SECONDS = 2.0


def build_snapshot(connection: Connection, installation: Installation) -> Snapshot:
    """Return the snapshot of the present state, its generation still open."""
    routes = repository.routes(connection)
    wanted = [row[key] for row in routes for key in ("champion", "canary") if row[key]]
    revisions = {row["id"]: row for row in repository.by_ids(connection, wanted)}
    return Snapshot(
        format=FORMAT, generation=0, published_at=0,
        routes=[Route(service=row["id"], team=row["team"], champion=row["champion"], canary=row["canary"],
                      share=row["share"], mode=revisions[row["champion"]]["serving"]["record"]) for row in routes],
        revisions=[_revision(revisions[key]) for key in sorted(revisions)],
        tokens=_tokens(connection), hosts=[name.lower() for name in installation.settings.host_list],
        metrics_public=installation.settings.metrics_public)


def _revision(values: RowMapping) -> Revision:
    serving = values["serving"]
    return Revision(
        id=values["id"], service=values["service"], version=values["version"], model=serving["model"],
        inputs=[Field(**entry) for entry in serving["inputs"]],
        protected=[Field(**entry) for entry in serving["protected"]], subject=serving["subject"],
        threshold=serving["serve"]["threshold"], below=serving["serve"]["below"], between=serving["serve"]["between"],
        title=serving["title"], purpose=serving["purpose"])


def _tokens(connection: Connection) -> list[TokenEntry]:
    readers = {entry.sha256: entry for entry in tokens_that_may(connection, "metrics.read")}
    askers = {entry.sha256: entry for entry in tokens_that_may(connection, "decide")}
    return [TokenEntry(sha256=digest, id=entry.id, name=entry.name, team=entry.team, expires_at=entry.expires_at_us,
                       metrics=digest in readers, decide=digest in askers)
            for digest, entry in (readers | askers).items()]


def publish_if_changed(installation: Installation) -> int:
    """Publish the present state unless the newest snapshot holds it already; returns the generation in force."""
    folder = installation.home.snapshots
    with (installation.home.run / "publisher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with installation.database.read() as connection:
            wanted = build_snapshot(connection, installation)
        generation = present_generation(folder)
        file = folder / f"{generation}.json"
        if _holds(file, wanted):
            return generation
        moment = clock.to_us(clock.now())
        publish(folder, Snapshot(**{name: getattr(wanted, name) for name in wanted.__struct_fields__}
                                 | {"generation": generation + 1, "published_at": moment}))
        return generation + 1


def _holds(file: Path, wanted: Snapshot) -> bool:
    try:
        return content_of(read(file)) == content_of(wanted)
    except (FileNotFoundError, ValueError):
        # Missing or damaged: the next generation takes its place.
        return False


def keep_published(installation: Installation, stop: threading.Event) -> None:
    """Publish after every change of the control database until told to stop; a fault is named and tried again."""
    watch = ChangeWatch(installation.home.control)
    due = False
    while not stop.wait(_LOOK_SECONDS):
        due = watch.changed() or due
        if not due:
            continue
        try:
            publish_if_changed(installation)
            follow_routes(installation)
            due = False
        except (OSError, ValueError, StellwerkError) as error:
            _log.error("the routing snapshot or the aliases were not published: %s", error)
        except Exception as error:  # revoked tokens and releases would never reach the gateway again
            _log.error("the routing snapshot or the aliases were not published", exc_info=error)
            stop.wait(_REST_SECONDS)
    watch.close()
