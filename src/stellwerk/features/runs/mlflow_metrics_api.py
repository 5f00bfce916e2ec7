"""Histories of metrics in MLflow's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from stellwerk.features.experiments import READ
from stellwerk.features.runs import service
from stellwerk.features.runs.repository import content
from stellwerk.infra.http.raw import Answer, Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput, NotFound
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.decoding import missing
from stellwerk.protocols.mlflow.wire import runs as wire

routes = mlflow_routes("/mlflow/metrics")
_MOST = 25_000
_ALL = 2**31 - 1
_MOST_RUNS = 100
_THINNED = 2500


def _metric(key: str, row: tuple[Any, ...], run_id: str | None = None) -> dict[str, Any]:
    timestamp, step, value, is_nan = row
    point = {"key": key, "value": "NaN" if is_nan else value, "timestamp": timestamp, "step": step}
    if run_id is not None:
        point["run_id"] = run_id
    return point


@routes.get("/get-history", allow(READ), wire.MetricHistory)
async def get_history(call: Call, body: wire.MetricHistory) -> dict[str, Any] | Answer:
    """Return all points of a metric in order of time, step and value; in pages where ``max_results`` is given."""
    limits.check_run_id(body.id)
    key = body.metric_key or ""
    mark = paging.query_mark("history", body.id, key)
    position = paging.read_token(body.page_token, mark, (int, int, (int, float), int))
    size = paging.page_size(body.max_results, _ALL, _ALL)
    rows = await _points(call, body.id, key, position, min(size, _MOST) + 1)
    if len(rows) <= size and len(rows) <= _MOST:
        return {"metrics": [_metric(key, row) for row in rows]}
    if size <= _MOST:
        return {"metrics": [_metric(key, row) for row in rows[:size]],
                "next_page_token": paging.make_token(mark, list(rows[size - 1]))}
    return Answer(chunks=_history(call, body.id, key, rows, size, mark))


async def _points(call: Call, run_id: str, key: str, behind: Sequence[Any] | None,
                  limit: int) -> list[tuple[Any, ...]]:
    return await call.tracking.read_async(lambda st: content.history(
        st, service.get_run(st, run_id, call.actor).no, key, after=behind, limit=limit))


async def _history(call: Call, run_id: str, key: str, rows: list[tuple[Any, ...]], left: int,
                   mark: str) -> AsyncIterator[bytes]:
    """Yield a long history as one answer that is held in memory page by page; ``rows`` is its first page."""
    before, token = b'{"metrics":[', b""
    while rows:
        page = rows[:min(left, _MOST)]
        yield before + msgspec.json.encode([_metric(key, row) for row in page])[1:-1]
        before, left = b",", left - len(page)
        more = len(rows) > len(page)
        if more and not left:
            token = b',"next_page_token":' + msgspec.json.encode(paging.make_token(mark, list(page[-1])))
        rows = await _points(call, run_id, key, page[-1], min(left, _MOST) + 1) if more and left else []
    yield b"]" + token + b"}"


@routes.get("/get-history-bulk-interval", allow(READ), wire.MetricHistoryInterval)
async def get_interval(call: Call, body: wire.MetricHistoryInterval) -> dict[str, Any]:
    """Return points of a metric in several runs between two steps, thinned evenly."""
    wanted = list(dict.fromkeys(body.run_ids or ()))
    if not wanted:
        raise missing("run_ids")
    if len(wanted) > _MOST_RUNS:
        raise BadInput(f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids. "
                       f"Received {len(wanted)} run_ids.", field="run_ids")
    first, last = body.start_step, body.end_step
    if (first is None) != (last is None):
        raise BadInput("If either start step or end step are specified, both must be specified.", field="start_step")
    if first is not None and last is not None and first > last:
        raise BadInput("end_step must be greater than start_step. "
                       f"Found start_step={first} and end_step={last}.", field="end_step")
    for name, step in (("start_step", first), ("end_step", last)):
        limits.check_int64(step or 0, name)
    size = _THINNED if body.max_results is None else body.max_results
    if not 1 <= size <= _THINNED:
        raise BadInput(f"max_results must be between 1 and {_THINNED}.", field="max_results", value=size)

    def query(st: Statements) -> dict[str, Any]:
        metrics: list[dict[str, Any]] = []
        for run_id, number in _numbers(st, call, wanted):
            metrics += [_metric(body.metric_key or "", row, run_id) for row in content.history_by_step(
                st, number, body.metric_key or "", first, last, size)]
        return {"metrics": metrics}

    return await call.tracking.read_async(query)


@routes.get("/get-history-bulk", allow(READ), wire.MetricHistoryBulk)
async def get_bulk(call: Call, body: wire.MetricHistoryBulk) -> dict[str, Any]:
    """Return the points of a metric in several runs, ordered by run, time, step and value."""
    wanted = list(dict.fromkeys(body.run_id or ()))
    if not wanted:
        raise BadInput("GetMetricHistoryBulk request must specify at least one run_id.", field="run_id")
    if len(wanted) > _MOST_RUNS:
        raise BadInput(f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids. "
                       f"Received {len(wanted)} run_ids.", field="run_id")
    if not body.metric_key:
        raise BadInput("GetMetricHistoryBulk request must specify a metric_key.", field="metric_key")
    size = paging.page_size(body.max_results, _MOST, _MOST)

    def query(st: Statements) -> dict[str, Any]:
        metrics: list[dict[str, Any]] = []
        for run_id, number in sorted(_numbers(st, call, wanted)):
            rows = content.history(st, number, body.metric_key or "", limit=size - len(metrics))
            metrics += [_metric(body.metric_key or "", row, run_id) for row in rows]
        return {"metrics": metrics}

    return await call.tracking.read_async(query)


def _numbers(st: Statements, call: Call, run_ids: Sequence[str]) -> list[tuple[str, int]]:
    visible = service.visible_runs(st, call.actor, run_ids)
    for run_id in run_ids:
        if run_id not in visible:
            raise NotFound(f"Run with id={run_id[:100]} not found", field="run_id", value=run_id[:100])
    return [(run_id, visible[run_id].no) for run_id in run_ids]
