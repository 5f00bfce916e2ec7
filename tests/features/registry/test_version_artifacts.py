"""Files of registered versions: from runs and logged models, for those who see both."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.features import registry
from stellwerk.infra.settings import Home
from stellwerk.kernel.actor import Actor
from tests.features.artifacts.conftest import Site, new_site, run_id

ADDRESS = "/model-versions/get-artifact"
ANN = Actor("person", "ann", "Ann", permissions=frozenset({(None, name) for name in (
    "runs.read", "runs.write", "models.read", "models.write")}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder: Path = tmp_path_factory.mktemp("versions")
    return new_site(Home(folder / "home"))


def _register(site: Site, name: str, source: str) -> None:
    tracking = site.installation.tracking
    tracking.write(lambda st: registry.create_model(st, ANN, name))
    tracking.write(lambda st: registry.create_version(st, ANN, name, source))


def test_a_version_gives_the_files_that_it_was_made_of(site: Site) -> None:
    calls, run, model = site.caller(), site.run(), site.model()
    calls.put(f"{run}/model/data/x.txt", b"of the run")
    calls.put(f"{model}/MLmodel", b"of the model")
    _register(site, "by-run", f"runs:/{run_id(run)}/model")
    _register(site, "by-model", f"models:/{run_id(model)}")

    found = calls.send("GET", ADDRESS, params={"name": "by-run", "version": "1", "path": "data/x.txt"})
    assert found.content == b"of the run"
    assert found.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert calls.send("GET", ADDRESS, params={"name": "by-model", "version": "1", "path": "MLmodel"}).content == b"of the model"
    for query, status in (({"path": "nothing"}, 404), ({"path": "data"}, 400), ({"path": "../other"}, 400), ({"version": "2"}, 404),
                          ({"version": "x"}, 400), ({"name": "other"}, 404), ({"path": ""}, 400)):
        answer = calls.send("GET", ADDRESS, params={"name": "by-run", "version": "1", "path": "data/x.txt", **query})
        assert answer.status_code == status, query


def test_who_sees_the_version_but_not_the_run_gets_nothing(site: Site) -> None:
    own, foreign, run = site.caller(team="lending"), site.caller(team="claims"), site.run(site.experiment("lending"))
    own.put(f"{run}/a", b"x")
    _register(site, "shared", f"runs:/{run_id(run)}/")
    query = {"name": "shared", "version": "1", "path": "a"}
    assert own.send("GET", ADDRESS, params=query).content == b"x"
    assert foreign.send("GET", ADDRESS, params=query).status_code == 404
    assert site.client.get(ADDRESS, params=query).status_code == 401
