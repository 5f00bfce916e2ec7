"""Searching runs: what each filter finds, orders with what is missing last, pages that stay while runs are added."""

from __future__ import annotations

from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from tests.tracking.serving import Raw, Server
from tests.tracking.wording import refused

# letter: (start, end, status, user, metrics, params, tags, data set)
RUNS: dict[str, tuple[int, int | None, str, str, dict[str, object], dict[str, str], dict[str, str], str]] = {
    "a": (100, 900, "FINISHED", "ann", {"auc": 0.9, "loss": 0.1}, {"model": "tree", "depth": "3"},
          {"env": "Prod", "note": "100% sure"}, "loans"),
    "b": (200, 800, "FINISHED", "ben", {"auc": 0.8, "loss": "NaN"}, {"model": "Tree", "depth": "10"}, {"env": "prod"}, "loans"),
    "c": (300, None, "RUNNING", "ann", {"auc": "NaN", "a b/c": 1.0}, {"model": "linear"}, {"env": "dev", "k.e:y": "x"}, ""),
    "d": (400, 700, "FAILED", "", {"loss": -0.5}, {"model": "it's", "long": "x" * 300}, {"note": "back\\slash"}, "claims"),
    "e": (400, None, "RUNNING", "eve", {"auc": "Infinity"}, {"model": "", "long": "x" * 299 + "y"}, {}, ""),
    "f": (500, 500, "KILLED", "ann", {"auc": 0.8, "loss": 1e-320}, {}, {"env": "プロ", "note": '"quoted"'}, "claims"),
}
_MADE: dict[int, dict[str, str]] = {}


@pytest.fixture
def runs(server: Server, raw: Raw) -> dict[str, str]:
    """Ids of the runs by letter, and of their experiment under "experiment"; made once for each server."""
    if id(server) in _MADE:
        return _MADE[id(server)]
    experiment = raw.experiment()
    made = {"experiment": experiment}
    for letter, (start, end, status, user, metrics, params, tags, dataset) in RUNS.items():
        run = made[letter] = raw.run(experiment, start_time=start, user_id=user, run_name=f"Run {letter}")
        raw.post("runs/log-batch", run_id=run,
                 metrics=[{"key": key, "value": value, "timestamp": 1} for key, value in metrics.items()],
                 params=[{"key": key, "value": value} for key, value in params.items()],
                 tags=[{"key": key, "value": value} for key, value in {**tags, "letter": letter}.items()])
        if dataset:
            context = [{"key": "mlflow.data.context", "value": "train" if letter == "a" else "test"}]
            raw.post("runs/log-inputs", run_id=run, datasets=[{"tags": context, "dataset": {
                "name": dataset, "digest": f"d-{dataset}", "source_type": "file", "source": "s"}}])
        raw.post("runs/update", run_id=run, status=status, **({} if end is None else {"end_time": end}))
    raw.post("runs/delete", run_id=raw.run(experiment, start_time=1, run_name="Run gone"))
    # A run elsewhere, which no search here may find.
    raw.run(raw.experiment(), run_name="Run a")
    _MADE[id(server)] = made
    return made


def letters(raw: Raw, runs: dict[str, str], **search: Any) -> str:
    """Return the letters of the runs that are found, in their order, through pages of any size."""
    found, token = "", ""
    names = {run: letter for letter, run in runs.items()}
    while True:
        more = {"page_token": token} if token else {}
        page = raw.post("runs/search", experiment_ids=[runs["experiment"]], **search, **more)
        found += "".join(names[one["info"]["run_id"]] for one in page.get("runs", ()))
        token = page.get("next_page_token", "")
        if not token:
            return found


