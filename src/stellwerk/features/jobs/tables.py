"""Durable pieces of work and what they report while they run."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from stellwerk.infra.database import Json, covered, metadata, uncovered

job = Table(
    "job",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("service", String(80)),
    Column("team", String(80)),
    Column("state", String(12), nullable=False),
    Column("request", Json, nullable=False),
    Column("requested_by", Json, nullable=False),
    Column("person_id", String(36)),
    Column("created_at", Integer, nullable=False),
    Column("started_at", Integer),
    Column("finished_at", Integer),
    Column("result", Json),
    Column("error", Json),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("stage", String(40)),
    Column("outputs", Json, nullable=False),
    info=covered("job", volatile=("stage", "outputs")),
)
Index("ix_job_state", job.c.state)
Index("ix_job_service_created", job.c.service, job.c.created_at)

job_progress = Table(
    "job_progress",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String(36), nullable=False),
    Column("at", Integer, nullable=False),
    Column("stage", String(40), nullable=False),
    Column("status", String(12), nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Json),
    info=uncovered("progress lines for people who watch; the outcome stands in the job itself"),
)
Index("ix_job_progress_job", job_progress.c.job_id, job_progress.c.seq)
