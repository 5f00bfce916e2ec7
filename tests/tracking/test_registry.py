"""The model registry through the stock client: models, versions, aliases, stages, searches, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.tracking.serving import Raw, unique
from tests.tracking.wording import refused

MISSING = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture
def name() -> str:
    return unique("Modell Ü")


@pytest.fixture
def source(raw: Raw, experiment: str) -> str:
    """Where the files of a logged model stand."""
    run = raw.run(experiment)
    model = raw.post("logged-models", experiment_id=experiment, name="m", source_run_id=run)["model"]["info"]["model_id"]
    raw.send("PATCH", f"logged-models/{model}", json={"status": "LOGGED_MODEL_READY"})
    return f"models:/{model}"


@pytest.fixture
def versions(client: MlflowClient, name: str, source: str) -> str:
    """The name of a model with versions 1 to 3."""
    client.create_registered_model(name)
    for number in (1, 2, 3):
        client.create_model_version(name, source, description=f"number {number}", tags={"number": str(number)})
    return name


def test_a_model_reads_back(client: MlflowClient, name: str) -> None:
    made = client.create_registered_model(name, {"a": "1", "empty": ""}, "what it is")
    found = client.get_registered_model(name)
    assert (found.name, found.description, found.tags) == (name, "what it is", {"a": "1", "empty": ""})
    assert (found.aliases, found.latest_versions) == ({}, [])
    assert found.creation_timestamp == made.creation_timestamp <= found.last_updated_timestamp
    client.update_registered_model(name, "another")
    assert client.get_registered_model(name).description == "another"
    client.set_registered_model_tag(name, "a", "2")
    client.delete_registered_model_tag(name, "empty")
    client.delete_registered_model_tag(name, "never there")
    assert client.get_registered_model(name).tags == {"a": "2"}
    assert "already exists" in refused(lambda: client.create_registered_model(name), "RESOURCE_ALREADY_EXISTS")


def test_names_that_no_model_has(raw: Raw, client: MlflowClient) -> None:
    for bad in ("a/b", "a:b", "", "a\x00b"):
        raw.refused("registered-models/create", name=bad)
    refused(lambda: client.get_registered_model(unique("none")), MISSING)
    refused(lambda: client.delete_registered_model(unique("none")), MISSING)
    refused(lambda: client.update_registered_model(unique("none"), "x"), MISSING)
    refused(lambda: client.create_model_version(unique("none"), "models:/m-" + "0" * 32), MISSING)


def test_renaming_and_deleting(client: MlflowClient, versions: str) -> None:
    client.set_registered_model_alias(versions, "best", "2")
    new, other = unique("new"), unique("other")
    client.create_registered_model(other)
    refused(lambda: client.rename_registered_model(versions, other), "RESOURCE_ALREADY_EXISTS")
    client.rename_registered_model(versions, new)
    refused(lambda: client.get_registered_model(versions), MISSING)
    assert client.get_model_version_by_alias(new, "best").version == "2"
    assert client.get_model_version(new, "3").description == "number 3"
    client.delete_registered_model(new)
    refused(lambda: client.get_registered_model(new), MISSING)
    refused(lambda: client.get_model_version(new, "3"), MISSING)
    assert client.search_model_versions(f"name = '{new}'") == []
    client.create_registered_model(new)
    assert client.get_registered_model(new).aliases == {}


def test_versions(client: MlflowClient, raw: Raw, versions: str, source: str) -> None:
    found = client.get_model_version(versions, "2")
    assert (found.version, found.status, found.current_stage, found.source) == ("2", "READY", "None", source)
    assert (found.description, found.tags) == ("number 2", {"number": "2"})
    client.update_model_version(versions, "2", "again")
    client.set_model_version_tag(versions, "2", "a", "b")
    client.set_model_version_tag(versions, "2", "a", "c")
    client.delete_model_version_tag(versions, "2", "number")
    found = client.get_model_version(versions, "2")
    assert (found.description, found.tags) == ("again", {"a": "c"})
    client.delete_model_version(versions, "3")
    refused(lambda: client.get_model_version(versions, "3"), MISSING)
    refused(lambda: client.get_model_version(versions, "99"), MISSING)
    refused(lambda: client.set_model_version_tag(versions, "99", "a", "b"), MISSING)
    raw.refused("model-versions/get", method="GET", name=versions, version="one")
    assert [one.version for one in client.search_model_versions(f"name = '{versions}'")] == ["2", "1"]
    assert client.get_model_version_download_uri(versions, "1").startswith("mlflow-artifacts:/")


@pytest.mark.parametrize("bad", ["/etc/passwd", "file:///etc/passwd", "../x", "s3://elsewhere/x", "models:/", "runs:/x",
                                 "runs:/" + "0" * 32 + "/m", "models:/m-" + "0" * 32, "mlflow-artifacts:/../x",
                                 "mlflow-artifacts:/0/../../x", "mlflow-artifacts:/0/%2e%2e/x", "http://127.0.0.1/x", "x" * 3000])
def test_sources_from_elsewhere(raw: Raw, client: MlflowClient, name: str, bad: str) -> None:
    client.create_registered_model(name)
    answer = raw.send("POST", "model-versions/create", json={"name": name, "source": bad})
    assert answer.status_code in (400, 404), answer.text
    assert client.search_model_versions(f"name = '{name}'") == []


def test_aliases(client: MlflowClient, versions: str) -> None:
    client.set_registered_model_alias(versions, "champion", "1")
    client.set_registered_model_alias(versions, "champion", "2")
    client.set_registered_model_alias(versions, "spare_one-x", "2")
    assert client.get_registered_model(versions).aliases == {"champion": "2", "spare_one-x": "2"}
    assert sorted(client.get_model_version(versions, "2").aliases) == ["champion", "spare_one-x"]
    assert client.get_model_version_by_alias(versions, "champion").version == "2"
    client.delete_registered_model_alias(versions, "champion")
    client.delete_registered_model_alias(versions, "champion")
    assert "alias champion not found" in refused(lambda: client.get_model_version_by_alias(versions, "champion"))
    refused(lambda: client.set_registered_model_alias(versions, "a", "99"), MISSING)
    client.delete_model_version(versions, "2")
    assert client.get_registered_model(versions).aliases == {}


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", "a/b", "", "x" * 256])
def test_aliases_that_are_refused(raw: Raw, versions: str, alias: str) -> None:
    raw.refused("registered-models/alias", name=versions, alias=alias, version="1")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_stages(client: MlflowClient, raw: Raw, versions: str) -> None:
    client.transition_model_version_stage(versions, "1", "Production")
    client.transition_model_version_stage(versions, "2", "staging")
    assert [client.get_model_version(versions, number).current_stage for number in "123"] == ["Production", "Staging", "None"]
    assert {(one.version, one.current_stage) for one in client.get_latest_versions(versions)} == {
        ("1", "Production"), ("2", "Staging"), ("3", "None")}
    assert [one.version for one in client.get_latest_versions(versions, ["Production"])] == ["1"]
    client.transition_model_version_stage(versions, "3", "Production", archive_existing_versions=True)
    assert [client.get_model_version(versions, number).current_stage for number in "123"] == ["Archived", "Staging",
                                                                                             "Production"]
    assert "Invalid Model Version stage" in raw.refused("model-versions/transition-stage", name=versions, version="1",
                                                        stage="Live")
    raw.refused("model-versions/transition-stage", name=versions, version="1", stage="None",
                archive_existing_versions=True)
    refused(lambda: client.get_latest_versions(versions, ["Live"]))


def pages(search: Callable[..., Any], **more: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(page_token=token, **more)
        found += page
        token = page.token
        if not token:
            return found


def test_searching_models(client: MlflowClient) -> None:
    word = unique("Suche")
    for letter in "abc":
        client.create_registered_model(f"{word} {letter}", {"letter": letter, "odd": "yes"} if letter != "b" else {})
    client.update_registered_model(f"{word} a", "newest")

    def letters(text: str, **more: Any) -> str:
        return "".join(one.name[-1] for one in pages(client.search_registered_models, filter_string=text, **more))

    assert letters(f"name LIKE '{word}%'") == "abc"
    assert letters(f"name ILIKE '{word.lower()}%'", max_results=1) == "abc"
    assert letters(f"name LIKE '{word.lower()}%'") == ""
    assert letters(f"name = '{word} b'") == "b"
    assert letters(f"name LIKE '{word}%' AND tags.odd = 'yes'", max_results=1) == "ac"
    assert letters(f"name LIKE '{word}%' and tag.letter != 'a'") == "c"
    assert letters(f"name LIKE '{word}%'", order_by=["name DESC"], max_results=2) == "cba"
    assert letters(f"name LIKE '{word}%'", order_by=["last_updated_timestamp DESC", "name"], max_results=1)[-1] != "a"
    for bad in ("size = 1", "name > 'a'", "name LIKE 'a' OR name LIKE 'b'", "name"):
        refused(lambda bad=bad: client.search_registered_models(bad))  # type: ignore[misc]
    refused(lambda: client.search_registered_models(max_results=1001))
    refused(lambda: client.search_registered_models(order_by=["size"]))


def test_searching_versions(client: MlflowClient, raw: Raw, experiment: str, versions: str) -> None:
    run = raw.run(experiment)
    model = raw.post("logged-models", experiment_id=experiment, name="r", source_run_id=run)["model"]["info"]["model_id"]
    client.create_model_version(versions, f"models:/{model}", run)

    def numbers(text: str, **more: Any) -> str:
        return "".join(str(one.version) for one in pages(client.search_model_versions, filter_string=text, **more))

    mine = f"name = '{versions}'"
    assert numbers(mine) == "4321"
    assert numbers(mine, max_results=1, order_by=["version_number ASC"]) == "1234"
    assert numbers(f"{mine} AND run_id = '{run}'") == "4"
    assert numbers(f"run_id IN ('{run}', 'x')") == "4"
    assert numbers(f"{mine} AND version_number >= 2 AND version_number < 4") == "32"
    assert numbers(f"{mine} AND tags.number = '2'") == "2"
    assert numbers(f"{mine} AND source_path = 'models:/{model}'") == "4"
    assert numbers("name = 'nothing at all'") == ""
    for bad in ("size = 1", f"{mine} AND version_number = 'x'", "name > 'a'"):
        refused(lambda bad=bad: client.search_model_versions(bad))  # type: ignore[misc]


def test_copying_a_version(client: MlflowClient, versions: str) -> None:
    other = unique("copy")
    copied = client.copy_model_version(f"models:/{versions}/2", other)
    assert (copied.name, copied.version, copied.source) == (other, "1", f"models:/{versions}/2")
    assert client.get_model_version_download_uri(other, "1") == client.get_model_version_download_uri(versions, "2")
    again = client.copy_model_version(f"models:/{versions}/1", other)
    assert again.version == "2"
    with pytest.raises(MlflowException):
        client.copy_model_version(f"models:/{versions}/99", other)


def test_from_a_run_to_a_registered_model(client: MlflowClient, raw: Raw, experiment: str, name: str) -> None:
    class Doubling(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: list[int]) -> list[int]:
            return [2 * value for value in model_input]

    with mlflow.start_run(experiment_id=experiment) as run:
        info = mlflow.pyfunc.log_model(name="model", python_model=Doubling(), registered_model_name=name,
                                       pip_requirements=["mlflow"])
    version = raw.get("model-versions/get", name=name, version="1")["model_version"]
    assert (version["run_id"], version["model_id"]) == (run.info.run_id, info.model_id)
    second = mlflow.register_model(f"runs:/{run.info.run_id}/model", name)
    assert second.version == "2"
    client.set_registered_model_alias(name, "champion", "2")
    for uri in (f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/latest"):
        assert mlflow.pyfunc.load_model(uri).predict([1, 2]) == [2, 4]
    assert client.get_logged_model(info.model_id).source_run_id == run.info.run_id
