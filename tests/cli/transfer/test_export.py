"""``stellwerk export``: a folder that any tool can check, and that reads back as what it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.cli.transfer import layout
from tests.cli.transfer.conftest import Call
from tests.tracking.serving import Raw, Server, serving, unique


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installation that is exported from."""
    with serving(tmp_path_factory.mktemp("origin") / "h", "sqlite") as found:
        yield found


@pytest.fixture(scope="module")
def made(origin: Server) -> dict[str, str]:
    """What stands there: an experiment with two runs, a logged model, a registered model of both kinds."""
    there = origin.raw()
    names = {"experiment": unique("churn"), "model": unique("model")}
    names["id"] = experiment = there.experiment(names["experiment"], tags=[{"key": "owner", "value": "bea"}])
    for name in ("first", "second"):
        names[name] = run = there.run(experiment, run_name=name, start_time=1)
        there.post("runs/log-batch", run_id=run, params=[{"key": "depth", "value": "3"}], metrics=[
            {"key": key, "value": value, "timestamp": step, "step": step} for key in ("loss", "acc")
            for step, value in enumerate((0.1, 1e-300, "NaN", "-Infinity", 5))])
        there.post("runs/log-inputs", run_id=run, datasets=[{
            "dataset": {"name": "train", "digest": "d1", "source_type": "local", "source": "{}"},
            "tags": [{"key": "mlflow.data.context", "value": "training"}]}])
        _put(there, f"{experiment}/{run}/artifacts/notes/größe, with comma.txt", name.encode())
    names["logged"] = logged = there.post("logged-models", experiment_id=experiment, name="forest",
                                          source_run_id=names["first"])["model"]["info"]["model_id"]
    there.post("runs/outputs", run_id=names["first"], models=[{"model_id": logged, "step": 1}])
    _put(there, f"{experiment}/models/{logged}/artifacts/MLmodel", b"{}")
    there.post("registered-models/create", name=names["model"], description="d", tags=[{"key": "a", "value": "b"}])
    there.post("model-versions/create", name=names["model"], source=f"models:/{logged}", description="one")
    there.post("model-versions/create", name=names["model"], source=f"runs:/{names['second']}/notes",
               run_id=names["second"])
    there.post("registered-models/alias", name=names["model"], alias="champion", version="1")
    return names


def _put(there: Raw, place: str, content: bytes) -> None:
    there.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{place}", content=content).raise_for_status()


@pytest.fixture
def exported(call: Call, origin: Server, made: dict[str, str], tmp_path: Path) -> Path:
    """The registered model as a folder."""
    folder = tmp_path / "out" / "model"
    said = call("export", "model", made["model"], "--to", str(folder), "--url", origin.url, "--token",
                origin.token("viewer"))
    assert said.code == 0, said.err
    return folder


def test_the_folder_is_plain_and_checkable(exported: Path, made: dict[str, str]) -> None:
    done = subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "checksums.txt"], cwd=exported, check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    files = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    runs = [f"runs/{made[name]}" for name in ("first", "second")]
    assert files == {
        "manifest.json", "checksums.txt", f"experiments/{made['id']}.json", "registered-models/1.json",
        f"logged-models/{made['logged']}/model.json", f"logged-models/{made['logged']}/artifacts/MLmodel",
        *(f"{run}/{name}" for run in runs for name in ("run.json", "metrics.csv",
                                                       "artifacts/notes/größe, with comma.txt"))}
    assert (exported / runs[0] / "artifacts/notes/größe, with comma.txt").read_bytes() == b"first"
    assert (exported / runs[0] / "metrics.csv").read_text().splitlines()[:6] == [
        "key,timestamp,step,value", "acc,0,0,0.1", "acc,1,1,1e-300", "acc,2,2,NaN", "acc,3,3,-1.7976931348623157e+308",
        "acc,4,4,5.0"]
    manifest = json.loads((exported / "manifest.json").read_text())
    assert (manifest["format"], manifest["version"], manifest["kind"], manifest["name"]) == (
        "stellwerk-export", 1, "model", made["model"])
    assert manifest["counts"] == {"experiments": 1, "runs": 2, "metric points": 20, "artifacts": 3,
                                  "bytes of artifacts": 13, "logged models": 1, "registered models": 1, "versions": 2}
    assert set(manifest["digests"]) == {"experiments", "runs", "logged models", "registered models"}


