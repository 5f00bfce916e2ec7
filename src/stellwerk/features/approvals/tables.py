"""Signed answers of persons."""

from sqlalchemy import Column, Integer, String, Table, Text

from stellwerk.infra.database import Json, covered, metadata

approval = Table(
    "approval",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("subject_type", String(40), nullable=False),
    Column("subject_id", String(80), nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("person_name", String(200), nullable=False),
    Column("role", String(40), nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("statement", Json, nullable=False),
    Column("signature", String(200), nullable=False),
    Column("at", Integer, nullable=False),
    info=covered("approval"),
)
