"""Metrics: what is kept, which point is the latest, histories in pages, batches whole or not at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from tests.tracking.serving import Raw
from tests.tracking.wording import refused

LARGEST = 1.7976931348623157e308


def point(key: str, value: object, step: int = 0, timestamp: int = 0) -> dict[str, object]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def history(raw: Raw, run: str, key: str = "m", **more: object) -> list[tuple[int, int, object]]:
    found = raw.get("metrics/get-history", run_id=run, metric_key=key, **more)["metrics"]
    return [(one["step"], one["timestamp"], one["value"]) for one in found]


@pytest.mark.parametrize(("sent", "kept"), [
    (0.1, 0.1), (0, 0.0), (-0.0, 0.0), (1e-320, 1e-320), (2**53 + 1, float(2**53)), ("12.5", 12.5), (LARGEST, LARGEST),
    ("Infinity", LARGEST), ("-Infinity", -LARGEST), (10**30, 1e30),
])
def test_values(raw: Raw, experiment: str, sent: object, kept: float) -> None:
    run = raw.run(experiment)
    raw.post("runs/log-metric", run_id=run, **point("m", sent))
    raw.post("runs/log-batch", run_id=run, metrics=[point("b", sent)])
    found = raw.data(run)["metrics"]
    assert (found["m"], found["b"]) == (kept, kept)
    assert history(raw, run) == [(0, 0, kept)]


def test_nan_and_infinity_through_the_client(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "nan", float("nan"))
    client.log_metric(run, "inf", float("inf"))
    client.log_batch(run, [Metric("ninf", float("-inf"), 1, 0)])
    found = client.get_run(run).data.metrics
    assert math.isnan(found["nan"])
    assert (found["inf"], found["ninf"]) == (LARGEST, -LARGEST)
    assert math.isnan(client.get_metric_history(run, "nan")[0].value)


@pytest.mark.parametrize("value", [None, "abc", "", True, [1], {"a": 1}, "1e", "0x10"])
def test_what_is_no_number(raw: Raw, experiment: str, value: object) -> None:
    run = raw.run(experiment)
    assert "value" in raw.refused("runs/log-metric", run_id=run, **point("m", value))
    assert "metrics[0].value" in raw.refused("runs/log-batch", run_id=run, metrics=[point("m", value)])


def test_the_latest_point_is_that_of_the_highest_step_then_time_then_value(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    for value, step, timestamp, latest in ((1.0, 5, 100, 1.0), (2.0, 4, 200, 1.0), (3.0, 5, 99, 1.0),
                                           (4.0, 5, 100, 4.0), (0.5, 5, 100, 4.0), (6.0, 5, 101, 6.0),
                                           (7.0, -3, 900, 6.0), (-8.0, 6, 0, -8.0)):
        raw.post("runs/log-metric", run_id=run, **point("m", value, step, timestamp))
        assert raw.data(run)["metrics"]["m"] == latest
    other = raw.run(experiment)
    raw.post("runs/log-batch", run_id=other, metrics=[point("m", 9.0, 1, 5), point("m", 3.0, 2, 1), point("m", 4.0, 2, 1),
                                                      point("m", 1.0, 2, 1)])
    assert raw.data(other)["metrics"]["m"] == 4.0


def test_the_same_point_twice_is_one(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    for _ in range(2):
        raw.post("runs/log-metric", run_id=run, **point("m", 1.5, 1, 7))
        raw.post("runs/log-batch", run_id=run, metrics=[point("m", 1.5, 1, 7), point("m", 1.5, 1, 7),
                                                        point("m", "NaN", 1, 7)])
    assert history(raw, run) == [(1, 7, 1.5), (1, 7, "NaN")] or history(raw, run) == [(1, 7, "NaN"), (1, 7, 1.5)]


def test_steps_and_times_at_their_limits(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    raw.post("runs/log-metric", run_id=run, **point("m", 1, 2**63 - 1, 2**63 - 1))
    raw.post("runs/log-metric", run_id=run, **point("m", 2, -(2**63), 0))
    assert history(raw, run) == [(-(2**63), 0, 2.0), (2**63 - 1, 2**63 - 1, 1.0)]
    for step in (2**63, -(2**63) - 1, 10**30):
        assert "step" in raw.refused("runs/log-metric", run_id=run, **point("m", 1, step))
    assert "timestamp" in raw.refused("runs/log-metric", run_id=run, **point("m", 1, 0, 2**63))
    assert "nonnegative long" in raw.refused("runs/log-metric", run_id=run, **point("m", 1, 0, -1))


def test_histories_in_pages(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    raw.post("runs/log-batch", run_id=run, metrics=[point("m", float(n), n // 3, 1000 - n) for n in range(100)])
    whole = history(raw, run)
    assert whole == sorted(whole, key=lambda one: (one[1], one[0], one[2]))
    assert len(whole) == 100
    paged: list[object] = []
    token = ""
    while True:
        page = raw.get("metrics/get-history", run_id=run, metric_key="m", max_results=7,
                       **({"page_token": token} if token else {}))
        paged += [(one["step"], one["timestamp"], one["value"]) for one in page["metrics"]]
        # Points that come while pages are read neither shift nor repeat any other.
        raw.post("runs/log-metric", run_id=run, **point("m", len(paged), 0, 1))
        token = page.get("next_page_token", "")
        if not token:
            break
    assert paged == whole
    raw.refused("metrics/get-history", run_id=run, metric_key="m", max_results=0, method="GET")
    raw.refused("metrics/get-history", run_id=run, metric_key="other", max_results=7, method="GET",
                page_token=raw.get("metrics/get-history", run_id=run, metric_key="m",
                                   max_results=7)["next_page_token"])
    assert raw.get("metrics/get-history", run_id=run, metric_key="none") == {"metrics": []}


def test_the_client_reads_long_histories(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    for start in range(0, 3000, 1000):
        client.log_batch(run, [Metric("m", float(n), n, n) for n in range(start, start + 1000)])
    found = client.get_metric_history(run, "m")
    assert [one.step for one in found] == list(range(3000))
    assert (found[7].value, found[7].timestamp, found[7].key) == (7.0, 7, "m")


def test_histories_of_several_runs(raw: Raw, experiment: str) -> None:
    runs = sorted(raw.run(experiment) for _ in range(2))
    for run in runs:
        raw.post("runs/log-batch", run_id=run, metrics=[point("m", float(n), n, n) for n in range(200)])
    found = raw.get("metrics/get-history-bulk-interval", run_ids=runs, metric_key="m", max_results=10)["metrics"]
    for run in runs:
        steps = [one["step"] for one in found if one["run_id"] == run]
        assert (steps[0], steps[-1]) == (0, 199)
        assert 10 <= len(steps) <= 12
    part = raw.get("metrics/get-history-bulk-interval", run_ids=runs[0], metric_key="m", start_step=50, end_step=59)
    assert [one["step"] for one in part["metrics"]] == list(range(50, 60))
    bulk = raw.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=runs, metric_key="m",
                   max_results=250)["metrics"]
    assert [(one["run_id"], one["step"]) for one in bulk] == [
        *((runs[0], n) for n in range(200)), *((runs[1], n) for n in range(50))]
    many = "metrics/get-history-bulk-interval"
    assert "both must be specified" in raw.refused(many, method="GET", run_ids=runs, metric_key="m", start_step=1)
    assert "end_step must be greater" in raw.refused(many, method="GET", run_ids=runs, metric_key="m", start_step=2,
                                                     end_step=1)
    assert "max_results" in raw.refused(many, method="GET", run_ids=runs, metric_key="m", max_results=2501)
    raw.refused(many, method="GET", run_ids=["a" * 32] * 1 + [f"{n:032}" for n in range(101)], metric_key="m")


def test_batches_at_and_beyond_their_limits(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    metrics = [point(f"m{n}", n) for n in range(1001)]
    params = [{"key": f"p{n}", "value": "v"} for n in range(101)]
    raw.post("runs/log-batch", run_id=run, metrics=metrics[:800], params=params[:100], tags=params[:100])
    assert "at most 1000 metrics. Got 1001 metrics" in raw.refused("runs/log-batch", run_id=run, metrics=metrics)
    assert "at most 100 params. Got 101 params" in raw.refused("runs/log-batch", run_id=run, params=params)
    assert "at most 100 tags. Got 101 tags" in raw.refused("runs/log-batch", run_id=run, tags=params)
    assert "at most 1000 metrics, params, and tags. Got 1001 metrics, params, and tags. Please" in raw.refused(
        "runs/log-batch", run_id=run, metrics=metrics[:901], params=params[:50], tags=params[:50])
    found = raw.data(run)
    assert [len(found[kind]) for kind in ("metrics", "params", "tags")] == [800, 100, 101]
    assert "Duplicate parameter keys" in raw.refused("runs/log-batch", run_id=run,
                                                     params=[{"key": "x", "value": "1"}, {"key": "x", "value": "1"}])
    raw.post("runs/log-batch", run_id=run)


def test_a_batch_is_whole_or_absent(client: MlflowClient, raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    client.log_param(run, "p", "1")
    before = raw.get("runs/get", run_id=run)
    refused(lambda: client.log_batch(run, [Metric("m", 1, 1, 1)], [Param("q", "1"), Param("p", "2")],
                                     [RunTag("t", "1"), RunTag("mlflow.runName", "other")]))
    for bad in ({"metrics": [point("m", 1), point("m", "x")]}, {"metrics": [point("m", 1), point("m//", 1)]},
                {"metrics": [point("m", 1)], "tags": [{"key": "t"}, {"value": "v"}]},
                {"params": [{"key": "q"}, {"key": ""}]}, {"metrics": [point("m", 1, 0, -1)]}):
        raw.refused("runs/log-batch", run_id=run, **bad)
    assert raw.get("runs/get", run_id=run) == before
    assert history(raw, run) == []


def newest(points: list[tuple[int, int, float]]) -> float:
    return max(points, key=lambda one: (one[1], one[0], one[2]))[2]


@given(points=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2), st.sampled_from([-1.5, 0.0, 1.0, 2.5])),
                       min_size=1, max_size=25), cut=st.integers(0, 25))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_points_in_any_batches(raw: Raw, experiment: str, points: list[tuple[int, int, float]], cut: int) -> None:
    run = raw.run(experiment)
    for part in (points[:cut], points[cut:]):
        raw.post("runs/log-batch", run_id=run, metrics=[point("m", value, step, timestamp)
                                                        for timestamp, step, value in part])
    assert history(raw, run) == [(step, timestamp, value) for timestamp, step, value in sorted(set(points))]
    assert raw.data(run)["metrics"]["m"] == newest(points)


def test_a_long_history_comes_whole_or_as_far_as_it_is_asked_for(raw: Raw, experiment: str) -> None:
    run, count = raw.run(experiment), 51_000
    for start in range(0, count, 1000):
        raw.post("runs/log-batch", run_id=run, metrics=[point("m", 0.5, step, step)
                                                        for step in range(start, start + 1000)])
    assert [step for step, _, _ in history(raw, run)] == list(range(count))
    asked = {"run_id": run, "metric_key": "m", "max_results": 50_500}
    part = raw.get("metrics/get-history", **asked)
    assert [one["step"] for one in part["metrics"]] == list(range(50_500))
    rest = raw.get("metrics/get-history", **asked, page_token=part["next_page_token"])
    assert [one["step"] for one in rest["metrics"]] == list(range(50_500, count))
    assert "next_page_token" not in rest
    exact = raw.get("metrics/get-history", run_id=run, metric_key="m", max_results=count)
    assert (len(exact["metrics"]), "next_page_token" in exact) == (count, False)
