"""Bringing things over REST: whole or not at all, again without harm, and nothing that would lead elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.apps.tracked import register_tracked
from stellwerk.features.ledger import SUBJECTS, verify_tracking
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.runs import seal_due
from stellwerk.infra.tracking_database import TrackingDatabase, open_tracking
from stellwerk.kernel.secret import Secret
from tests.tracking.serving import Raw, Server, serving, unique

API = "/api/v1/transfer"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> str:
    """Where tracking is kept: a PostgreSQL database, or a file of the home."""
    return request.getfixturevalue("postgres").new_database() if request.param == "postgres" else ""


@pytest.fixture(scope="module")
def server(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("transfer") / "h", "", address) as found:
        yield found


@pytest.fixture
def raw(server: Server) -> Raw:
    return server.raw()


@pytest.fixture
def tracking(server: Server, address: str) -> Iterator[TrackingDatabase]:
    found = open_tracking(Secret(address) if address else None, server.home / "tracking.sqlite")
    yield found
    found.close()


class Bringing:
    """One transfer with one experiment, by hand."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.source = unique("source")
        self.number = raw.post(f"{API}/open", source=self.source, kind="test")["transfer"]
        self.name = unique("e")
        self.experiment = str(self.post("experiments", experiments=[
            {"source_id": "7", "name": self.name, "created_at": 5}])["experiments"][0]["experiment_id"])

    def post(self, path: str, **body: Any) -> Any:
        return self.raw.post(f"{API}/{path}", transfer=self.number, **body)

    def refused(self, path: str, status: int = 400, code: str = "INVALID_PARAMETER_VALUE", **body: Any) -> str:
        return self.raw.refused(f"{API}/{path}", status, code, transfer=self.number, **body)

    def run(self, **more: Any) -> str:
        run_id = hashlib.md5(unique("run").encode()).hexdigest()
        self.post("runs", runs=[{"id": run_id, "experiment": "7", "name": "r", "tags": [["mlflow.runName", "r"]],
                                 **more}])
        return run_id


@pytest.fixture
def bringing(raw: Raw) -> Bringing:
    return Bringing(raw)


def _series(run_id: str, key: str, points: list[tuple[int, int, float]], nans: list[int] | None = None) -> Any:
    timestamps, steps, values = zip(*points, strict=True)
    return {"run_id": run_id, "key": key, "timestamps": timestamps, "steps": steps, "values": values,
            "nans": nans or []}


def test_points_come_in_any_order_and_the_latest_is_right(bringing: Bringing, raw: Raw) -> None:
    run_id = bringing.run()
    assert bringing.post("points", series=[_series(run_id, "loss", [(5, 9, 0.5), (1, 1, 3.0)]),
                                           _series(run_id, "acc", [(1, 1, 0.1), (2, 2, 0.0)], nans=[1])])["points"] == 4
    bringing.post("points", series=[_series(run_id, "loss", [(4, 8, 0.7), (5, 9, 0.5)])])
    assert raw.data(run_id)["metrics"] == {"loss": 0.5, "acc": "NaN"}
    history = raw.get("metrics/get-history", run_id=run_id, metric_key="loss")["metrics"]
    assert [(one["timestamp"], one["step"], one["value"]) for one in history] == [(1, 1, 3.0), (4, 8, 0.7), (5, 9, 0.5)]


def test_a_run_that_comes_again_holds_exactly_what_came_last(bringing: Bringing, raw: Raw) -> None:
    run_id = bringing.run(params=[["a", "1"], ["b", "2"]], inputs=[{"name": "d", "digest": "x"}],
                          models=[["output", "m-1", 3]])
    bringing.post("runs", runs=[{"id": run_id, "experiment": "7", "name": "other", "status": "FAILED", "end_time": 8,
                                 "params": [["a", "3"]], "tags": [["mlflow.runName", "other"]]}])
    run = raw.get("runs/get", run_id=run_id)["run"]
    assert (run["info"]["run_name"], run["info"]["status"], run["info"]["end_time"]) == ("other", "FAILED", 8)
    assert raw.data(run_id)["params"] == {"a": "3"}
    assert run["inputs"] == {}
    assert "outputs" not in run


