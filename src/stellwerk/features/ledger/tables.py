"""Events, the tiles of their trees, the signed heads, and who may seal."""

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, UniqueConstraint

from stellwerk.infra.database import Json, metadata, uncovered

_ITSELF = "part of the ledger itself: proven by hashes and signatures, not by events"

ledger_event = Table(
    "ledger_event",
    metadata,
    # The order of writing; a position in the tree comes later, from the sealer.
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("log", String(40), nullable=False),
    Column("position", Integer),
    Column("at", Integer, nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("actor_id", String(80), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("on_behalf_of", String(80)),
    Column("verb", String(80), nullable=False),
    Column("subject_type", String(40), nullable=False),
    Column("subject_id", String(200), nullable=False),
    Column("table_name", String(80)),
    Column("state_digest", String(64)),
    Column("state_nonce", LargeBinary(16), nullable=False),
    Column("payload", Json),
    Column("detail_nonce", LargeBinary(16), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("log", "position"),
    Index("ix_ledger_event_row", "table_name", "subject_id", "seq"),
    Index("ix_ledger_event_subject", "subject_type", "subject_id", "seq"),
    info=uncovered(_ITSELF),
    sqlite_autoincrement=True,
)
Index("ix_ledger_event_unsealed", ledger_event.c.log, ledger_event.c.seq,
      sqlite_where=ledger_event.c.position.is_(None), postgresql_where=ledger_event.c.position.is_(None))

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("log", String(40), nullable=False),
    Column("level", Integer, nullable=False),
    Column("index", Integer, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("log", "level", "index"),
    info=uncovered(_ITSELF),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("log", String(40), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("root", String(64), nullable=False),
    Column("checkpoint", String(1000), nullable=False),
    Column("signed_at", Integer, nullable=False),
    info=uncovered(_ITSELF),
)

ledger_lease = Table(
    "ledger_lease",
    metadata,
    Column("log", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("expires_at", Integer, nullable=False),
    info=uncovered("says which process seals at present; nothing follows from it later"),
)
