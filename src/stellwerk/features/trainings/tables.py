"""Executions of training and all that is needed to do one again."""

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from stellwerk.infra.database import Json, covered, metadata

run = Table(
    "run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", String(36), nullable=False, unique=True),
    Column("service", String(80), nullable=False, index=True),
    Column("state", String(12), nullable=False),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("bundle", String(64), nullable=False),
    Column("code_digest", String(64), nullable=False),
    Column("commit", Json),
    Column("lock_hash", String(64), nullable=False),
    Column("dataset_version_id", String(36), nullable=False),
    Column("params", Json, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("plan", Json, nullable=False),
    Column("person_id", String(36)),
    Column("requested_by", String(200), nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("seconds", Float),
    Column("peak_memory_mb", Float),
    Column("versions", Json),
    Column("artifacts", Json),
    Column("metrics", Json),
    Column("network", String(40)),
    Column("error", Json),
    Column("log_tail", Text),
    Column("repeats_run", String(36)),
    Column("identical", Boolean),
    Column("differs", Json),
    info=covered("run"),
)
