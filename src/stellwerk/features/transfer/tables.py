"""Which things came from where: for going on after a break, and for proving that all is here."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, String, Table

from stellwerk.infra.tracking_database import NAME, metadata

transfer = Table(
    "transfer",
    metadata,
    Column("no", Integer, primary_key=True),
    # The address of a server, a database or an export, without any password.
    Column("source", NAME, nullable=False, unique=True),
    Column("kind", NAME, nullable=False),
    # NULL: what came is shared by all.
    Column("team", String(80)),
    Column("started_at", BigInteger, nullable=False),
    Column("started_by", NAME, nullable=False),
    Column("proved_at", BigInteger),
)

transfer_experiment = Table(
    "transfer_experiment",
    metadata,
    Column("transfer_no", Integer, nullable=False),
    Column("source_id", NAME, nullable=False),
    Column("experiment_id", Integer, nullable=False),
    # 1: an experiment that was here already, whose name was the same.
    Column("merged", SmallInteger, nullable=False),
    PrimaryKeyConstraint("transfer_no", "source_id"),
    sqlite_with_rowid=False,
)

# ``kind`` is run, logged_model or registered_model.
transferred = Table(
    "transferred",
    metadata,
    Column("kind", String(20), nullable=False),
    Column("id", NAME, nullable=False),
    Column("transfer_no", Integer, nullable=False),
    Column("complete", SmallInteger, nullable=False),
    PrimaryKeyConstraint("kind", "id"),
    Index("ix_transferred_transfer", "transfer_no", "kind", "complete"),
    sqlite_with_rowid=False,
)