@pytest.mark.parametrize(("text", "expected"), [
    ("", "abcdef"),
    # Metrics; NaN is unequal to every number, infinity is the largest double.
    ("metrics.auc = 0.8", "bf"), ("metrics.auc != 0.8", "ace"), ("metrics.auc > 0.8", "ae"), ("metrics.auc >= 0.8", "abef"),
    ("metrics.auc < 0.9", "bf"), ("metrics.auc <= 0.9", "abf"), ("metric.loss < 0", "d"), ("metrics.loss = -0.5", "d"),
    ("metrics.loss > 0", "af"), ("metrics.missing = 1", ""), ("metrics.missing != 1", ""),
    ("metrics.`a b/c` = 1", "c"), ('metrics."a b/c" >= 1.0', "c"), ("metrics.auc > 1e300", "e"),
    ("metrics.auc = 1.7976931348623157e308", "e"), ("metrics.auc > 0.8 AND metrics.auc < 1", "a"),
    ("metrics.auc >= 0.8 and metrics.auc <= 0.8 AnD metrics.loss > 0", "f"), ("metrics.auc > -1e9", "abef"),
    # Params and tags; LIKE minds case, ILIKE does not.
    ("params.model = 'tree'", "a"), ("param.model = \"Tree\"", "b"), ("parameters.model != 'tree'", "bcde"),
    ("params.model LIKE 't%'", "a"), ("params.model ILIKE 't%'", "ab"), ("params.model LIKE '%e%'", "abc"),
    ("params.model = ''", "e"), ("params.depth = '3'", "a"), ("params.depth LIKE '_'", "a"), ("params.depth LIKE '1_'", "b"),
    ("params.long = 'LONGX'", "d"), ("params.long = 'LONGY'", "e"), ("params.long != 'LONGX'", "e"),
    ("params.long LIKE 'xx%'", "de"), ("params.missing = 'a'", ""), ("params.missing != 'a'", ""),
    ("params.model IS NULL", "f"), ("params.model IS NOT NULL", "abcde"), ("params.depth is null", "cdef"),
    ("tags.env = 'prod'", "b"), ("tag.env != 'prod'", "acf"), ("tags.env ILIKE 'PROD'", "ab"), ("tags.env LIKE '%o%'", "ab"),
    ("tags.env IS NULL", "de"), ("tags.env IS NOT NULL", "abcf"), ("tags.env = 'プロ'", "f"), ("tags.env LIKE 'プ_'", "f"),
    ("tags.note LIKE '100%'", "a"), ("tags.note LIKE '%back\\slash%'", "d"), ("tags.note = 'back\\slash'", "d"),
    ("tags.note = '\"quoted\"'", "f"), ("tags.`k.e:y` = 'x'", "c"), ("tags.missing IS NULL", "abcdef"),
    ("tags.mlflow.runName = 'Run a'", "a"), ("tags.`mlflow.runName` LIKE 'Run _'", "abcdef"),
    # Attributes, with and without their prefix.
    ("attributes.status = 'FINISHED'", "ab"), ("status != 'FINISHED'", "cdef"), ("attr.status LIKE 'F%'", "abd"),
    ("run.status ILIKE 'finished'", "ab"), ("status = 'finished'", ""), ("attribute.user_id = 'ann'", "acf"),
    ("user_id = ''", "d"), ("run_name = 'Run a'", "a"), ("attributes.run_name LIKE 'Run %'", "abcdef"),
    ("`run name` ILIKE 'RUN B'", "b"), ("attributes.`Run Name` = 'Run c'", "c"), ("start_time = 400", "de"),
    ("attributes.start_time < 300", "ab"), ("created >= 400", "def"), ("start_time != 400", "abcf"), ("end_time > 700", "ab"),
    ("end_time <= 700", "df"), ("end_time != 700", "abf"), ("start_time > -1 AND start_time <= 9223372036854775807", "abcdef"),
    ("run_id = 'ID:a'", "a"), ("run_id IN ('ID:a', 'ID:c', 'nothing')", "ac"), ("run_id NOT IN ('ID:a', 'ID:c')", "bdef"),
    ("attributes.run_id IN (\"ID:b\")", "b"), ("run_id LIKE 'ID:d'", "d"), ("run_id != 'ID:a'", "bcdef"),
    ("artifact_uri LIKE '%ID:e/artifacts'", "e"),
    # Data sets.
    ("dataset.name = 'loans'", "ab"), ("datasets.name LIKE 'l%'", "ab"), ("dataset.name ILIKE '%LAIM%'", "df"),
    ("dataset.digest = 'd-claims'", "df"), ("dataset.context = 'train'", "a"), ("dataset.name != 'loans'", "df"),
    ("dataset.name IN ('loans', 'claims')", "abdf"),
    ("dataset.context NOT IN ('test')", "a"), ("dataset.size = 'x'", None),
    # Together; AND may be left out.
    ("metrics.auc >= 0.8 AND params.model ILIKE 'tree' AND tags.env = 'Prod' AND status = 'FINISHED'", "a"),
    ("metrics.auc >= 0.8 params.model ILIKE 'tree'", "ab"), ("metrics.auc = 0.8 AND metrics.auc != 0.8", ""),
    ("params.model IS NOT NULL AND tags.env IS NULL AND metrics.auc > 1", "e"),
    ("tags.env = 'dev' AND tags.`k.e:y` = 'x' AND dataset.name = 'loans'", ""),
])
def test_what_a_filter_finds(raw: Raw, runs: dict[str, str], text: str, expected: str | None) -> None:
    text = text.replace("LONGX", "x" * 300).replace("LONGY", "x" * 299 + "y")
    for letter in RUNS:
        text = text.replace(f"ID:{letter}", runs[letter])
    if expected is None:
        raw.refused("runs/search", experiment_ids=[runs["experiment"]], filter=text)
        return
    assert "".join(sorted(letters(raw, runs, filter=text))) == expected


