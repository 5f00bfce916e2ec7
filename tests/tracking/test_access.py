"""Who may see and do what: without a token nothing, as a viewer nothing but reading, of another team not even that."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import mlflow
import pytest
from mlflow import MlflowClient

from stellwerk.features import identity
from stellwerk.infra.database import Database
from stellwerk.infra.http.raw import Endpoint
from stellwerk.infra.settings import Home
from stellwerk.kernel.actor import SYSTEM
from tests.tracking.requests_of import endpoints
from tests.tracking.serving import Raw, Server, plain_client, unique
from tests.tracking.wording import refused

JSON = {"Content-Type": "application/json"}


def address(route: Endpoint) -> str:
    path = route.path
    for part in ("{path:path}", "{tag_key:path}", "{model_id}", "{webhook_id}", "{upload_id}", "{number}"):
        path = path.replace(part, "1")
    return path


def test_without_a_token(server: Server) -> None:
    client = plain_client(server.url)
    for route in endpoints():
        answer = client.request(route.method, address(route), content=b"{}", headers=JSON)
        if route.rule.public:
            assert answer.status_code in (200, 400, 401, 404, 405), route.path
            continue
        if route.path.startswith("/api/v1/") and route.method != "GET":
            assert answer.status_code == 403  # where cookies count as well, the page is asked for first
            continue
        assert answer.status_code == 401, (route.method, route.path, answer.text)
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer stw_wrong", "Bearer", "Basic !!!", "Basic " + base64.b64encode(b"a").decode(),
                                    "Basic " + base64.b64encode(b"a:stw_wrong").decode(), "Digest x", "Bearer a b c",
                                    "Basic " + base64.b64encode(b"a:\xff").decode(), "x" * 3000])
def test_tokens_that_are_none(server: Server, header: str) -> None:
    for method, path in (("GET", "experiments/get?experiment_id=0"), ("POST", "experiments/search")):
        answer = plain_client(server.url).request(method, f"/api/2.0/mlflow/{path}", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_the_clients_message_says_what_to_do(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    with pytest.raises(mlflow.MlflowException, match="MLFLOW_TRACKING_TOKEN"):
        MlflowClient(server.url).create_experiment(unique("e"))


def test_name_and_password_of_the_client(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anybody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.token("builder"))
    assert MlflowClient(server.url).get_experiment("0").name == "Default"


def test_a_cookie_or_another_site_admits_nobody(server: Server) -> None:
    client, path = plain_client(server.url), "/api/2.0/mlflow/experiments/search"
    answer = client.post(path, headers={"Cookie": "session=x"} | JSON)
    assert answer.status_code == 401
    token = {"Authorization": f"Bearer {server.token('admin')}"}
    answer = client.post(path, headers=token | {"Origin": "http://evil"})
    assert answer.status_code == 403


@pytest.fixture
def claims(server: Server, raw: Raw) -> dict[str, str]:
    """What the team claims has: an experiment, a run, a logged model, a registered model."""
    own = server.raw("builder", "claims")
    experiment, name = own.experiment(), unique("model")
    run = own.run(experiment)
    own.post("runs/log-batch", run_id=run, metrics=[{"key": "m", "value": 1, "timestamp": 1}])
    model = own.post("logged-models", experiment_id=experiment, name="m")["model"]["info"]["model_id"]
    own.post("registered-models/create", name=name)
    own.post("model-versions/create", name=name, source=f"models:/{model}")
    return {"experiment_id": experiment, "run_id": run, "model_id": model, "name": name,
            "experiment_name": own.get("experiments/get", experiment_id=experiment)["experiment"]["name"]}


READING = (("experiments/get", "experiment_id"), ("experiments/get-by-name", "experiment_name"), ("runs/get", "run_id"),
           ("registered-models/get", "name"))
WRITING: tuple[tuple[str, dict[str, object]], ...] = (
    ("experiments/update", {"experiment_id": "", "new_name": "x"}), ("experiments/delete", {"experiment_id": ""}),
    ("experiments/restore", {"experiment_id": ""}),
    ("experiments/set-experiment-tag", {"experiment_id": "", "key": "a", "value": "b"}),
    ("experiments/delete-experiment-tag", {"experiment_id": "", "key": "a"}),
    ("runs/create", {"experiment_id": ""}), ("runs/update", {"run_id": "", "status": "FINISHED"}),
    ("runs/delete", {"run_id": ""}),
    ("runs/restore", {"run_id": ""}), ("runs/log-metric", {"run_id": "", "key": "a", "value": 1, "timestamp": 1}),
    ("runs/log-parameter", {"run_id": "", "key": "a", "value": "b"}), ("runs/set-tag", {"run_id": "", "key": "a", "value": "b"}),
    ("runs/delete-tag", {"run_id": "", "key": "mlflow.runName"}), ("runs/log-batch", {"run_id": ""}),
    ("runs/log-inputs", {"run_id": "", "datasets": []}), ("runs/outputs", {"run_id": "", "models": [{"model_id": "m-1"}]}),
    ("logged-models", {"experiment_id": "", "name": "x"}), ("registered-models/rename", {"name": "", "new_name": "x"}),
    ("registered-models/set-tag", {"name": "", "key": "a", "value": "b"}),
    ("registered-models/alias", {"name": "", "alias": "a", "version": "1"}),
    ("model-versions/create", {"name": "", "source": "models:/m-0"}),
    ("model-versions/set-tag", {"name": "", "version": "1", "key": "a", "value": "b"}),
    ("model-versions/transition-stage", {"name": "", "version": "1", "stage": "Production"}),
)


def filled(body: dict[str, object], things: dict[str, str]) -> dict[str, object]:
    return {key: things[key] if value == "" else value for key, value in body.items()}


def test_a_viewer_reads_and_does_not_write(server: Server, claims: dict[str, str]) -> None:
    viewer = server.raw("viewer", "claims")
    for path, key in READING:
        viewer.get(path, **{key: claims[key]})
    assert viewer.get(f"logged-models/{claims['model_id']}")["model"]["info"]["model_id"] == claims["model_id"]
    assert len(viewer.post("runs/search", experiment_ids=[claims["experiment_id"]])["runs"]) == 1
    for path, body in WRITING:
        viewer.refused(path, 403, "PERMISSION_DENIED", **filled(body, claims))
    viewer.refused("experiments/create", 403, "PERMISSION_DENIED", name=unique("e"))
    viewer.refused("registered-models/create", 403, "PERMISSION_DENIED", name=unique("e"))


@pytest.mark.parametrize("role", ["builder", "viewer"])
def test_another_teams_things_do_not_exist(server: Server, claims: dict[str, str], role: str) -> None:
    stranger = server.raw(role, "lending")
    for path, key in READING:
        stranger.refused(path, 404, "RESOURCE_DOES_NOT_EXIST", method="GET", **{key: claims[key]})
    stranger.refused(f"logged-models/{claims['model_id']}", 404, "RESOURCE_DOES_NOT_EXIST", method="GET")
    stranger.refused("metrics/get-history", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", run_id=claims["run_id"],
                     metric_key="m")
    stranger.refused("metrics/get-history-bulk-interval", 404, "RESOURCE_DOES_NOT_EXIST", method="GET",
                     run_ids=claims["run_id"], metric_key="m")
    stranger.refused("artifacts/list", 404, "RESOURCE_DOES_NOT_EXIST", method="GET", run_id=claims["run_id"])
    place = f"/api/2.0/mlflow-artifacts/artifacts/{claims['experiment_id']}/{claims['run_id']}/artifacts/a.txt"
    assert stranger.send("GET", place).status_code == 404
    if role == "builder":
        for path, body in WRITING:
            stranger.refused(path, 404, "RESOURCE_DOES_NOT_EXIST", **filled(body, claims))
        assert stranger.send("PUT", place, content=b"x").status_code == 404
        assert stranger.send("DELETE", place).status_code == 404


def test_searches_show_what_is_ones_own_and_what_is_shared(server: Server, raw: Raw, claims: dict[str, str]) -> None:
    shared = raw.experiment(claims["experiment_name"] + " shared")
    stranger, own = server.raw("builder", "lending"), server.raw("viewer", "claims")
    mine = f"name LIKE '{claims['experiment_name']}%'"
    for caller, ids in ((stranger, {shared}), (own, {shared, claims["experiment_id"]}),
                        (raw, {shared, claims["experiment_id"]})):
        found = caller.post("experiments/search", filter=mine)["experiments"]
        assert {one["experiment_id"] for one in found} == ids
        runs = caller.post("runs/search", experiment_ids=[claims["experiment_id"], shared]).get("runs", [])
        assert len(runs) == (0 if caller is stranger else 1)
        models = caller.get("registered-models/search", filter=f"name = '{claims['name']}'").get("registered_models", [])
        assert len(models) == (0 if caller is stranger else 1)
        versions = caller.get("model-versions/search", filter=f"name = '{claims['name']}'").get("model_versions", [])
        assert len(versions) == (0 if caller is stranger else 1)
        logged = caller.post("logged-models/search", experiment_ids=[claims["experiment_id"]]).get("models", [])
        assert len(logged) == (0 if caller is stranger else 1)


def test_a_name_that_another_team_uses(server: Server, claims: dict[str, str]) -> None:
    stranger = server.raw("builder", "lending")
    stranger.refused("experiments/create", 400, "RESOURCE_ALREADY_EXISTS", name=claims["experiment_name"])
    stranger.refused("registered-models/create", 400, "RESOURCE_ALREADY_EXISTS", name=claims["name"])


def test_links_to_another_teams_things(server: Server, claims: dict[str, str]) -> None:
    """What one may write does not reach what one may not see."""
    stranger = server.raw("builder", "lending")
    experiment, name = stranger.experiment(), unique("model")
    run = stranger.run(experiment)
    stranger.refused("runs/outputs", 404, "RESOURCE_DOES_NOT_EXIST", run_id=run,
                     models=[{"model_id": claims["model_id"], "step": 0}])
    stranger.refused("runs/log-inputs", 404, "RESOURCE_DOES_NOT_EXIST", run_id=run,
                     models=[{"model_id": claims["model_id"]}])
    stranger.refused("runs/log-metric", 404, "RESOURCE_DOES_NOT_EXIST", run_id=run, key="a", value=1, timestamp=1,
                     model_id=claims["model_id"])
    stranger.post("registered-models/create", name=name)
    for source in (f"models:/{claims['model_id']}", f"runs:/{claims['run_id']}/m", f"models:/{claims['name']}/1",
                   f"mlflow-artifacts:/{claims['experiment_id']}/{claims['run_id']}/artifacts/m"):
        answer = stranger.send("POST", "model-versions/create", json={"name": name, "source": source})
        assert answer.status_code in (400, 404), source


def test_a_role_in_one_team_makes_things_of_that_team(server: Server) -> None:
    own = server.raw("builder", "lending")
    other = own.send("POST", "experiments/create", json={
        "name": unique("e"), "tags": [{"key": "stellwerk.team", "value": "claims"}]})
    assert (other.status_code, other.json()["error_code"]) == (403, "PERMISSION_DENIED")


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    opened = Database(Home(server.home).control)
    yield opened
    opened.close()


def test_a_revoked_token_is_refused_at_once(server: Server, database: Database) -> None:
    name = unique("short")
    with database.write(SYSTEM) as work:
        made = identity.create_token(work, name, "builder")
    raw = Raw(server.url, {"Authorization": f"Bearer {made.secret.reveal()}"})
    for _ in range(3):
        raw.experiment()
    with database.write(SYSTEM) as work:
        identity.revoke_token(work, name)
    raw.refused("experiments/create", 401, "UNAUTHENTICATED", name=unique("e"))


def test_the_client_hears_the_refusal(client: MlflowClient, server: Server, claims: dict[str, str],
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token("viewer"))
    assert "lacks the permission" in refused(lambda: client.create_run("0"), "PERMISSION_DENIED")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token("builder", "lending"))
    refused(lambda: client.get_run(claims["run_id"]), "RESOURCE_DOES_NOT_EXIST")
    assert client.get_experiment_by_name(claims["experiment_name"]) is None
