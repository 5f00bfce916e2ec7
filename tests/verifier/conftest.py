"""A pack made by the real builder from the real tables, over a ledger with other events around."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Boolean, Float, Integer, Table, insert, update

from stellwerk.features import ledger
from stellwerk.features.approvals import tables as approvals
from stellwerk.features.datasets import tables as datasets
from stellwerk.features.evaluations import tables as evaluations
from stellwerk.features.ledger import tables as ledger_tables
from stellwerk.features.ledger.packs import DecisionPart, build_pack
from stellwerk.features.models import tables as models
from stellwerk.features.releases import tables as releases
from stellwerk.features.services import tables as services
from stellwerk.features.trainings import tables as runs
from stellwerk.infra.crypto import SigningKey
from stellwerk.infra.database import Database, Json, Work
from stellwerk.kernel import canonical_json
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.hashing import sha256_hex

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
VERA = Actor(kind="person", id="p-2", name="Vera Validator", person_id="p-2")
TABLES: dict[str, Table] = {table.name: table for table in (
    releases.revision, evaluations.evaluation, evaluations.evaluation_plan, evaluations.gate_acceptance,
    models.model_version, runs.run, services.service, services.bundle, services.manifest, approvals.approval,
    datasets.dataset_version, datasets.quality_report)}
ROWS = [("service", "lending"), ("bundle", "b" * 64), ("manifest", "c" * 64), ("dataset_version", "dv-1"),
        ("quality_report", "qr-1"),
        ("run", "run-1"), ("model_version", "mv-1"), ("evaluation_plan", "plan-1"), ("evaluation", "ev-1"),
        ("gate_acceptance", "ga-1"), ("revision", "rev-1"), ("approval", "ap-1")]
DIGEST = "d" * 64


def fill(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a row: what the test does not care about gets a value of its type."""
    row: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type
        if column.nullable or column.name in values:
            row[column.name] = values.get(column.name)
        elif isinstance(kind, (Integer, Float)):
            row[column.name] = 1
        elif isinstance(kind, Boolean):
            row[column.name] = True
        else:
            row[column.name] = {"some": ["value", 0.25]} if isinstance(kind, Json.__class__) else "x"
    return row


def add(work: Work, name: str, row_id: str, verb: str, **values: Any) -> None:
    table = TABLES[name]
    work.connection.execute(insert(table).values(**fill(table, {"id": row_id, **values})))
    ledger.record(work, verb, table, row_id)


def make_approval(work: Work, row_id: str, **changes: Any) -> None:
    statement = {"subject_type": "revision", "subject_id": "rev-1", "digest": DIGEST, "person": "p-2",
                 "name": "Vera Validator", "role": "validator", "verdict": "approve", "reason": "Ünder review, fine"}
    signature = base64.b64encode(KEY.sign(canonical_json.dumps(statement))).decode()
    columns = {name: value for name, value in statement.items() if name not in ("person", "name")}
    add(work, "approval", row_id, "approval.approve", **{
        **columns, "person_id": "p-2", "person_name": "Vera Validator", "statement": statement,
        "signature": signature, **changes})


def make_history(database: Database, **revision: Any) -> None:
    links = {"model_version_id": "mv-1", "run_id": "run-1", "evaluation_id": "ev-1", "dataset_version_id": "dv-1",
             "bundle": "b" * 64, "manifest": "c" * 64, "service": "lending"}
    for table in TABLES.values():
        with database.write(VERA) as work:
            table.create(work.connection)
    with database.write(VERA) as work:
        for number in range(20):
            add(work, "bundle", f"{number:064}", "bundle.brought")
        add(work, "service", "lending", "service.created")
        add(work, "bundle", "b" * 64, "bundle.brought")
        add(work, "manifest", "c" * 64, "manifest.brought")
        add(work, "dataset_version", "dv-1", "dataset.read", rows=2380, content_hash="e" * 64)
        add(work, "quality_report", "qr-1", "quality.checked", dataset_version_id="dv-1")
        add(work, "run", "run-1", "run.started", **links)
        add(work, "evaluation_plan", "plan-1", "evaluation.planned")
        add(work, "model_version", "mv-1", "version.registered", **links)
        add(work, "evaluation", "ev-1", "evaluation.recorded", plan_id="plan-1", **links)
        add(work, "gate_acceptance", "ga-1", "gate.accepted", evaluation_id="ev-1")
        add(work, "revision", "rev-1", "revision.proposed",
            **{"version": 2, "content_digest": DIGEST, "threshold": 0.65, **links, **revision})
        make_approval(work, "ap-1")
    for state in ("approve", "champion"):
        with database.write(VERA) as work:
            work.connection.execute(update(releases.revision).values(state=state))
            ledger.record(work, f"revision.{state}", releases.revision, "rev-1")
    while ledger.seal_once(database, KEY, at_most=9):
        pass


PERSONAL = {"inputs": {"income": 4200.5, "purpose": "Haus"}, "subject": "A-17", "protected": {"race": "x"}}
NONCE = bytes(range(16))


def decision_leaf(number: int, at: str = "2999-01-01T00:00:00.000000Z", **changes: Any) -> bytes:
    return canonical_json.dumps({
        "v": 1, "id": f"de-{number}", "at": at, "service": "lending", "revision": "rev-1", "model_version": 2,
        "route": "champion", "caller": "t-1", "decision": "selected", "score": 0.71, "threshold": 0.65, "marks": [],
        "mode": "sync", "commitment": sha256_hex(NONCE + canonical_json.dumps(PERSONAL)), **changes})


def make_pack(database: Database, leaf: bytes | None = None, rows: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Seal eleven decisions, of which ``leaf`` is number 6, and return its pack."""
    leaves = [decision_leaf(number) for number in range(11)]
    leaves[6] = leaf or leaves[6]
    ledger.seal_once(database, KEY, "decisions-3", lambda start, limit: leaves[start:start + limit])
    ledger.seal_once(database, KEY)
    part = DecisionPart(leaf=leaves[6], personal=PERSONAL, nonce=NONCE, log="decisions-3", position=6)
    with database.read() as connection:
        pack = build_pack(connection, KEY, part, ROWS if rows is None else rows, tables=TABLES)
    found: dict[str, Any] = json.loads(json.dumps(pack))
    return found


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = Database(tmp_path / "control.sqlite")
    with opened.write(VERA) as work:
        for table in (ledger_tables.ledger_event, ledger_tables.ledger_tile, ledger_tables.ledger_head,
                      ledger_tables.ledger_lease):
            table.create(work.connection)
    return opened


@pytest.fixture
def pack(database: Database) -> dict[str, Any]:
    make_history(database)
    return make_pack(database)
