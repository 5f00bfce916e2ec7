"""What is deployed and how traffic is split over it."""

from sqlalchemy import Column, Float, Integer, String, Table, UniqueConstraint

from stellwerk.infra.database import Json, covered, metadata

revision = Table(
    "revision",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("service", String(80), nullable=False, index=True),
    Column("team", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("model_version_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("evaluation_id", String(36), nullable=False, unique=True),
    Column("dataset_version_id", String(36), nullable=False),
    Column("bundle", String(64), nullable=False),
    Column("manifest", String(64), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("approval", Json),
    Column("serving", Json, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("person_id", String(36)),
    Column("requested_by", String(200), nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("state_at", Integer, nullable=False),
    Column("approved_at", Integer),
    Column("champion_at", Integer),
    UniqueConstraint("service", "number"),
    info=covered("revision"),
)

route = Table(
    "route",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("team", String(80), nullable=False),
    Column("champion", String(36), nullable=False),
    Column("canary", String(36)),
    Column("share", Float, nullable=False),
    Column("changed_at", Integer, nullable=False),
    info=covered("route"),
)
