"""Giving events their positions and signing what the tree then is. One sealer per log, about once a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.service import CONTROL, append
from stellwerk.infra.crypto import PublicKey, SigningKey, verify_note
from stellwerk.infra.database import Database, Work
from stellwerk.kernel import merkle
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import Conflict, StellwerkError

LeafSource = Callable[[int, int], Sequence[bytes]]
"""Gives the leaf data of a log from a position on, at most so many, in order; empty when there are no more."""

_LEASE_US = 15_000_000


@dataclass(frozen=True)
class Head:
    """A signed tree head: ``root`` in hexadecimal, ``checkpoint`` as C2SP note, ``signed_at`` in microseconds."""

    log: str
    size: int
    root: str
    checkpoint: str
    signed_at: int


def head_of(row: RowMapping) -> Head:
    """Return a stored head."""
    return Head(log=row["log"], size=row["size"], root=row["root"], checkpoint=row["checkpoint"],
                signed_at=row["signed_at"])


def get_head(connection: Connection, log: str = CONTROL) -> Head | None:
    """Return the present head of a log, or None before its first sealing."""
    row = repository.head(connection, log)
    return None if row is None else head_of(row)


def seal_once(database: Database, key: SigningKey, log: str = CONTROL, leaves: LeafSource | None = None, *,
              holder: str = "worker", at_most: int = 10_000) -> Head | None:
    """Seal what has come since the last head, at most ``at_most`` leaves, and return the new head.

    Without ``leaves`` the log is that of the events in this database. With them it is a log kept elsewhere (the
    segments of a decision writer): its new head then becomes an event of ``control``. Returns None when there is
    nothing to seal or another holder seals this log; nothing is written then. Raises Conflict when the stored
    tree is not the one that was signed last, or was signed by another key: nothing is signed over such a tree.
    """
    if leaves is None:
        return _seal_events(database, key, log, holder, at_most)
    with database.read() as connection:
        start = _size(connection, log)
    data = leaves(start, at_most)
    if not data:
        return None
    hashes = [merkle.leaf_hash(leaf) for leaf in data]
    with database.write(SYSTEM) as work:
        # Another sealer may have been faster while the leaves were read.
        if not _may_seal(work, log, holder) or _size(work.connection, log) != start:
            return None
        head = _grow(work, key, log, hashes)
        append(work, "head.sealed", "log", log, {"checkpoint": head.checkpoint})
        return head


def _seal_events(database: Database, key: SigningKey, log: str, holder: str, at_most: int) -> Head | None:
    with database.read() as connection:
        if not repository.has_unsealed(connection, log):
            return None
    with database.write(SYSTEM) as work:
        if not _may_seal(work, log, holder):
            return None
        events = repository.unsealed(work.connection, log, at_most)
        if not events:
            return None
        head = _grow(work, key, log, [merkle.leaf_hash(row["leaf"]) for row in events])
        start = head.size - len(events)
        if repository.last_position(work.connection, log) != start - 1:
            raise _broken(log, "its events hold positions that its signed head does not cover")
        repository.set_positions(work.connection, [(row["seq"], start + n) for n, row in enumerate(events)])
        return head


def _may_seal(work: Work, log: str, holder: str) -> bool:
    return repository.take_lease(work.connection, log, holder, work.now_us, work.now_us + _LEASE_US)


def _size(connection: Connection, log: str) -> int:
    row = repository.head(connection, log)
    return 0 if row is None else int(row["size"])


def _grow(work: Work, key: SigningKey, log: str, hashes: Sequence[bytes]) -> Head:
    load = repository.tile_loader(work.connection, log)
    size = _checked_size(work.connection, key.public, log, merkle.tile_nodes(load))
    tiles = merkle.appended_tiles(size, hashes, load)
    repository.put_tiles(work.connection, log, tiles)
    size += len(hashes)

    def load_grown(level: int, index: int) -> bytes:
        return tiles.get((level, index)) or load(level, index)

    root = merkle.root(size, merkle.tile_nodes(load_grown))
    head = Head(log=log, size=size, root=root.hex(), checkpoint=key.checkpoint(log, size, root),
                signed_at=work.now_us)
    repository.put_head(work.connection, {
        "log": head.log, "size": head.size, "root": head.root, "checkpoint": head.checkpoint,
        "signed_at": head.signed_at})
    return head


def _checked_size(connection: Connection, key: PublicKey, log: str, node: merkle.Node) -> int:
    """Return the size of the tree after making sure that it is the one signed last."""
    row = repository.head(connection, log)
    if row is None:
        return 0
    try:
        signed = verify_note(row["checkpoint"], key)
        kept = merkle.root(row["size"], node)
    except (StellwerkError, ValueError) as error:
        raise _broken(log, str(error)) from error
    if (signed.log, signed.size, signed.root) != (log, row["size"], kept):
        raise _broken(log, "its stored hashes do not give the root that was signed")
    return int(row["size"])


def _broken(log: str, why: str) -> Conflict:
    return Conflict(f"The log {log} is not continued: {why}.", field="log", value=log,
                    hint="Run: stellwerk verify. It names what was changed; restore it from a backup.")
