"""Services, the bundles of their code and the manifests that describe them."""

from sqlalchemy import Column, Integer, String, Table, Text

from stellwerk.infra.database import Json, covered, metadata

service = Table(
    "service",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("team", String(80), nullable=False),
    Column("title", String(200), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("risk", String(12), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("service"),
)

bundle = Table(
    "bundle",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("service", String(80), nullable=False),
    Column("code_digest", String(64), nullable=False),
    Column("files", Json, nullable=False),
    Column("commit", Json),
    Column("person_id", String(36)),
    Column("brought_by", String(200), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("bundle"),
)

manifest = Table(
    "manifest",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("service", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("person_id", String(36)),
    Column("brought_by", String(200), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("manifest"),
)
