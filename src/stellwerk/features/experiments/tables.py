"""Experiments: named collections of runs, owned by a team or shared by all."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, PrimaryKeyConstraint, String, Table

from stellwerk.infra.tracking_database import NAME, VALUE, metadata

experiment = Table(
    "experiment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    # NULL: shared by all who may read runs at all.
    Column("team", String(80)),
    Column("lifecycle", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

experiment_tag = Table(
    "experiment_tag",
    metadata,
    Column("experiment_id", Integer, ForeignKey("experiment.id"), nullable=False),
    Column("key", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("experiment_id", "key"),
    sqlite_with_rowid=False,
)
