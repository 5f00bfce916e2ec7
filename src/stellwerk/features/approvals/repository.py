"""Every query on approvals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.approvals.tables import approval


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert an approval."""
    connection.execute(insert(approval).values(**values))


def of_subjects(connection: Connection, subject_type: str, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the approvals of the subjects, oldest first."""
    return connection.execute(
        select(approval).where(approval.c.subject_type == subject_type, approval.c.subject_id.in_(ids))
        .order_by(approval.c.at, approval.c.id)
    ).mappings().all()