def test_one_event_a_run_once_it_is_whole(bringing: Bringing, tracking: TrackingDatabase) -> None:
    register_tracked()
    run_id = bringing.run(end_time=9)
    bringing.post("points", series=[_series(run_id, "loss", [(1, 1, 1.0)])])
    seal_due(tracking)
    assert _events(tracking, run_id) == []
    bringing.post("runs/finish", ids=[run_id])
    seal_due(tracking)
    events = _events(tracking, run_id)
    assert [verb for verb, _ in events] == ["run.imported"]
    assert bringing.source in events[0][1]
    assert '"points":1' in events[0][1]
    found = Verification()
    verify_tracking(tracking, found, SUBJECTS)
    assert found.findings == []


def _events(tracking: TrackingDatabase, run_id: str) -> list[tuple[str, str]]:
    return tracking.read(lambda st: [(row[0], row[1]) for row in st.fetch_all(
        "SELECT verb, payload FROM tracking_event WHERE subject_type = 'run' AND subject_id = ? ORDER BY position",
        (run_id,))])


def test_states_tell_what_came(bringing: Bringing, raw: Raw) -> None:
    whole, part = bringing.run(), bringing.run()
    bringing.post("runs/finish", ids=[whole])
    here = raw.run(bringing.experiment)
    assert bringing.post("runs/known", ids=[whole, part, here, "0" * 32])["states"] == {
        whole: "complete", part: "arriving", here: "foreign"}
    bringing.refused("points", 404, "RESOURCE_DOES_NOT_EXIST", series=[_series(whole, "a", [(1, 1, 1.0)])])
    bringing.refused("runs", 400, "RESOURCE_ALREADY_EXISTS", runs=[{"id": here, "experiment": "7"}])
    assert raw.get("runs/get", run_id=here)["run"]["info"]["run_name"]


def test_what_came_from_another_source_is_out_of_reach(bringing: Bringing, raw: Raw) -> None:
    run_id = bringing.run()
    other = Bringing(raw)
    message = other.refused("runs", 400, "RESOURCE_ALREADY_EXISTS", runs=[{"id": run_id, "experiment": "7"}])
    assert run_id in message
    other.refused("points", 404, "RESOURCE_DOES_NOT_EXIST", series=[_series(run_id, "a", [(1, 1, 1.0)])])
    other.refused("files", 404, "RESOURCE_DOES_NOT_EXIST", owner_id=run_id,
                  files=[{"path": "a", "sha256": _stored(raw, b"x"), "size": 1}])
    other.refused("runs/finish", 404, "RESOURCE_DOES_NOT_EXIST", ids=[run_id])


