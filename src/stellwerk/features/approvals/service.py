"""A person's signed yes or no on the digest of exactly what was seen."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, Literal

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.approvals import repository, tables
from stellwerk.infra.database import Work
from stellwerk.kernel import canonical_json
from stellwerk.kernel.clock import iso, iso_us
from stellwerk.kernel.errors import Forbidden
from stellwerk.kernel.ids import new_id

Verdict = Literal["approve", "reject"]


def sign(work: Work, signer: Callable[[bytes], bytes], *, subject_type: str, subject_id: str, digest: str, role: str,
         verdict: Verdict, reason: str) -> str:
    """Keep a person's answer, signed with the installation's key; returns the id of the approval.

    ``signer`` signs the canonical JSON of the statement. Raises Forbidden where no person stands behind the actor.
    """
    person_id = work.actor.person_id
    if person_id is None:
        raise Forbidden("Only a person can approve or reject.", field="token", value=work.actor.name,
                        hint="Sign in, or use a token that belongs to a person.")
    statement = {"subject_type": subject_type, "subject_id": subject_id, "digest": digest, "person": person_id,
                 "name": work.actor.name, "role": role, "verdict": verdict, "reason": reason, "at": iso(work.now)}
    signature = base64.b64encode(signer(canonical_json.dumps(statement))).decode()
    approval_id = new_id()
    repository.add(work.connection, {
        "id": approval_id, "subject_type": subject_type, "subject_id": subject_id, "digest": digest,
        "person_id": person_id, "person_name": work.actor.name, "role": role, "verdict": verdict, "reason": reason,
        "statement": statement, "signature": signature, "at": work.now_us})
    ledger.record(work, f"approval.{verdict}", tables.approval, approval_id)
    return approval_id


def approvals_of(connection: Connection, subject_type: str, ids: Sequence[str]) -> list[RowMapping]:
    """Return the answers on the subjects, oldest first."""
    return list(repository.of_subjects(connection, subject_type, ids))


def approval_view(row: RowMapping) -> dict[str, Any]:
    """Return an approval as the API shows it."""
    return {"id": row["id"], "person": row["person_name"], "role": row["role"], "verdict": row["verdict"],
            "reason": row["reason"], "at": iso_us(row["at"]), "digest": row["digest"], "signature": row["signature"]}
