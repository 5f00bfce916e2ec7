"""The runs that both sides hold: the same names, parameters and figures on each, from a fixed seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

START_MS = 1_750_000_000_000
FAMILIES = ("forest", "boosting", "linear", "neural", "nearest")
METRICS, PARAMS = 10, 10
# What MLflow takes in one call, metrics and parameters together.
BATCH = 1000


@dataclass(frozen=True)
class Run:
    """One run as it is filled in: its parameters, and one point of each metric."""

    name: str
    started: int
    params: dict[str, str]
    metrics: dict[str, float]

    def creation(self, experiment: str) -> dict[str, Any]:
        """Return the body that creates the run."""
        return {"experiment_id": experiment, "run_name": self.name, "start_time": self.started, "user_id": "bench",
                "tags": [{"key": "stage", "value": "trial"}]}

    def batch(self, run_id: str) -> dict[str, Any]:
        """Return the body that logs the parameters and one point of each metric."""
        return self.batches(run_id, 1)[0]

    def batches(self, run_id: str, steps: int) -> list[dict[str, Any]]:
        """Return the bodies that log the parameters and so many points of each metric, the last one its figure."""
        found = [{"key": key, "value": value + (steps - 1 - step) / 100, "timestamp": self.started + step, "step": step}
                 for step in range(steps) for key, value in self.metrics.items()]
        params = [{"key": key, "value": value} for key, value in self.params.items()]
        size = BATCH - len(params)
        return [{"run_id": run_id, "tags": [], "params": [] if first else params, "metrics": found[first:first + size]}
                for first in range(0, max(len(found), 1), size)]


def name(number: int) -> str:
    """Return the name of a run."""
    return f"run-{number:07d}"


def runs(count: int, metrics: int = METRICS, params: int = PARAMS, seed: int = 7) -> Iterator[Run]:
    """Yield the runs, oldest first; every start time and every ``metric_1`` is there once only."""
    source = random.Random(seed)
    for number in range(count):
        values = {f"metric_{index}": source.random() for index in range(metrics)}
        settings = {"family": FAMILIES[source.randrange(len(FAMILIES))], "depth": str(source.randrange(2, 12))}
        settings |= {f"param_{index}": f"{source.random():.6f}" for index in range(2, params)}
        yield Run(name(number), START_MS + number * 1000, settings, values)


def threshold(number: int) -> float:
    """Return the least value of a search; it differs from call to call, so that no cache serves it."""
    return round(0.4 + number % 97 / 1000, 3)


def search(experiment: str, number: int, page: int = 100, token: str | None = None) -> dict[str, Any]:
    """Return a search with filter and order."""
    body: dict[str, Any] = {
        "experiment_ids": [experiment], "max_results": page, "order_by": ["metrics.metric_1 DESC"],
        "filter": f"metrics.metric_0 > {threshold(number):.3f} and "
                  f"params.family = '{FAMILIES[number % len(FAMILIES)]}'"}
    return body if token is None else {**body, "page_token": token}


def points(run_id: str, count: int, first: int = 0, key: str = "loss") -> dict[str, Any]:
    """Return a batch of points of one metric."""
    return {"run_id": run_id, "params": [], "tags": [],
            "metrics": [{"key": key, "value": 1 / (step + 1), "timestamp": START_MS + step, "step": step}
                        for step in range(first, first + count)]}


class Held:
    """What the runs say that a search asks for, in its order: the answers that a search must give."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._sorted = sorted(((run.metrics["metric_1"], run.metrics["metric_0"], run.params["family"], run.name)
                               for run in runs), reverse=True)

    def page(self, number: int, page: int = 100) -> list[str]:
        """Return the names on the first page of ``search``."""
        least, family = threshold(number), FAMILIES[number % len(FAMILIES)]
        found = (name for _, value, kind, name in self._sorted if value > least and kind == family)
        return list(itertools.islice(found, page))
