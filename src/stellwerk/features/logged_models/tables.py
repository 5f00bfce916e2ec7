"""Logged models: what a run or a person made, with its own params, tags and metrics, before any registration."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, PrimaryKeyConstraint, SmallInteger, String, Table

from stellwerk.infra.tracking_database import NAME, VALUE, metadata

logged_model = Table(
    "logged_model",
    metadata,
    Column("id", String(34), primary_key=True),
    Column("experiment_id", Integer, nullable=False),
    Column("name", NAME, nullable=False),
    # As the client says; empty where it says none, like the other texts.
    Column("source_run_id", NAME, nullable=False),
    Column("status", String(24), nullable=False),
    Column("status_message", VALUE, nullable=False),
    Column("model_type", NAME, nullable=False),
    Column("lifecycle", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_logged_model_newest", "experiment_id", "created_at"),
)

logged_model_param = Table(
    "logged_model_param",
    metadata,
    Column("model_id", String(34), nullable=False),
    Column("key", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_tag = Table(
    "logged_model_tag",
    metadata,
    Column("model_id", String(34), nullable=False),
    Column("key", NAME, nullable=False),
    Column("value", VALUE, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_metric = Table(
    "logged_model_metric",
    metadata,
    Column("model_id", String(34), nullable=False),
    Column("key", NAME, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    # Empty where the metric speaks of no data set, so that the key holds no NULL.
    Column("dataset_name", NAME, nullable=False),
    Column("dataset_digest", NAME, nullable=False),
    PrimaryKeyConstraint("model_id", "key", "timestamp", "step", "run_id", "dataset_name", "dataset_digest", "value",
                         "is_nan"),
    sqlite_with_rowid=False,
)

# ``role`` is "input" or "output"; ``step`` counts only for outputs.
run_model = Table(
    "run_model",
    metadata,
    Column("run_id", String(32), nullable=False),
    Column("role", String(6), nullable=False),
    Column("model_id", String(34), nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "role", "model_id"),
    Index("ix_run_model_model", "model_id"),
    sqlite_with_rowid=False,
)
