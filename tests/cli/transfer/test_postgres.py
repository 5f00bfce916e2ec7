"""An MLflow database on PostgreSQL, read through a transaction that may not write."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
import pytest

from stellwerk.cli.transfer import rows
from tests.cli.transfer.conftest import Call
from tests.cli.transfer.old_mlflow import OldMlflow, make_tables
from tests.postgres import Postgres
from tests.tracking.serving import Raw, Server, unique

pytestmark = pytest.mark.slow


def test_all_of_it_comes_from_postgres(call: Call, target: Server, raw: Raw, postgres: Postgres,
                                       tmp_path: Path) -> None:
    address = postgres.new_database()
    there = address.replace("postgresql://", "postgresql+psycopg://")
    make_tables(there)
    old = OldMlflow(there, tmp_path / "kept")
    name = unique("pg")
    runs = [hashlib.md5(f"{name}-{number}".encode()).hexdigest() for number in range(3)]
    old.experiment(1, name, location="mlflow-artifacts:/1", tags={"Ä": "ö"})
    for number, run in enumerate(runs):
        old.run(1, run, params={"n": str(number)}, artifacts={"d/f.txt": run.encode()}, points=[
            (key, 1000 + step, step, step / 3, False) for key in ("b", "B", "a_", "ab", "Ünder") for step in range(4)],
                location=f"mlflow-artifacts:/1/{run}/artifacts")
    old.points(runs[0], [("odd", 1, 1, 0.0, True)])
    model = f"m-{runs[1]}"
    old.logged_model(1, model, runs[0], {"MLmodel": b"{}"})
    old.registered(name, [{"source": f"models:/{model}"}], aliases={"best": 1})
    old.close()

    refused = call("import", "mlflow", address)
    assert refused.code == 1
    assert "--artifacts" in refused.err
    said = call("import", "mlflow", address, "--artifacts", str(tmp_path / "kept"), "--json")
    assert said.code == 0, said.out + said.err
    counts = {kind: count["here"] for kind, count in said.json["counts"].items()}
    assert (counts["runs"], counts["metric points"], counts["artifacts"], counts["aliases"]) == (3, 61, 4, 1)
    assert raw.send("GET", "/get-artifact", params={"run_id": runs[2], "path": "d/f.txt"}).content == runs[2].encode()
    database = rows.open_database(address)
    with pytest.raises(Exception, match="read-only transaction"):
        list(database.rows("CREATE TABLE t (a int)"))
    database.close()


def test_a_password_is_never_said(call: Call, target: Server, postgres: Postgres) -> None:
    with psycopg.connect(postgres.address("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE bea LOGIN PASSWORD 'seven quiet signals'")
    said = call("import", "mlflow", f"postgresql://bea:seven%20quiet%20signals@/nothing?host={postgres.folder}")
    assert said.code == 1
    assert "cannot be opened" in said.err
    assert "seven" not in said.out + said.err
