"""Which names stand for which bytes: artifacts of runs and logged models, and uploads under way."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from stellwerk.infra.tracking_database import NAME, metadata

artifact = Table(
    "artifact",
    metadata,
    # A run's or logged model's id; the path below its artifact root.
    Column("owner_id", String(34), nullable=False),
    Column("path", NAME, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner_id", "path"),
    Index("ix_artifact_sha256", "sha256"),
    sqlite_with_rowid=False,
)

upload = Table(
    "upload",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(34), nullable=False),
    Column("path", NAME, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # Set when it is complete, so that completing it again is no error.
    Column("sha256", String(64)),
    Index("ix_upload_started", "started_at"),
)
