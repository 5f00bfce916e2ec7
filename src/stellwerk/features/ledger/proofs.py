"""Proofs that a leaf is in a log, taken from the stored tiles."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.service import CONTROL
from stellwerk.infra.crypto import parse_note
from stellwerk.kernel import merkle
from stellwerk.kernel.errors import NotFound, Unavailable


@dataclass(frozen=True)
class Inclusion:
    """That the leaf at ``position`` is in the tree of ``checkpoint``: hashes from the leaf up, in hexadecimal."""

    log: str
    position: int
    size: int
    hashes: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True)
class Anchor:
    """A signed head of another log and the id of the sealed event of ``control`` that recorded it."""

    event_id: str
    checkpoint: str


def inclusion(connection: Connection, log: str, leaf: int | str, *, checkpoint: str | None = None) -> Inclusion:
    """Return the proof of a leaf, given by position or (in ``control``) by event id.

    ``checkpoint`` names an older head of the log to prove against; without it the present one is taken. Raises
    NotFound for an unknown event, Unavailable for one that the head does not cover yet.
    """
    position = leaf if isinstance(leaf, int) else _position_of(connection, log, leaf)
    row = repository.head(connection, log)
    if row is None or position >= row["size"]:
        raise not_sealed()
    head, _ = parse_note(checkpoint or row["checkpoint"])
    if head.log != log or position >= head.size or head.size > row["size"]:
        raise ValueError(f"the checkpoint is no head of {log} that covers position {position}")
    node = merkle.tile_nodes(repository.tile_loader(connection, log))
    hashes = merkle.inclusion_proof(position, head.size, node)
    return Inclusion(log=log, position=position, size=head.size, hashes=tuple(value.hex() for value in hashes),
                     checkpoint=checkpoint or row["checkpoint"])


def _position_of(connection: Connection, log: str, event_id: str) -> int:
    event = repository.get_event(connection, event_id)
    if event is None or event["log"] != log:
        raise NotFound("There is no event with this id.", field="event", value=event_id)
    if event["position"] is None:
        raise not_sealed()
    return int(event["position"])


def not_sealed() -> Unavailable:
    """Return the answer to a question for a proof that comes before the next sealing."""
    return Unavailable("This has no place in the signed ledger yet.", retry_after=2,
                       hint="The worker seals about once a second: ask again, or look whether the worker runs.")


def consistency(connection: Connection, log: str, first: int) -> tuple[str, ...]:
    """Return the hashes which show that the present tree begins with that of ``first`` leaves.

    Raises ValueError when the log never was that long.
    """
    row = repository.head(connection, log)
    node = merkle.tile_nodes(repository.tile_loader(connection, log))
    hashes = merkle.consistency_proof(first, 0 if row is None else row["size"], node)
    return tuple(value.hex() for value in hashes)


def anchor_of(connection: Connection, log: str, position: int) -> Anchor:
    """Return the newest head of another log that ``control`` has recorded and sealed, if it covers the position.

    Raises Unavailable when it does not yet.
    """
    control = repository.head(connection, CONTROL)
    event = None if control is None else repository.last_head_event(connection, log, sealed_below=control["size"])
    if event is None:
        raise not_sealed()
    checkpoint = str(event["payload"]["checkpoint"])
    if parse_note(checkpoint)[0].size <= position:
        raise not_sealed()
    return Anchor(event_id=event["id"], checkpoint=checkpoint)
