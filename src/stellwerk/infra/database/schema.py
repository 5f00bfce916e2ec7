"""The one metadata that slices declare their tables on, and the mark that puts a table on the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON(none_as_null=True)


def covered(subject: str, *, volatile: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the table info that puts rows on the ledger as ``subject``; ``volatile`` columns are left out."""
    return {"ledger": {"subject": subject, "volatile": volatile}}


def uncovered(reason: str) -> dict[str, Any]:
    """Return the table info of a table that is not on the ledger, with the reason that the docs give."""
    return {"ledger": None, "reason": reason}
