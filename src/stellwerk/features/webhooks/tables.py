"""Webhooks: who is told about changes of the registry, and each message on its way."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from stellwerk.infra.tracking_database import NAME, VALUE, metadata

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("url", VALUE, nullable=False),
    Column("description", VALUE),
    Column("status", String(8), nullable=False),
    # Encrypted under a key of the home; NULL: messages are not signed.
    Column("secret", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Failures since the last success; no message leaves before ``paused_until``.
    Column("failures", Integer, nullable=False),
    Column("paused_until", BigInteger, nullable=False),
    Index("ix_webhook_created", "created_at", "id"),
)

webhook_event = Table(
    "webhook_event",
    metadata,
    Column("event", String(64), nullable=False),
    Column("webhook_id", String(36), ForeignKey("webhook.id"), nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("event", "webhook_id"),
    Index("ix_webhook_event_webhook", "webhook_id", "position"),
    sqlite_with_rowid=False,
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook_id", String(36), ForeignKey("webhook.id"), nullable=False),
    Column("event", String(64), nullable=False),
    # The body as it is sent, the same in every attempt.
    Column("body", VALUE, nullable=False),
    Column("state", String(9), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Later than its creation where a person has let it be sent again.
    Column("queued_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("last_status", Integer),
    Column("last_error", VALUE),
    Index("ix_webhook_delivery_due", "webhook_id", "state", "attempts", "next_at", "id"),
    Index("ix_webhook_delivery_list", "webhook_id", "id"),
    Index("ix_webhook_delivery_ended", "ended_at"),
)