def test_it_reads_back_on_another_installation_part_by_part(call: Call, target: Server, raw: Raw, origin: Server,
                                                            made: dict[str, str], exported: Path,
                                                            tmp_path: Path) -> None:
    there = ("--url", origin.url, "--token", origin.token("viewer"))
    assert call("export", "run", made["second"], "--to", str(tmp_path / "run"), *there).code == 0
    assert call("export", "experiment", made["experiment"], "--to", str(tmp_path / "exp"), *there).code == 0
    first = call("import", str(tmp_path / "run"), "--json")
    assert first.code == 0, first.out + first.err
    second = call("import", str(exported), "--json")
    assert second.code == 0, second.out + second.err
    third = call("import", str(tmp_path / "exp"), "--json").json
    # One origin is one transfer, whatever part of it comes first.
    assert {said["transfer"] for said in (first.json, second.json, third)} == {third["transfer"]}
    assert (second.json["runs_here_before"], third["runs_here_before"], third["holds"]) == (0, 0, True)

    here, source = raw, origin.raw()
    for run in (made["first"], made["second"]):
        assert here.data(run) == source.data(run)
        for key in ("loss", "acc"):
            asked = {"run_id": run, "metric_key": key}
            assert here.get("metrics/get-history", **asked) == source.get("metrics/get-history", **asked)
        found = here.send("GET", "/get-artifact", params={"run_id": run, "path": "notes/größe, with comma.txt"})
        assert found.content in (b"first", b"second")
        assert here.get("runs/get", run_id=run)["run"]["inputs"] == source.get("runs/get", run_id=run)["run"]["inputs"]
    version = here.get("registered-models/alias", name=made["model"], alias="champion")["model_version"]
    assert (version["version"], version["description"], version["model_id"]) == ("1", "one", made["logged"])
    answer = here.send("GET", "/model-versions/get-artifact",
                       params={"name": made["model"], "version": "1", "path": "MLmodel"})
    assert answer.content == b"{}"


def _reseal(folder: Path) -> None:
    """Write the checksums anew, as someone would who wants to hide a change."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "checksums.txt":
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{sha256}  {path.relative_to(folder).as_posix()}\n")
    (folder / "checksums.txt").write_text("".join(lines))


def _rename(folder: Path, name: str, new: str) -> None:
    text = (folder / "checksums.txt").read_text()
    assert name in text
    (folder / "checksums.txt").write_text(text.replace(name, new))


CHANGES: dict[str, tuple[Any, str]] = {
    "a metric": (lambda at, run: _append(at / run / "metrics.csv", "loss,9,9,1.0\n"), "metrics.csv: changed"),
    "an artifact": (lambda at, run: _append(at / run / "artifacts/notes/größe, with comma.txt", "x"), "größe"),
    "a missing file": (lambda at, run: (at / run / "run.json").unlink(), "run.json: missing"),
    "one more file": (lambda at, run: _append(at / run / "artifacts/more.txt", "x"), "more.txt: not listed"),
    "a link": (lambda at, run: (at / run / "artifacts/link").symlink_to("/etc/passwd"), "link: no plain file"),
    "a linked file": (lambda at, run: _link(at / run / "run.json"), "run.json: no plain file"),
    "no checksums": (lambda at, run: (at / "checksums.txt").unlink(), "no whole export"),
    "a climbing name": (lambda at, run: _rename(at, "manifest.json", "../manifest.json"), "no path inside"),
    "an absolute name": (lambda at, run: _rename(at, "manifest.json", "/etc/passwd"), "no path inside"),
}


def _append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def _link(path: Path) -> None:
    kept = path.with_name("kept")
    os.rename(path, kept)
    path.symlink_to(kept)


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_folder_is_refused_by_name_and_nothing_comes(call: Call, target: Server, raw: Raw, exported: Path,
                                                               made: dict[str, str], change: str) -> None:
    shutil.move(exported, exported.with_name("evil"))
    folder = exported.with_name("evil")
    do, words = CHANGES[change]
    do(folder, f"runs/{made['first']}")
    before = raw.get("/api/v1/transfer/list")
    said = call("import", str(folder), "--prefix", f"{unique('p')}-")
    assert said.code == 1
    assert words in said.err, said.err
    assert raw.get("/api/v1/transfer/list") == before


def test_a_folder_with_new_checksums_still_leads_nowhere(call: Call, target: Server, raw: Raw, exported: Path,
                                                         made: dict[str, str]) -> None:
    run = exported / f"runs/{made['first']}"
    content = json.loads((run / "run.json").read_text())
    content["id"] = "../../../x"
    (run / "run.json").write_text(json.dumps(content))
    _reseal(exported)
    said = call("import", str(exported))
    assert said.code == 1
    assert "run.json of the export is not as it must be" in said.err
    content["id"] = "d" * 32
    (run / "run.json").write_text(json.dumps(content))
    _reseal(exported)
    assert "holds another run" in call("import", str(exported)).err
    (run / "run.json").write_text("[" * 100_000)
    _reseal(exported)
    assert "not as it must be" in call("import", str(exported)).err
    manifest = json.loads((exported / "manifest.json").read_text())
    manifest["version"] = 2
    (exported / "manifest.json").write_text(json.dumps(manifest))
    _reseal(exported)
    assert "version 2, which this release does not read" in call("import", str(exported)).err


def test_a_place_that_is_taken_and_a_thing_that_is_not_there(call: Call, origin: Server, made: dict[str, str],
                                                             tmp_path: Path) -> None:
    there = ("--url", origin.url, "--token", origin.token("viewer"))
    said = call("export", "run", made["first"], "--to", str(tmp_path), *there)
    assert said.code == 1
    assert "is there already" in said.err
    for kind, name in (("run", "0" * 32), ("experiment", "nothing"), ("model", "nothing")):
        said = call("export", kind, name, "--to", str(tmp_path / "x"), *there)
        assert said.code == 1
        assert f"There is no {'registered ' if kind == 'model' else ''}{kind} '{name}'" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a/./b", "a\\b", "a\nb", "", "."])
def test_names_that_are_no_paths_inside(name: str) -> None:
    with pytest.raises(layout.BadInput):
        layout.check_relative(name)
