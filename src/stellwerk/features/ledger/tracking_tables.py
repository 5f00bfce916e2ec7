"""Events of the log ``tracking``, kept beside what they speak of so that both are committed together."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from stellwerk.infra.tracking_database import VALUE, metadata

tracking_event = Table(
    "tracking_event",
    metadata,
    # The order of writing, and the position in the tree of the log.
    Column("position", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("actor_id", VALUE, nullable=False),
    Column("actor_name", VALUE, nullable=False),
    Column("on_behalf_of", VALUE),
    Column("verb", VALUE, nullable=False),
    Column("subject_type", String(40), nullable=False),
    Column("subject_id", VALUE, nullable=False),
    Column("state_digest", String(64)),
    Column("state_nonce", LargeBinary, nullable=False),
    Column("payload", VALUE),
    Column("detail_nonce", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("ix_tracking_event_subject", "subject_type", "subject_id", "position"),
)
