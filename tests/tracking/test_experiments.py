"""Experiments through the stock client."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import RestException

from tests.tracking.serving import Raw, unique
from tests.tracking.wording import refused


def test_a_new_experiment_reads_back(client: MlflowClient) -> None:
    name = unique("Zählung 1")
    made = client.create_experiment(name, tags={"team": "north", "empty": ""})
    found = client.get_experiment(made)
    assert (found.name, found.lifecycle_stage, found.tags) == (name, "active", {"team": "north", "empty": ""})
    assert found.artifact_location == f"mlflow-artifacts:/{made}"
    assert found.creation_time == found.last_update_time > 1_600_000_000_000
    assert dict(client.get_experiment_by_name(name)) == dict(found)


def test_the_default_experiment_is_there(client: MlflowClient) -> None:
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment_by_name("Default").experiment_id == "0"


def test_unknown_ones(client: MlflowClient) -> None:
    assert client.get_experiment_by_name(unique("nothing")) is None
    assert "No Experiment with id=999999 exists" in refused(lambda: client.get_experiment("999999"),
                                                            "RESOURCE_DOES_NOT_EXIST")
    assert "Invalid experiment ID" in refused(lambda: client.get_experiment("abc"))
    refused(lambda: client.get_experiment("9" * 18), "RESOURCE_DOES_NOT_EXIST")


def test_a_name_is_used_once(client: MlflowClient) -> None:
    name = unique("e")
    made = client.create_experiment(name)
    assert "already exists" in refused(lambda: client.create_experiment(name), "RESOURCE_ALREADY_EXISTS")
    client.delete_experiment(made)
    refused(lambda: client.create_experiment(name), "RESOURCE_ALREADY_EXISTS")
    other = client.create_experiment(unique("e"))
    refused(lambda: client.rename_experiment(other, name), "RESOURCE_ALREADY_EXISTS")


@pytest.mark.parametrize("name", ["", " ", "a\x00b", "a\x07b", "x" * 501])
def test_names_that_no_experiment_has(raw: Raw, name: str) -> None:
    raw.refused("experiments/create", name=name)


def test_deleting_and_restoring(client: MlflowClient) -> None:
    made = client.create_experiment(unique("e"))
    run = client.create_run(made).info.run_id
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    refused(lambda: client.delete_experiment(made), "RESOURCE_DOES_NOT_EXIST")
    assert "must be in the 'active' state" in refused(lambda: client.create_run(made))
    refused(lambda: client.rename_experiment(made, unique("e")))
    refused(lambda: client.set_experiment_tag(made, "a", "b"))
    client.restore_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "active"
    assert client.get_run(run).info.lifecycle_stage == "active"
    refused(lambda: client.restore_experiment(made), "RESOURCE_DOES_NOT_EXIST")


def test_renaming_moves_the_update_time(client: MlflowClient) -> None:
    made = client.create_experiment(unique("e"))
    before, name = client.get_experiment(made), unique("renamed")
    client.rename_experiment(made, name)
    after = client.get_experiment(made)
    assert (after.name, after.creation_time) == (name, before.creation_time)
    assert after.last_update_time >= before.last_update_time
    assert client.get_experiment_by_name(before.name) is None


def test_tags(client: MlflowClient) -> None:
    made = client.create_experiment(unique("e"), tags={"a": "1"})
    client.set_experiment_tag(made, "a", "2")
    client.set_experiment_tag(made, "long", "v" * 20_000)
    assert client.get_experiment(made).tags == {"a": "2", "long": "v" * 20_000}
    refused(lambda: client.set_experiment_tag(made, "long", "v" * 20_001))
    client.delete_experiment_tag(made, "a")
    assert client.get_experiment(made).tags == {"long": "v" * 20_000}
    assert "No tag with name" in refused(lambda: client.delete_experiment_tag(made, "a"), "RESOURCE_DOES_NOT_EXIST")


def test_where_artifacts_stand_is_not_the_callers_choice(raw: Raw) -> None:
    message = raw.refused("experiments/create", name=unique("e"), artifact_location="s3://elsewhere")
    assert "artifact_location" in message




@pytest.fixture
def few(client: MlflowClient) -> dict[str, str]:
    """Experiments a to d by letter, d deleted; their names share a word that only they have."""
    word = unique("find")
    made = {letter: client.create_experiment(f"{word} {letter}", tags={"letter": letter, "word": word})
            for letter in "abcd"}
    client.set_experiment_tag(made["a"], "Case", "North%1")
    client.set_experiment_tag(made["b"], "Case", "northx1")
    client.set_experiment_tag(made["c"], "Case", "back\\slash")
    client.delete_experiment(made["d"])
    return made | {"word": word}


@pytest.mark.parametrize(("text", "letters"), [
    ("tags.letter = 'a'", "a"), ("tags.letter != 'a'", "bc"), ("tag.letter IN ('a')", None),
    ("tags.Case LIKE 'North%'", "a"), ("tags.Case ILIKE 'north%'", "ab"), ("tags.Case LIKE 'north_1'", "b"),
    ("tags.Case LIKE '%\\\\%'", ""), ("tags.Case LIKE '%\\%'", "c"),
    ("tags.Case IS NULL", ""), ("tags.missing IS NULL", "abc"), ("tags.missing IS NOT NULL", ""),
    ("tags.`letter` = 'b' AND tags.\"Case\" = 'northx1'", "b"),
    ("name LIKE '%a'", "a"), ("attribute.name ILIKE '%B'", "b"), ("name = 'FULL c'", "c"), ("name != 'FULL c'", "ab"),
    ("creation_time > 0", "abc"), ("creation_time < 5", ""), ("last_update_time >= 9223372036854775807", ""),
])
def test_filters(client: MlflowClient, few: dict[str, str], text: str, letters: str | None) -> None:
    filter_string = f"tags.word = '{few['word']}' AND {text.replace('FULL', few['word'])}"
    if letters is None:
        refused(lambda: client.search_experiments(filter_string=filter_string))
        return
    found = client.search_experiments(filter_string=filter_string)
    assert sorted(one.tags["letter"] for one in found) == list(letters)


def test_views_orders_and_pages(client: MlflowClient, few: dict[str, str]) -> None:
    mine = f"tags.word = '{few['word']}'"

    def letters(**more: object) -> str:
        found, token = [], None
        while True:
            page = client.search_experiments(filter_string=mine, page_token=token, **more)  # type: ignore[arg-type]
            found += [one.tags["letter"] for one in page]
            token = page.token
            if not token:
                return "".join(found)

    assert letters() == "cba"
    assert letters(view_type=ViewType.ALL, max_results=1) == "dcba"
    assert letters(view_type=ViewType.DELETED_ONLY) == "d"
    assert letters(order_by=["name"], max_results=2) == "abc"
    assert letters(order_by=["name DESC"], max_results=1) == "cba"
    assert letters(order_by=["experiment_id ASC"], max_results=1) == "abc"
    assert letters(order_by=["last_update_time DESC", "name"], max_results=1) in ("cba",)
    assert letters(order_by=["creation_time"], max_results=2) == "abc"


def test_search_refuses(raw: Raw, few: dict[str, str]) -> None:
    for size in (0, -1, 50_001):
        assert "max_results" in raw.refused("experiments/search", max_results=size)
    raw.refused("experiments/search", filter="params.x = '1'")
    raw.refused("experiments/search", filter="name = 'a' OR name = 'b'")
    raw.refused("experiments/search", order_by=["size"])
    raw.refused("experiments/search", view_type="SOME")
    assert "page token" in raw.refused("experiments/search", page_token="!!")


def test_ids_that_no_experiment_has_find_nothing(raw: Raw, few: dict[str, str]) -> None:
    for text in ("experiment_id = '9999999999'", "experiment_id IN ('9999999999', '9223372036854775807')"):
        assert raw.post("experiments/search", max_results=10, filter=text)["experiments"] == []
    page = raw.post("experiments/search", max_results=1)
    raw.refused("experiments/search", max_results=1, page_token=page["next_page_token"], filter="name LIKE '%'")


def test_search_by_get(raw: Raw, few: dict[str, str]) -> None:
    found = raw.get("experiments/search", filter=f"tags.word = '{few['word']}'", max_results=2, order_by="name")
    assert [one["experiment_id"] for one in found["experiments"]] == [few["a"], few["b"]]
    assert found["next_page_token"]


def test_rest_exceptions_carry_the_code(client: MlflowClient) -> None:
    with pytest.raises(RestException) as found:
        client.get_experiment("424242")
    assert found.value.json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