@pytest.mark.parametrize(("order", "expected"), [
    # Newest first, then by id; and so it breaks ties of every other order.
    ([], "f(de)cba"), (["start_time ASC"], "abc(de)f"), (["attributes.start_time DESC"], "f(de)cba"),
    # What has a value, then NaN, then what has none, both ways.
    (["metrics.auc"], "fbaec(d)"), (["metrics.auc DESC"], "eafbc(d)"), (["metrics.loss ASC"], "dfabec"),
    (["metrics.loss DESC"], "afdbec"), (["params.model"], "ebdcaf"), (["params.model DESC"], "acdbef"),
    (["tags.env"], "acbf(de)"), (["tags.env DESC"], "fbca(de)"), (["metrics.missing"], "f(de)cba"),
    (["end_time"], "fdba(e)c"), (["end_time DESC"], "abdf(e)c"), (["run_name DESC"], "fedcba"),
    (["status", "start_time"], "dabfce"), (["user_id", "metrics.auc DESC"], "dafcbe"),
    (["metrics.auc", "metrics.loss DESC"], "fbaecd"), (["metrics.auc DESC", "params.depth", "start_time"], "eabfcd"),
    (["tags.missing", "params.model DESC", "run_name"], "acdbef"), (["attribute.status DESC", "tags.env"], "cefabd"),
])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_orders_in_pages(raw: Raw, runs: dict[str, str], order: list[str], expected: str, size: int) -> None:
    found = letters(raw, runs, order_by=order, max_results=size)
    # Runs d and e began at once, so their ids decide where nothing else does.
    tied = "".join(sorted("de", key=lambda letter: runs[letter]))
    assert found == expected.replace("(de)", tied).replace("(", "").replace(")", "")
    assert letters(raw, runs, order_by=order, max_results=size, filter="metrics.auc > 0") == "".join(
        letter for letter in found if letter in "abef")


def test_views(raw: Raw, runs: dict[str, str]) -> None:
    assert letters(raw, runs | {"gone": ""}, run_view_type="ACTIVE_ONLY") == letters(raw, runs)
    deleted = raw.post("runs/search", experiment_ids=[runs["experiment"]], run_view_type="DELETED_ONLY")["runs"]
    assert [one["info"]["run_name"] for one in deleted] == ["Run gone"]
    whole = raw.post("runs/search", experiment_ids=[runs["experiment"]], run_view_type="ALL")["runs"]
    assert len(whole) == len(RUNS) + 1


