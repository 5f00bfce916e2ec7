"""Registered model versions."""

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from stellwerk.infra.database import Json, covered, metadata

model_version = Table(
    "model_version",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("service", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("onnx", String(64), nullable=False),
    Column("estimator", String(200), nullable=False),
    Column("inputs", Json, nullable=False),
    Column("parity", Json, nullable=False),
    Column("scores", String(64), nullable=False),
    Column("background", String(64), nullable=False),
    Column("created_at", Integer, nullable=False),
    UniqueConstraint("service", "number"),
    UniqueConstraint("service", "fingerprint"),
    info=covered("model_version"),
)