def _stored(raw: Raw, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    answer = raw.http.put(f"/api/v1/objects/{sha256}", content=content)
    assert answer.status_code in (200, 201)
    return sha256


def test_a_source_is_one_transfer_of_one_team(bringing: Bringing, raw: Raw) -> None:
    assert raw.post(f"{API}/open", source=bringing.source, kind="test")["transfer"] == bringing.number
    assert raw.post(f"{API}/open", source=bringing.source, kind="test")["experiments"] == [
        {"source_id": "7", "experiment_id": int(bringing.experiment), "merged": 0}]
    message = raw.refused(f"{API}/open", source=bringing.source, kind="test", team="lending")
    assert "belongs to all" in message


@pytest.mark.parametrize("path", ["../evil", "a/../../b", "/etc/passwd", "a\\b", "a/%2e%2e/b", "a\u202eb", "a\nb", "",
                                  "a//b", "C:/x"])
def test_files_with_hostile_names_are_refused(bringing: Bringing, raw: Raw, path: str) -> None:
    run_id = bringing.run()
    bringing.refused("files", owner_id=run_id, files=[{"path": path, "sha256": _stored(raw, b"x"), "size": 1}])


def test_files_are_named_only_once_their_bytes_are_here(bringing: Bringing, raw: Raw) -> None:
    run_id = bringing.run()
    bringing.refused("files", 404, "RESOURCE_DOES_NOT_EXIST", owner_id=run_id,
                     files=[{"path": "a", "sha256": "0" * 64, "size": 1}])
    sha256 = _stored(raw, b"four")
    # The size that is said counts for nothing.
    bringing.post("files", owner_id=run_id, files=[{"path": "d/a", "sha256": sha256, "size": 99}])
    assert bringing.post("digests/files", ids=[run_id])["files"] == {run_id: [["d/a", sha256, 4]]}
    assert raw.send("GET", "/get-artifact", params={"run_id": run_id, "path": "d/a"}).content == b"four"


def test_batches_that_do_not_fit_together_change_nothing(bringing: Bringing, raw: Raw) -> None:
    run_id = bringing.run()
    good = _series(run_id, "good", [(1, 1, 1.0)])
    for bad in ({**good, "steps": [1, 2]}, {**good, "nans": [1]}, {**good, "key": "../x"},
                {**good, "timestamps": [], "steps": [], "values": []}, {**good, "timestamps": [2**63]},
                {**good, "values": ["x"]}, {**good, "values": [None]}):
        bringing.refused("points", series=[good, bad])
    assert raw.data(run_id)["metrics"] == {}
    for bad_run in ({"id": "../x"}, {"id": "a" * 33}, {"status": "GONE"}, {"params": [["a", "1"], ["a", "2"]]},
                    {"tags": [["mlflow.runName", "other"]]}, {"tags": [["a", "\0"]]}, {"experiment": "8"}):
        bringing.refused("runs", runs=[{"id": "f" * 32, "experiment": "7", "name": "r", **bad_run}])
    raw.refused("runs/get", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", run_id="f" * 32)


def test_a_body_that_is_too_long_is_refused(raw: Raw) -> None:
    answer = raw.send("POST", f"{API}/points", content=b" " * ((8 << 20) + 1),
                      headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_registered_models_keep_their_numbers(bringing: Bringing, raw: Raw) -> None:
    name, run_id = unique("m"), bringing.run()
    bringing.post("registered-models", models=[{"name": name, "last_version": 7, "tags": [["a", "b"]]}])
    bringing.post("versions", name=name, versions=[
        {"version": 3, "stage": "Staging", "source": "there", "owner_id": run_id, "path": "model"},
        {"version": 5, "source": "nowhere"}])
    bringing.refused("aliases", 404, "RESOURCE_DOES_NOT_EXIST", name=name, aliases=[["best", 4]])
    bringing.refused("aliases", name=name, aliases=[["v3", 3]])
    bringing.post("aliases", name=name, aliases=[["best", 3]])
    version = raw.get("registered-models/alias", name=name, alias="best")["model_version"]
    assert (version["version"], version["current_stage"], version["source"]) == ("3", "Staging", "there")
    assert raw.post("model-versions/create", name=name, source=f"runs:/{run_id}/m")["model_version"]["version"] == "8"
    bringing.refused("registered-models", models=[{"name": "a/b"}])
    bringing.refused("versions", name=name, versions=[{"version": 9, "owner_id": run_id, "path": "../x"}])
    mine = unique("mine")
    raw.post("registered-models/create", name=mine)
    bringing.refused("registered-models", 400, "RESOURCE_ALREADY_EXISTS", models=[{"name": mine}])
    bringing.refused("versions", 404, "RESOURCE_DOES_NOT_EXIST", name=mine, versions=[{"version": 1}])


def test_what_a_proof_found_stands_on_the_ledger(bringing: Bringing, raw: Raw, tracking: TrackingDatabase) -> None:
    bringing.post("close", counts={"runs": 0}, differences=2)
    bringing.post("close", counts={"runs": 0}, differences=0)
    verbs = tracking.read(lambda st: [row[0] for row in st.fetch_all(
        "SELECT verb FROM tracking_event WHERE subject_type = 'transfer' AND subject_id = ? ORDER BY position",
        (str(bringing.number),))])
    assert verbs == ["transfer.started", "transfer.differs", "transfer.proved"]
    listed = {one["transfer"]: one for one in raw.get(f"{API}/list")["transfers"]}
    assert listed[bringing.number]["proved_at"] > 0


def test_the_name_of_an_installation_is_told_to_who_may_read_runs(server: Server, tmp_path: Path) -> None:
    assert server.raw("viewer").get(f"{API}/origin")["origin"].startswith("stellwerk ")
    server.raw("viewer").refused(f"{API}/list", 403, "PERMISSION_DENIED", method="GET")


@pytest.mark.parametrize("number", [-1, 2**31, 2**63, 2**80])
def test_numbers_that_no_database_holds_are_refused(raw: Raw, number: int) -> None:
    raw.refused(f"{API}/runs", transfer=number, runs=[])
    raw.refused(f"{API}/registered-models", transfer=1, models=[{"name": "a", "last_version": number}])