def test_pages_stay_while_runs_are_added_and_deleted(raw: Raw) -> None:
    experiment = raw.experiment()
    made = []
    for number in range(12):
        run = raw.run(experiment, start_time=1000 + number)
        raw.post("runs/log-metric", run_id=run, key="m", value=number // 2, timestamp=1)
        made.append(run)
    found, token, pages = [], "", 0
    while True:
        more = {"page_token": token} if token else {}
        page = raw.post("runs/search", experiment_ids=[experiment], order_by=["metrics.m DESC"], max_results=5, **more)
        found += [one["info"]["run_id"] for one in page["runs"]]
        pages += 1
        token = page.get("next_page_token", "")
        if not token:
            break
        # One that would stand before what was read, and one of those that were read goes.
        run = raw.run(experiment, start_time=9000)
        raw.post("runs/log-metric", run_id=run, key="m", value=99, timestamp=1)
        raw.post("runs/delete", run_id=found[0])
    assert found == list(reversed(made))
    assert pages == 3


def test_several_experiments(client: MlflowClient, raw: Raw) -> None:
    first, second = raw.experiment(), raw.experiment()
    made = [raw.run(first, start_time=1), raw.run(second, start_time=2), raw.run(first, start_time=3)]
    found = client.search_runs([first, second], order_by=["start_time"])
    assert [one.info.run_id for one in found] == made
    assert client.search_runs([]) == []
    assert client.search_runs(["123456789"]) == []
    frame = mlflow.search_runs([first, second], order_by=["start_time"])
    assert list(frame["run_id"]) == made


def test_the_data_of_runs_comes_with_them(client: MlflowClient, runs: dict[str, str]) -> None:
    found = client.search_runs([runs["experiment"]], "run_name = 'Run a'")[0]
    assert found.data.metrics == {"auc": 0.9, "loss": 0.1}
    assert found.data.params == {"model": "tree", "depth": "3"}
    assert found.inputs.dataset_inputs[0].dataset.name == "loans"
    assert found.inputs.dataset_inputs[0].tags[0].value == "train"
    assert found.to_dictionary() == client.get_run(found.info.run_id).to_dictionary()


def test_empty_answers_are_short(raw: Raw, runs: dict[str, str]) -> None:
    answer = raw.post("runs/search", experiment_ids=[runs["experiment"]], filter="params.model = 'none'")
    assert answer.get("runs", []) == []
    assert "next_page_token" not in answer


@pytest.mark.parametrize("text", [
    "metrics.auc > '0.5'", "metrics.auc LIKE 'a'", "params.model > 'a'", "params.model = tree", "model = 'a'", "x.y = 'a'",
    "metrics.auc IS NULL", "params.model IN ('a')", "tags.env = 5", "status IN ('FINISHED')", "start_time = 'x'",
    "metrics.auc > 1 OR metrics.auc < 0", "NOT metrics.auc > 1", "(metrics.auc > 1)", "metrics.auc > 1; metrics.auc < 0",
    "metrics.auc >", "> 1", "metrics.auc == 1", "params.model = 'open", "run_id IN ()", "run_id IN (1)",
    "attributes.status IS NULL", "dataset.size = 'a'", "lifecycle_stage = 'deleted'", "metrics.auc > 0x10",
    "start_time > 9223372036854775808", "metrics.auc > 1e999", "params.model = 'a\x00'", "1 = 1", "'a' = 'a'",
    "tags.env LIKE 'a' ESCAPE 'b'", "params.model = 'a' --", "params.model = 'a'/*", "metrics.auc BETWEEN 1 AND 2",
])
def test_filters_that_are_refused(raw: Raw, runs: dict[str, str], text: str) -> None:
    raw.refused("runs/search", experiment_ids=[runs["experiment"]], filter=text)


def test_other_refusals(client: MlflowClient, raw: Raw, runs: dict[str, str]) -> None:
    experiment = runs["experiment"]
    for size in (0, -1, 50_001, 2**40):
        assert "max_results" in raw.refused("runs/search", experiment_ids=[experiment], max_results=size)
    for order in (["size"], ["metrics.auc UP"], ["metrics"], ["params.a ASC DESC"], ["start_time;"], [""]):
        raw.refused("runs/search", experiment_ids=[experiment], order_by=order)
    raw.refused("runs/search", experiment_ids=["x"])
    raw.refused("runs/search", experiment_ids=experiment)
    raw.refused("runs/search", experiment_ids=[experiment], run_view_type="MOST")
    token = raw.post("runs/search", experiment_ids=[experiment], max_results=1)["next_page_token"]
    assert "another search" in raw.refused("runs/search", experiment_ids=[experiment], page_token=token,
                                           filter="metrics.auc > 0")
    raw.refused("runs/search", experiment_ids=[experiment], page_token=token[:-6] + "AAAAAA")
    assert "Invalid page token" in refused(lambda: client.search_runs([experiment], page_token="nonsense"))
