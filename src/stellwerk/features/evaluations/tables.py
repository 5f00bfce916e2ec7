"""Evaluation plans, recorded before their results, and the results with their verdicts."""

from sqlalchemy import Column, Float, Integer, String, Table, Text

from stellwerk.infra.database import Json, covered, metadata

evaluation_plan = Table(
    "evaluation_plan",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", String(36), nullable=False, unique=True),
    Column("service", String(80), nullable=False),
    Column("plan", Json, nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("evaluation_plan"),
)

evaluation = Table(
    "evaluation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("plan_id", String(36), nullable=False, unique=True),
    Column("service", String(80), nullable=False),
    Column("model_version_id", String(36), nullable=False, index=True),
    Column("dataset_version_id", String(36), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("result", Json, nullable=False),
    Column("verdicts", Json, nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("evaluation"),
)

gate_acceptance = Table(
    "gate_acceptance",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("evaluation_id", String(36), nullable=False, index=True),
    Column("gate", String(200), nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("person_name", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    info=covered("gate_acceptance"),
)
