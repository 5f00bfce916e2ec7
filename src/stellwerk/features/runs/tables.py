"""Runs and what they log. Keys and runs stand as numbers in the large tables, ordered by run and key."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from stellwerk.infra.tracking_database import NAME, VALUE, metadata

# SQLite numbers rows itself only where the key is exactly INTEGER.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
# Longer values would not fit into an index entry of PostgreSQL.
INDEXED = 100



def _index_values(table: Table) -> None:
    # SQLite counts and orders by the index alone where whole values stand in it; PostgreSQL takes their beginnings.
    Index(f"ix_{table.name}_value", table.c.key_no, table.c.value, table.c.run_no).ddl_if(dialect="sqlite")
    Index(f"ix_{table.name}_begin", table.c.key_no, text(f"substr(value, 1, {INDEXED})"), table.c.run_no).ddl_if(
        dialect="postgresql")


run = Table(
    "run",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("experiment_id", Integer, nullable=False),
    Column("name", NAME, nullable=False),
    Column("user_id", NAME, nullable=False),
    Column("status", String(10), nullable=False),
    Column("lifecycle", String(8), nullable=False),
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("deleted_at", BigInteger),
    # The person or token that opened it, as admitted; ``user_id`` is only what the client says.
    Column("created_by", NAME, nullable=False),
)
Index("ix_run_newest", run.c.experiment_id, run.c.lifecycle, run.c.start_time.desc(), run.c.id)

key = Table(
    "key",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
)

metric = Table(
    "metric",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("key_no", NUMBER, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    # A metric is a set of points: the same point again changes nothing.
    PrimaryKeyConstraint("run_no", "key_no", "timestamp", "step", "value", "is_nan"),
    sqlite_with_rowid=False,
)

latest_metric = Table(
    "latest_metric",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("key_no", NUMBER, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    PrimaryKeyConstraint("run_no", "key_no"),
    Index("ix_latest_metric_value", "key_no", "is_nan", "value", "run_no"),
    sqlite_with_rowid=False,
)

param = Table(
    "param",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("key_no", NUMBER, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("run_no", "key_no"),
    sqlite_with_rowid=False,
)
_index_values(param)

run_tag = Table(
    "run_tag",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("key_no", NUMBER, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("run_no", "key_no"),
    sqlite_with_rowid=False,
)
_index_values(run_tag)

dataset = Table(
    "dataset",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("experiment_id", Integer, nullable=False),
    Column("name", NAME, nullable=False),
    Column("digest", NAME, nullable=False),
    Column("source_type", VALUE, nullable=False),
    Column("source", VALUE, nullable=False),
    Column("schema", VALUE),
    Column("profile", VALUE),
    UniqueConstraint("experiment_id", "name", "digest"),
)

run_input = Table(
    "run_input",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("dataset_no", NUMBER, nullable=False),
    PrimaryKeyConstraint("run_no", "dataset_no"),
    Index("ix_run_input_dataset", "dataset_no", "run_no"),
    sqlite_with_rowid=False,
)

run_input_tag = Table(
    "run_input_tag",
    metadata,
    Column("run_no", NUMBER, nullable=False),
    Column("dataset_no", NUMBER, nullable=False),
    Column("name", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("run_no", "dataset_no", "name"),
    sqlite_with_rowid=False,
)

# Runs whose content has changed since the ledger last spoke of them.
unsealed_run = Table(
    "unsealed_run",
    metadata,
    Column("run_no", NUMBER, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    # Grows with each change, so that a digest taken meanwhile is known to be old.
    Column("changes", BigInteger, nullable=False),
)
