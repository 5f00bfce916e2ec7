"""Data sets, their immutable versions, and what the checks of a contract found."""

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint

from stellwerk.infra.database import Json, covered, metadata

dataset = Table(
    "dataset",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("service", String(80), nullable=False),
    Column("name", String(120), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("dataset"),
)

dataset_version = Table(
    "dataset_version",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("dataset_id", String(200), nullable=False),
    Column("number", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("contract_digest", String(64), nullable=False),
    Column("contract", Text, nullable=False),
    Column("lake_version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("schema", Json, nullable=False),
    Column("profile", Json, nullable=False),
    Column("source", Json, nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("created_at", Integer, nullable=False),
    UniqueConstraint("dataset_id", "number"),
    UniqueConstraint("dataset_id", "content_hash", "contract_digest"),
    info=covered("dataset_version"),
)

quality_report = Table(
    "quality_report",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", String(36), nullable=False, unique=True),
    Column("dataset_id", String(200), nullable=False),
    Column("dataset_version_id", String(36), index=True),
    Column("contract_digest", String(64), nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("report", Json, nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("quality_report"),
)
