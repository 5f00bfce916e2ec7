"""What is measured: each row makes its own data on one server and returns the call that is timed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.tracking import data
from bench.tracking.client import Client, WrongAnswer, encode

# A timed step; the number differs from call to call. Returns seconds.
Step = Callable[[int], float]
_fresh = itertools.count()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    goal: float | None
    calls: int
    prepare: Callable[[Client], Step]
    per_second: bool = False
    with_p99: bool = False


def new_experiment(client: Client, name: str) -> str:
    """Make an experiment and return its id."""
    return str(client.post("experiments/create", {"name": f"{name}-{next(_fresh)}"})["experiment_id"])


def new_run(client: Client, run: data.Run, experiment: str) -> dict[str, Any]:
    """Make a run, without its figures, and return its ``info``."""
    info: dict[str, Any] = client.post("runs/create", run.creation(experiment))["run"]["info"]
    return info


def first_run() -> data.Run:
    """Return one run."""
    return next(data.runs(1))


def fill_by_calls(client: Client, experiment: str, wanted: Iterator[data.Run], steps: int = 1) -> list[str]:
    """Make runs with their figures call by call, so many points of each metric; returns their ids."""
    made = []
    for run in wanted:
        made.append(new_run(client, run, experiment)["run_id"])
        for batch in run.batches(made[-1], steps):
            client.post("runs/log-batch", batch)
    return made


def expect(held: bool, what: str) -> None:
    """Raise WrongAnswer where an answer is not what was asked for."""
    if not held:
        raise WrongAnswer(what)


def create_and_log(client: Client) -> Step:
    """Create a run, then log one metric to it."""
    experiment = new_experiment(client, "create-and-log")
    run = first_run()

    def step(number: int) -> float:
        info = new_run(client, run, experiment)
        spent = client.spent
        client.post("runs/log-metric", {"run_id": info["run_id"], "key": "loss", "value": 0.5,
                                        "timestamp": data.START_MS, "step": number})
        return spent + client.spent

    return step


def create_with_ten(client: Client) -> Step:
    """Create a run, then log 10 metrics and 10 parameters to it in one batch."""
    experiment = new_experiment(client, "create-with-ten")
    run = first_run()

    def step(number: int) -> float:
        info = new_run(client, run, experiment)
        spent = client.spent
        client.post("runs/log-batch", run.batch(info["run_id"]))
        return spent + client.spent

    return step


def batch_of_thousand(client: Client) -> Step:
    """Log 1,000 points of one metric in one call."""
    experiment = new_experiment(client, "batches")
    run_id = new_run(client, first_run(), experiment)["run_id"]

    def step(number: int) -> float:
        request = encode("POST", "runs/log-batch", client.token, data.points(run_id, 1000, number * 1000))
        client.send(request)
        return client.spent

    return step


def get_run(client: Client) -> Step:
    """Get one run with 10 metrics and 10 parameters."""
    experiment = new_experiment(client, "get-run")
    wanted = first_run()
    run_id = fill_by_calls(client, experiment, iter([wanted]))[0]
    request = encode("GET", f"runs/get?run_id={run_id}", client.token)

    def step(number: int) -> float:
        found = json.loads(client.send(request))["run"]
        spent = client.spent
        metrics = {item["key"]: item["value"] for item in found["data"]["metrics"]}
        params = {item["key"]: item["value"] for item in found["data"]["params"]}
        expect((found["info"]["run_id"], metrics, params) == (run_id, wanted.metrics, wanted.params), "another run")
        return spent

    return step


def create_version(client: Client) -> Step:
    """Create a version of a registered model from what a run holds."""
    experiment = new_experiment(client, "models")
    info = new_run(client, first_run(), experiment)
    name = f"model-{next(_fresh)}"
    client.post("registered-models/create", {"name": name})
    body = {"name": name, "source": f"{info['artifact_uri']}/model", "run_id": info["run_id"]}

    def step(number: int) -> float:
        found = client.post("model-versions/create", body)["model_version"]
        expect(found["name"] == name and found["run_id"] == info["run_id"], "another model version")
        return client.spent

    return step


def history(client: Client) -> Step:
    """Get 3,000 points of one metric of a run."""
    experiment = new_experiment(client, "history")
    run_id = new_run(client, first_run(), experiment)["run_id"]
    for first in range(0, 3000, 1000):
        client.post("runs/log-batch", data.points(run_id, 1000, first))
    request = encode("GET", f"metrics/get-history?run_id={run_id}&metric_key=loss", client.token)

    def step(number: int) -> float:
        found = json.loads(client.send(request))["metrics"]
        spent = client.spent
        expect([int(point["step"]) for point in found] == list(range(3000)), "other points")
        return spent

    return step


class Searches:
    """The two searches over the same 500 runs, checked against the runs themselves."""

    def __init__(self, count: int = 500) -> None:
        self.count = count
        self._experiments: dict[int, str] = {}

    def experiment(self, client: Client) -> str:
        """Return the experiment of a server that holds the runs; fills it the first time."""
        if client.port not in self._experiments:
            made = self._experiments[client.port] = new_experiment(client, "searches")
            fill_by_calls(client, made, data.runs(self.count))
        return self._experiments[client.port]

    def filtered(self, client: Client) -> Step:
        """Search with a filter on a metric and a parameter, ordered by a metric."""
        return filtered_search(client, self.experiment(client), data.Held(data.runs(self.count)))

    def first_page(self, client: Client) -> Step:
        """Search for the first 100 runs, in the order that the server has by itself: the newest first."""
        request = encode("POST", "runs/search", client.token,
                         {"experiment_ids": [self.experiment(client)], "max_results": 100})
        wanted = [run.name for run in data.runs(self.count)][:-101:-1]

        def step(number: int) -> float:
            found = json.loads(client.send(request))
            spent = client.spent
            expect(names(found) == wanted and bool(found.get("next_page_token")), "another page")
            return spent

        return step


def filtered_search(client: Client, experiment: str, held: data.Held) -> Step:
    """Return the timed search with filter and order over runs that are there already."""
    def step(number: int) -> float:
        found = json.loads(client.send(encode("POST", "runs/search", client.token, data.search(experiment, number))))
        spent = client.spent
        expect(names(found) == held.page(number), "another page")
        return spent

    return step


def names(found: dict[str, Any]) -> list[str]:
    """Return the names of the runs of a page."""
    return [run["info"]["run_name"] for run in found.get("runs", [])]


def rows() -> list[Row]:
    """Return the rows that one client measures call by call."""
    searches = Searches()
    return [
        Row("create run + log metric", 8, 20, create_and_log),
        Row("log-batch of 1,000 metrics", 10, 8, batch_of_thousand),
        Row("get run", 10, 30, get_run),
        Row("create model version", 10, 20, create_version),
        Row("search, filter + order, 500 runs", 40, 15, searches.filtered),
        Row("search, first page of 100", 18, 15, searches.first_page),
        Row("metric history, 3,000 points", 10, 10, history),
        Row("create run + 10 metrics + 10 params", 9, 20, create_with_ten, per_second=True),
    ]
