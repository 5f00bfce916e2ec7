"""``stellwerk import mlflow DATABASE``: all of it comes, under the same ids, and a second call brings nothing twice."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.transfer.conftest import Call
from tests.cli.transfer.old_mlflow import OldMlflow
from tests.tracking.serving import Raw, Server, unique

MODEL = "m-" + "c" * 32


def _id(letter: str, old: OldMlflow) -> str:
    return hashlib.md5(f"{letter}-{old.number}-{old.url}".encode()).hexdigest()


@pytest.fixture
def filled(old: OldMlflow) -> dict[str, Any]:
    """A database with a little of everything, and the names in it."""
    names = {"experiment": unique("churn"), "gone": unique("gone"), "model": unique("model"),
             "run": _id("a", old), "deleted": _id("b", old), "open": _id("c", old), "logged": f"m-{_id('m', old)}"}
    old.experiment(1, names["experiment"], tags={"owner": "bea"})
    old.experiment(2, names["gone"], stage="deleted")
    old.run(1, names["run"], name="Früh", params={"depth": "3", "empty": ""}, tags={"kind": "x"},
            points=[("loss", 1000 + step, step, 1 / (step + 1), False) for step in range(50)]
            + [("loss", 999, 70, 7.0, False), ("bad", 1, 0, 0.0, True), ("back", 5, -3, -1.5, False)],
            artifacts={"notes/größe.txt": b"hello", "model.bin": bytes(range(256)) * 300, "copy.bin": b"hello"})
    old.run(1, names["deleted"], stage="deleted", name="old")
    old.run(2, names["open"], status="RUNNING", points=[("loss", 1, 1, 0.5, False)])
    old.dataset(1, names["run"], unique("train"), "training")
    old.logged_model(1, names["logged"], names["run"], {"MLmodel": b"flavors: {}", "data/weights": b"\0" * 70_000})
    old.registered(names["model"], [
        {"source": f"models:/{names['logged']}", "description": "the first", "current_stage": "Production",
         "run_id": names["run"]},
        {"source": f"runs:/{names['run']}/notes", "run_id": names["run"]},
        {"current_stage": "Deleted_Internal"},
        {"source": "s3://elsewhere/model"}], aliases={"champion": 1, "next": 2}, description="Says who leaves",
        tags={"use": "churn"})
    return names


def test_everything_comes_under_its_ids(call: Call, target: Server, raw: Raw, old: OldMlflow,
                                        filled: dict[str, Any]) -> None:
    said = call("import", "mlflow", old.url, "--json")
    assert said.code == 0, said.out + said.err
    report = said.json
    assert report["holds"] is True
    assert {kind: count["here"] for kind, count in report["counts"].items()} == {
        "experiments": 2, "runs": 3, "metric points": 54, "params": 2, "tags": 4, "data set inputs": 1,
        "links to logged models": 1, "artifacts": 5, "bytes of artifacts": 5 + 76_800 + 5 + 11 + 70_000,
        "logged models": 1, "registered models": 1, "versions": 3, "aliases": 2}
    assert all(count["here"] == count["source"] for count in report["counts"].values())
    assert report["left_out"] == [
        f"files of versions whose source is no run's and no logged model's: {filled['model']}/4 (s3://elsewhere/model)"]
    mapped = {row["name"]: row["experiment_id"] for row in report["experiments"]}

    run = raw.get("runs/get", run_id=filled["run"])["run"]
    assert run["info"]["experiment_id"] == mapped[filled["experiment"]]
    assert (run["info"]["run_name"], run["info"]["user_id"], run["info"]["status"]) == ("Früh", "bea", "FINISHED")
    assert (run["info"]["start_time"], run["info"]["end_time"]) == (1_700_000_001_000, 1_700_000_009_000)
    data = raw.data(filled["run"])
    assert data == {"metrics": {"loss": 7.0, "bad": "NaN", "back": -1.5}, "params": {"depth": "3", "empty": ""},
                    "tags": {"kind": "x", "mlflow.runName": "Früh"}}
    history = raw.get("metrics/get-history", run_id=filled["run"], metric_key="loss")["metrics"]
    assert [(point["timestamp"], point["step"]) for point in history] == [(999, 70), *(
        (1000 + step, step) for step in range(50))]
    assert history[3]["value"] == 1 / 3
    used = run["inputs"]["dataset_inputs"][0]
    assert used["dataset"]["profile"] == '{"rows": 3}'
    assert used["tags"] == [{"key": "mlflow.data.context", "value": "training"}]
    assert run["outputs"]["model_outputs"] == [{"model_id": filled["logged"], "step": 4}]
    assert raw.get("runs/get", run_id=filled["deleted"])["run"]["info"]["lifecycle_stage"] == "deleted"
    gone = raw.get("experiments/get", experiment_id=mapped[filled["gone"]])["experiment"]
    assert (gone["lifecycle_stage"], gone["creation_time"]) == ("deleted", 1_700_000_000_002)


def test_files_and_models_can_be_used_at_once(call: Call, target: Server, raw: Raw, old: OldMlflow,
                                              filled: dict[str, Any]) -> None:
    assert call("import", "mlflow", old.url).code == 0
    for path, content in (("notes/größe.txt", b"hello"), ("model.bin", bytes(range(256)) * 300)):
        answer = raw.send("GET", "/get-artifact", params={"run_id": filled["run"], "path": path})
        assert answer.content == content
    model = raw.get(f"logged-models/{filled['logged']}")["model"]
    assert model["info"]["status"] == "LOGGED_MODEL_READY"
    assert model["data"]["params"] == [{"key": "trees", "value": "9"}]
    assert model["data"]["metrics"][0]["value"] == 0.75
    version = raw.get("registered-models/alias", name=filled["model"], alias="champion")["model_version"]
    assert (version["version"], version["current_stage"], version["description"]) == ("1", "Production", "the first")
    assert version["tags"] == [{"key": "checked", "value": "yes"}]
    place = raw.get("model-versions/get-download-uri", name=filled["model"], version="1")["artifact_uri"]
    assert place.endswith(f"/models/{filled['logged']}/artifacts")
    named = raw.get("registered-models/get", name=filled["model"])["registered_model"]
    assert named["description"] == "Says who leaves"
    # The number of a version that was deleted there is never given again.
    made = raw.post("model-versions/create", name=filled["model"], source=f"runs:/{filled['run']}/notes")
    assert made["model_version"]["version"] == "5"


def test_a_second_call_brings_nothing_twice_and_what_is_new(call: Call, target: Server, raw: Raw, old: OldMlflow,
                                                            filled: dict[str, Any]) -> None:
    first = call("import", "mlflow", old.url, "--json").json
    again = call("import", "mlflow", old.url, "--json").json
    assert again["holds"]
    assert (again["transfer"], again["runs_here_before"]) == (first["transfer"], 2)
    assert again["experiments"] == first["experiments"]

    old.points(filled["open"], [("loss2", 2, 2, 0.25, False)])
    later = old.run(1, _id("d", old), params={"new": "yes"})
    grown = call("import", "mlflow", old.url, "--json").json
    assert grown["holds"]
    assert raw.data(later)["params"] == {"new": "yes"}
    assert raw.data(filled["open"])["metrics"] == {"loss": 0.5, "loss2": 0.25}


def test_what_changed_at_the_source_is_named_and_comes_again_when_asked(
        call: Call, target: Server, raw: Raw, old: OldMlflow, filled: dict[str, Any]) -> None:
    assert call("import", "mlflow", old.url).code == 0
    old.run_sql("UPDATE tags SET value = 'y' WHERE key = 'kind'", [{}])
    old.run_sql("DELETE FROM params WHERE key = 'empty'", [{}])
    old.run_sql("UPDATE experiments SET name = :name, lifecycle_stage = 'deleted' WHERE experiment_id = 1",
                [{"name": f"{filled['experiment']} renamed"}])
    (old.folder / "1" / filled["run"] / "artifacts" / "model.bin").write_bytes(b"other")
    said = call("import", "mlflow", old.url, "--json")
    assert said.code == 1
    assert {row["what"] for row in said.json["differences"]} == {
        f"experiment '{filled['experiment']} renamed': head", f"run {filled['run']}: tags",
        f"run {filled['run']}: params", f"artifact 'model.bin' of {filled['run']}"}
    assert call("import", "mlflow", old.url, "--again").code == 0
    assert raw.data(filled["run"])["tags"]["kind"] == "y"
    assert "empty" not in raw.data(filled["run"])["params"]
    renamed = raw.get("experiments/get-by-name", experiment_name=f"{filled['experiment']} renamed")["experiment"]
    assert renamed["lifecycle_stage"] == "deleted"


def test_a_forged_value_here_is_named(call: Call, target: Server, old: OldMlflow, filled: dict[str, Any]) -> None:
    assert call("import", "mlflow", old.url).code == 0
    with sqlite3.connect(target.home / "tracking.sqlite") as database:
        number = database.execute("SELECT no FROM run WHERE id = ?", (filled["run"],)).fetchone()[0]
        database.execute("UPDATE metric SET value = value + 1e-9 WHERE run_no = ? AND step = 7", (number,))
        sha256 = database.execute("SELECT sha256 FROM artifact WHERE owner_id = ? AND path = 'model.bin'",
                                  (filled["run"],)).fetchone()[0]
    stored = target.home / "objects" / sha256[:2] / sha256[2:]
    kept = stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes(kept[:-1] + b"\0")
    said = call("import", "mlflow", old.url)
    stored.write_bytes(kept)
    assert said.code == 1
    assert f"differs: run {filled['run']}: metric points" in said.out
    assert f"differs: artifact 'model.bin' of {filled['run']}" in said.out
    assert "0 refused, 2 differences" in said.out


def test_a_name_in_use_is_refused_before_anything_comes(call: Call, target: Server, raw: Raw, old: OldMlflow) -> None:
    taken, free, run = unique("taken"), unique("free"), _id("a", old)
    here = raw.experiment(taken)
    old.experiment(1, taken, tags={"a": "b"})
    old.experiment(2, free)
    old.run(1, run)
    said = call("import", "mlflow", old.url, "--json")
    assert said.code == 1
    assert taken in said.json["message"]
    assert free not in said.json["message"]
    assert "--prefix" in said.json["message"]
    raw.refused("experiments/get-by-name", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", experiment_name=free)

    assert call("import", "mlflow", old.url, "--merge").code == 0
    assert raw.get("runs/get", run_id=run)["run"]["info"]["experiment_id"] == here
    assert raw.get("experiments/get", experiment_id=here)["experiment"]["tags"] == [{"key": "a", "value": "b"}]


def test_a_prefix_keeps_names_apart_and_a_team_owns_what_comes(call: Call, target: Server, raw: Raw,
                                                               old: OldMlflow) -> None:
    name, run = unique("same"), _id("a", old)
    raw.experiment(name)
    old.experiment(1, name)
    old.run(1, run)
    assert call("import", "mlflow", old.url, "--prefix", "old-", "--team", "lending").code == 0
    found = raw.get("experiments/get-by-name", experiment_name=f"old-{name}")["experiment"]
    assert raw.get("runs/get", run_id=run)["run"]["info"]["experiment_id"] == found["experiment_id"]
    other = target.raw("builder", "claims")
    other.refused("runs/get", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", run_id=run)
    assert target.raw("builder", "lending").get("runs/get", run_id=run)


def test_what_is_here_of_another_origin_is_left_alone(call: Call, target: Server, raw: Raw, old: OldMlflow,
                                                      filled: dict[str, Any], tmp_path: Path) -> None:
    assert call("import", "mlflow", old.url).code == 0
    moved = tmp_path / "moved.db"
    moved.write_bytes(Path(old.url.removeprefix("sqlite:///")).read_bytes())
    said = call("import", "mlflow", f"sqlite:///{moved}", "--prefix", "moved-", "--no-artifacts", "--json")
    assert said.code == 1
    assert {row["what"] for row in said.json["refused"]} == {
        *(f"run {filled[name]}" for name in ("run", "deleted", "open")), f"logged model {filled['logged']}"}
    assert said.json["differences"] == []


def test_a_database_that_is_none_is_said_to_be_none(call: Call, target: Server, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all, only text that is long enough" * 100)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (a)").connection.close()
    for address, words in ((tmp_path / "text.db", "cannot be read as an SQLite database"),
                           (tmp_path / "other.db", "no database of MLflow"),
                           (tmp_path / "nothing.db", "no database file"),
                           ("mysql://host/mlflow", "'mysql' cannot be read")):
        said = call("import", "mlflow", str(address))
        assert said.code == 1
        assert words in said.err, said.err


def test_options_that_mean_nothing_are_refused(call: Call, target: Server, old: OldMlflow, tmp_path: Path) -> None:
    for words in (["mlflow", "http://127.0.0.1:1"], [str(tmp_path)], ["mlflow", old.url, "--no-artifacts"]):
        said = call("import", *words, "--artifacts", str(tmp_path))
        assert said.code == 1
        assert "--artifacts" in said.err
    for words in (["mlflow"], ["a", "b"], ["mlflow", "a", "b"], []):
        assert call("import", *words).code == 1


def test_only_admins_may_bring(call: Call, target: Server, old: OldMlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STELLWERK_TOKEN", target.token("builder"))
    said = call("import", "mlflow", old.url)
    assert said.code == 1
    assert "transfer.write" in said.err


def test_what_cannot_be_read_is_named_and_the_rest_comes(call: Call, target: Server, raw: Raw, old: OldMlflow) -> None:
    old.experiment(1, unique("odd"))
    good, odd = _id("a", old), _id("b", old)
    old.run(1, good, artifacts={"a.txt": b"a", "#b": b"b"})
    old.run(1, odd, location="/etc/ssl", params={"a": "1"})
    said = call("import", "mlflow", old.url, "--json")
    assert said.code == 1
    assert {row["what"] for row in said.json["refused"]} == {f"artifact '#b' of {good}", f"artifacts of {odd}"}
    assert said.json["differences"] == []
    assert raw.data(odd)["params"] == {"a": "1"}
    assert [one["path"] for one in raw.get("artifacts/list", run_id=good)["files"]] == ["a.txt"]


def test_artifacts_that_are_elsewhere_are_asked_for_before_anything_comes(call: Call, target: Server, raw: Raw,
                                                                          old: OldMlflow, tmp_path: Path) -> None:
    name, run = unique("far"), _id("a", old)
    old.experiment(1, name, location="s3://bucket/1")
    old.run(1, run, location=f"s3://bucket/1/{run}/artifacts", artifacts={"a.txt": b"a"})
    said = call("import", "mlflow", old.url)
    assert said.code == 1
    assert "--artifacts FOLDER" in said.err
    raw.refused("experiments/get-by-name", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", experiment_name=name)
    assert call("import", "mlflow", old.url, "--no-artifacts").code == 0
    assert call("import", "mlflow", old.url, "--artifacts", str(old.folder), "--again").code == 0
    assert raw.send("GET", "/get-artifact", params={"run_id": run, "path": "a.txt"}).content == b"a"


def test_an_old_release_without_the_newer_tables_and_columns(call: Call, target: Server, raw: Raw,
                                                             tmp_path: Path) -> None:
    run, name = hashlib.md5(str(tmp_path).encode()).hexdigest(), unique("ancient")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.executescript("""
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
            CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
                               lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
            CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);""")
        database.execute("INSERT INTO experiments VALUES (1, ?, './mlruns/1', 'active')", (name,))
        database.execute("INSERT INTO runs VALUES (?, '', NULL, 'FINISHED', 5, NULL, 'active', ?, 1)",
                         (run, f"./mlruns/1/{run}/artifacts"))
        database.execute("INSERT INTO metrics VALUES ('loss', 0.5, 7, ?)", (run,))
        database.execute("INSERT INTO tags VALUES ('mlflow.runName', 'by its tag', ?)", (run,))
    folder = tmp_path / "mlruns" / "1" / run / "artifacts"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"old")
    said = call("import", "mlflow", str(tmp_path / "mlflow.db"))
    assert said.code == 0, said.out + said.err
    found = raw.get("runs/get", run_id=run)["run"]
    assert (found["info"]["run_name"], found["info"]["user_id"]) == ("by its tag", "")
    assert raw.data(run)["metrics"] == {"loss": 0.5}
    assert raw.send("GET", "/get-artifact", params={"run_id": run, "path": "a.txt"}).content == b"old"
