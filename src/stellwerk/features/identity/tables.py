"""People, teams, who is what where, tokens, one-time links and browser sessions."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from stellwerk.infra.database import covered, metadata, uncovered

team = Table(
    "team",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("created_at", Integer, nullable=False),
    info=covered("team"),
)

person = Table(
    "person",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", Integer, nullable=False),
    Column("password_hash", String(200)),
    Column("password_set_at", Integer),
    info=covered("person", volatile=("password_hash",)),
)

membership = Table(
    "membership",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("person_id", String(36), nullable=False, index=True),
    Column("team", String(63)),
    Column("role", String(40), nullable=False),
    Column("granted_by", String(200), nullable=False),
    Column("granted_at", Integer, nullable=False),
    Column("revoked_at", Integer),
    info=covered("membership"),
)

token = Table(
    "token",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(63), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("person_id", String(36), index=True),
    Column("role", String(40), nullable=False),
    Column("team", String(63)),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("revoked_at", Integer),
    info=covered("token"),
)
Index("ix_token_name", token.c.name)

login_link = Table(
    "login_link",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("person_id", String(36), nullable=False, index=True),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("used_at", Integer),
    info=covered("login_link"),
)

session = Table(
    "session",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("person_id", String(36), nullable=False, index=True),
    Column("via", String(8), nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("ended_at", Integer),
    info=uncovered("browser sessions end by themselves; what is done in them is on the ledger"),
)
