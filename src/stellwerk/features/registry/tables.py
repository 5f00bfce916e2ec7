"""The registry: registered models, their versions, aliases and tags, and who is told about changes."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from stellwerk.infra.tracking_database import NAME, VALUE, metadata

registered_model = Table(
    "registered_model",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("team", String(80)),
    Column("description", VALUE),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

registered_model_tag = Table(
    "registered_model_tag",
    metadata,
    Column("name", NAME, nullable=False),
    Column("key", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("name", "key"),
    sqlite_with_rowid=False,
)

registered_version = Table(
    "registered_version",
    metadata,
    Column("name", NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("description", VALUE),
    Column("user_id", NAME),
    Column("stage", String(12), nullable=False),
    # As the client named it, for display; ``owner_id`` and ``path`` say where the bytes are, ``location`` how clients
    # reach them.
    Column("source", VALUE, nullable=False),
    Column("location", VALUE, nullable=False),
    Column("owner_id", String(34)),
    Column("path", NAME),
    Column("run_id", String(32)),
    Column("run_link", VALUE),
    Column("model_id", String(34)),
    Column("status", String(24), nullable=False),
    Column("status_message", VALUE),
    PrimaryKeyConstraint("name", "version"),
    Index("ix_registered_version_run", "run_id"),
    Index("ix_registered_version_owner", "owner_id"),
    # For the latest version of a stage, and for the newest of all.
    Index("ix_registered_version_stage", "name", "stage", "version"),
    Index("ix_registered_version_newest", "updated_at"),
    sqlite_with_rowid=False,
)

registered_version_tag = Table(
    "registered_version_tag",
    metadata,
    Column("name", NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("name", "version", "key"),
    sqlite_with_rowid=False,
)

model_alias = Table(
    "model_alias",
    metadata,
    Column("name", NAME, nullable=False),
    Column("alias", NAME, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("name", "alias"),
    sqlite_with_rowid=False,
)

# Version numbers are never given twice, not even after a deletion.
version_counter = Table(
    "version_counter",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("last", Integer, nullable=False),
    sqlite_with_rowid=False,
)
