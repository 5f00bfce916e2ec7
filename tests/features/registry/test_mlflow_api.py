"""The registry on the wire: addresses, forms of bodies and answers, codes of errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.features.registry.conftest import Caller, Calls, unique

MISSING = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture
def ann(caller: Caller) -> Calls:
    return caller()


@pytest.fixture
def run(ann: Calls) -> dict[str, Any]:
    found: dict[str, Any] = ann.ok("POST", "runs/create", experiment_id="0")["run"]["info"]
    return found


@pytest.fixture
def name(ann: Calls) -> str:
    made = unique("wire")
    ann.ok("POST", "registered-models/create", name=made, tags=[{"key": "a", "value": "1"}], description="words")
    return made


def version(ann: Calls, name: str, run: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = ann.ok("POST", "model-versions/create", name=name, source=f"{run['artifact_uri']}/m",
                                   run_id=run["run_id"], **more)["model_version"]
    return found


def test_a_model_reads_as_it_was_made(ann: Calls, name: str) -> None:
    found = ann.ok("GET", "registered-models/get", name=name)["registered_model"]

    assert isinstance(found.pop("creation_timestamp"), int)
    assert isinstance(found.pop("last_updated_timestamp"), int)
    assert found == {"name": name, "description": "words", "tags": [{"key": "a", "value": "1"}]}


def test_a_version_reads_as_it_was_made(ann: Calls, name: str, run: dict[str, Any]) -> None:
    made = version(ann, name, run, tags=[{"key": "k", "value": "v"}], run_link="https://x/y")
    ann.ok("POST", "registered-models/alias", name=name, alias="champion", version="1")

    found = ann.ok("GET", "model-versions/get", name=name, version="1")["model_version"]

    assert found == {**made, "aliases": ["champion"]}
    assert isinstance(found.pop("creation_timestamp"), int)
    assert found.pop("last_updated_timestamp")
    assert found.pop("user_id").startswith("token-")
    assert found == {
        "name": name, "version": "1", "current_stage": "None", "description": "", "run_id": run["run_id"],
        "run_link": "https://x/y", "source": f"{run['artifact_uri']}/m", "status": "READY", "aliases": ["champion"],
        "tags": [{"key": "k", "value": "v"}]}
    assert ann.ok("GET", "registered-models/alias", name=name, alias="champion")["model_version"]["version"] == "1"
    assert ann.ok("GET", "model-versions/get-download-uri", name=name, version="1") == {
        "artifact_uri": f"{run['artifact_uri']}/m"}


def test_every_address_has_its_twin_for_pages(ann: Calls, name: str) -> None:
    found = ann.ok("GET", "/ajax-api/2.0/mlflow/registered-models/get", name=name)
    assert found == ann.ok("GET", "registered-models/get", name=name)


def test_latest_versions_are_asked_for_in_two_ways(ann: Calls, name: str, run: dict[str, Any]) -> None:
    for _ in range(3):
        version(ann, name, run)
    for number, stage in (("1", "Production"), ("2", "Staging")):
        ann.ok("POST", "model-versions/transition-stage", name=name, version=number, stage=stage)

    def numbers(method: str, **body: Any) -> list[str]:
        found = ann.ok(method, "registered-models/get-latest-versions", name=name, **body)
        return [one["version"] for one in found["model_versions"]]

    for method in ("GET", "POST"):
        assert numbers(method) == ["3", "2", "1"]
        assert numbers(method, stages=["production", "Staging"]) == ["2", "1"]
        assert numbers(method, stages=["Archived"]) == []
    assert [one["version"] for one in ann.ok("GET", "registered-models/get", name=name)["registered_model"][
        "latest_versions"]] == ["3", "2", "1"]


def test_removals_take_their_parameters_from_the_body(ann: Calls, name: str, run: dict[str, Any]) -> None:
    version(ann, name, run, tags=[{"key": "k", "value": "v"}])
    ann.ok("POST", "registered-models/alias", name=name, alias="a", version="1")
    assert ann.ok("DELETE", "registered-models/alias", name=name, alias="a") == {}
    assert ann.ok("DELETE", "model-versions/delete-tag", name=name, version="1", key="k") == {}
    assert ann.ok("DELETE", "registered-models/delete-tag", name=name, key="a") == {}
    found = ann.ok("GET", "registered-models/get", name=name)["registered_model"]
    assert {"tags", "aliases"} & (set(found) | set(found["latest_versions"][0])) == set()
    assert ann.ok("DELETE", "model-versions/delete", name=name, version="1") == {}
    assert ann.ok("DELETE", "registered-models/delete", name=name) == {}
    ann.refused("GET", "registered-models/get", 404, MISSING, name=name)


def test_changes_answer_with_the_whole_thing(ann: Calls, name: str, run: dict[str, Any]) -> None:
    version(ann, name, run)
    new = unique("new")
    answers = [
        ann.ok("PATCH", "model-versions/update", name=name, version="1", description="w")["model_version"],
        ann.ok("POST", "model-versions/transition-stage", name=name, version="1", stage="staging")["model_version"],
        ann.ok("PATCH", "registered-models/update", name=name, description="d")["registered_model"],
        ann.ok("POST", "registered-models/rename", name=name, new_name=new)["registered_model"]]

    assert [one["name"] for one in answers] == [name, name, name, new]
    assert answers[0]["description"] == answers[1]["description"] == "w"
    assert answers[1]["current_stage"] == "Staging"
    assert answers[3]["description"] == "d"
    assert [one["name"] for one in answers[3]["latest_versions"]] == [new]


@pytest.mark.parametrize(("method", "path", "body", "words"), [
    ("POST", "registered-models/create", {}, "Missing value for required parameter 'name'"),
    ("POST", "registered-models/create", {"name": 3}, "Invalid value 3 for parameter 'name'"),
    ("POST", "registered-models/create", {"name": "x", "tags": [{"value": "v"}]}, "tags[0].key"),
    ("POST", "registered-models/create", {"name": "a/b"}, "Names cannot contain"),
    ("POST", "registered-models/rename", {"name": "x", "new_name": ""}, "'new_name'"),
    ("POST", "registered-models/rename", {"name": "x", "new_name": " "}, "'new_name'"),
    ("POST", "registered-models/alias", {"name": "x", "alias": "a"}, "'version'"),
    ("POST", "registered-models/alias", {"name": "x", "alias": "a", "version": "x"}, "must be an integer"),
    ("POST", "registered-models/alias", {"name": "x", "alias": "v1", "version": "1"}, "reserved"),
    ("GET", "registered-models/alias", {"name": "x", "alias": "a b"}, "Invalid alias name"),
    ("POST", "registered-models/set-tag", {"name": "x"}, "'key'"),
    ("POST", "model-versions/create", {"name": "x"}, "'source'"),
    ("POST", "model-versions/create", {"name": "x", "source": ""}, "'source'"),
    ("GET", "model-versions/get", {"name": "x", "version": "one"}, "must be an integer"),
    ("GET", "model-versions/get-download-uri", {"name": "x"}, "'version'"),
    ("POST", "model-versions/transition-stage", {"name": "x", "version": "1"}, "'stage'"),
    ("POST", "model-versions/transition-stage",
     {"name": "x", "version": "1", "stage": "None", "archive_existing_versions": "maybe"}, "archive_existing_versions"),
    ("GET", "registered-models/search", {"max_results": "1001"}, "max_results"),
    ("GET", "registered-models/search", {"max_results": "0"}, "max_results"),
    ("GET", "registered-models/search", {"filter": "version = 1"}, "attribute key"),
    ("GET", "registered-models/search", {"order_by": ["run_id"]}, "order by key"),
    ("GET", "registered-models/search", {"page_token": "x"}, "page token"),
    ("GET", "model-versions/search", {"max_results": "200001"}, "max_results"),
    ("GET", "model-versions/search", {"filter": "name LIKE 'a' OR name = 'b'"}, "filter"),
    ("GET", "model-versions/search", {"order_by": ["name", "name DESC"]}, "duplicate"),
])
def test_what_is_ill_formed_is_named(ann: Calls, method: str, path: str, body: dict[str, Any], words: str) -> None:
    assert words in ann.refused(method, path, **body)


def test_what_is_not_there_is_not_found(ann: Calls, name: str) -> None:
    for method, path, body, words in (
            ("GET", "registered-models/get", {"name": "nobody"}, "Registered Model with name=nobody not found"),
            ("PATCH", "registered-models/update", {"name": "nobody"}, "Registered Model with name=nobody not found"),
            ("DELETE", "registered-models/delete", {"name": "nobody"}, "Registered Model with name=nobody not found"),
            ("GET", "registered-models/get-latest-versions", {"name": "nobody"}, "name=nobody not found"),
            ("GET", "registered-models/alias", {"name": "nobody", "alias": "a"}, "name=nobody not found"),
            ("GET", "registered-models/alias", {"name": name, "alias": "latest"}, "Latest version not found"),
            ("GET", "model-versions/get", {"name": name, "version": "1"}, f"(name={name}, version=1) not found"),
            ("POST", "model-versions/set-tag", {"name": name, "version": "1", "key": "k"}, "version=1) not found"),
            ("DELETE", "model-versions/delete", {"name": name, "version": "1"}, "version=1) not found")):
        assert words in ann.refused(method, path, 404, MISSING, **body)
    # Clients tell this one apart by its code.
    assert "alias none not found" in ann.refused("GET", "registered-models/alias", name=name, alias="none")
    ann.refused("POST", "registered-models/create", 400, "RESOURCE_ALREADY_EXISTS", name=name)


def test_an_unknown_model_is_not_found_before_its_source_is_looked_at(ann: Calls, run: dict[str, Any]) -> None:
    ann.refused("POST", "model-versions/create", 404, MISSING, name="nobody", source=f"runs:/{run['run_id']}/m")


def test_prompts_are_not_offered(ann: Calls, name: str, run: dict[str, Any]) -> None:
    tag = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    for path, body in (("registered-models/create", {"name": unique("p"), "tags": [tag]}),
                       ("registered-models/set-tag", {"name": name, **tag}),
                       ("model-versions/create", {"name": name, "source": "prompt-template", "tags": [tag]})):
        assert "does not offer prompts" in ann.refused("POST", path, 404, "NOT_IMPLEMENTED", **body)


def test_pages_of_models_and_versions_go_on_by_their_token(ann: Calls, run: dict[str, Any]) -> None:
    word = unique("page")
    for number in range(5):
        ann.ok("POST", "registered-models/create", name=f"{word}-{number}")
        version(ann, f"{word}-{number}", run)

    for path, key, order in (("registered-models/search", "registered_models", "name DESC"),
                             ("model-versions/search", "model_versions", "name DESC")):
        asked: dict[str, Any] = {"filter": f"name LIKE '{word}-%'", "order_by": [order], "max_results": 2}
        seen, sizes = [], []
        while True:
            answer = ann.ok("GET", path, **asked)
            seen += [one["name"] for one in answer[key]]
            sizes.append(len(answer[key]))
            if "next_page_token" not in answer:
                break
            asked["page_token"] = answer["next_page_token"]
        assert seen == [f"{word}-{number}" for number in (4, 3, 2, 1, 0)]
        assert sizes == [2, 2, 1]
        assert "another search" in ann.refused("GET", path, **{**asked, "filter": "name = 'x'"})


def test_a_page_that_ends_exactly_has_no_next(ann: Calls) -> None:
    word = unique("even")
    for number in range(2):
        ann.ok("POST", "registered-models/create", name=f"{word}-{number}")

    answer = ann.ok("GET", "registered-models/search", filter=f"name LIKE '{word}-%'", max_results=2)

    assert len(answer["registered_models"]) == 2
    assert "next_page_token" not in answer


def test_teams_do_not_see_each_other(caller: Caller, ann: Calls) -> None:
    lena, cara, luke = caller("builder", "lending"), caller("builder", "cards"), caller("viewer", "lending")
    name = unique("team")
    run = lena.ok("POST", "runs/create", experiment_id=lena.ok("POST", "experiments/create", name=unique("e"))[
        "experiment_id"])["run"]["info"]
    lena.ok("POST", "registered-models/create", name=name)
    version(lena, name, run)

    cara.refused("POST", "registered-models/create", 400, "RESOURCE_ALREADY_EXISTS", name=name)
    cara.refused("GET", "registered-models/get", 404, MISSING, name=name)
    cara.refused("GET", "model-versions/get-download-uri", 404, MISSING, name=name, version="1")
    cara.refused("POST", "registered-models/alias", 404, MISSING, name=name, alias="a", version="1")
    assert cara.ok("GET", "registered-models/search", filter=f"name = '{name}'")["registered_models"] == []
    assert cara.ok("GET", "model-versions/search", filter=f"name = '{name}'")["model_versions"] == []

    assert luke.ok("GET", "model-versions/get", name=name, version="1")["model_version"]["name"] == name
    luke.refused("POST", "registered-models/alias", 403, "PERMISSION_DENIED", name=name, alias="a", version="1")
    assert len(ann.ok("GET", "model-versions/search", filter=f"name = '{name}'")["model_versions"]) == 1
