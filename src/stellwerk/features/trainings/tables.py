"""What services' runs were made from and with; the runs themselves, as clients see them, are kept by tracking."""

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

# For runs that took a model which was trained elsewhere: which one, and who made it.
adoption = Table(
    "adoption",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("uri", String(300), nullable=False),
    Column("model", String(300), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source_run", String(32)),
    # Everyone who had a hand in it: ids of people, or of tokens without a person.
    Column("made_by", Json, nullable=False),
    # SHA-256 of each file of the model by its path.
    Column("files", Json, nullable=False),
    info=covered("adoption"),
)
