"""Reading a running MLflow server, or anything that speaks its protocol, by its REST API."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import msgspec

from stellwerk.cli.transfer import mlflow_server_models as models
from stellwerk.cli.transfer.mlflow_http import MlflowHttp
from stellwerk.cli.transfer.source import Found, FoundModel, FoundRegistered, FoundRun, Owner, Row, Totals
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey
from stellwerk.protocols.mlflow.limits import LARGEST
from stellwerk.protocols.transfer import wire

NAME_TAG = "mlflow.runName"
_STATUSES = frozenset({"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"})
_PAGE = 1000
_HISTORY = 25_000
_TOGETHER = 100
_HANDED_ON = 200
_THREADS = 8


class MlflowServer:
    """An MLflow server."""

    kind = "MLflow server"

    def __init__(self, http: MlflowHttp, *, wanted: bool = True) -> None:
        self.label = http.address
        self._http = http
        self._wanted = wanted
        self._keys: dict[str, list[str]] = {}
        self._spool: _Spool | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "histories")

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    # Experiments and runs

    def experiments(self) -> list[wire.Experiment]:
        """Return all experiments."""
        found: list[wire.Experiment] = []
        for body in self._pages("/experiments/search", {"max_results": _PAGE, "view_type": "ALL"}):
            found += [experiment_of(item) for item in body.get("experiments", ())]
        return sorted(found, key=lambda one: (len(one.source_id), one.source_id))

    def _pages(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            answer = self._http.post(path, {**body, "page_token": token})
            yield answer
            token = answer.get("next_page_token")
            if not token:
                return

    def totals(self) -> Totals:
        """Return how much there is; the runs are read for it once, and handed on by the next call of ``runs``."""
        experiments = self.experiments()
        self._spool = _Spool()
        count = 0
        for page in self._read_runs([one.source_id for one in experiments]):
            count += len(page)
            self._spool.add(page)
        return Totals(experiments=len(experiments), runs=count, points=None)

    def _read_runs(self, experiment_ids: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        for start in range(0, len(experiment_ids), _TOGETHER):
            part = list(experiment_ids[start:start + _TOGETHER])
            for body in self._pages("/runs/search", {"experiment_ids": part, "run_view_type": "ALL",
                                                     "max_results": _PAGE}):
                yield body.get("runs", [])

    def runs(self) -> Iterator[list[FoundRun]]:
        """Yield all runs in pages, without their points."""
        spool, self._spool = self._spool, None
        pages = spool.pages() if spool is not None else self._read_runs([one.source_id for one in self.experiments()])
        seen: set[str] = set()
        for page in pages:
            fresh = [item for item in page if item.get("info", {}).get("run_id") not in seen]
            seen.update(item.get("info", {}).get("run_id", "") for item in fresh)
            for start in range(0, len(fresh), _HANDED_ON):
                part = fresh[start:start + _HANDED_ON]
                self._keys = {item["info"]["run_id"]: sorted({metric["key"] for metric in
                                                              item.get("data", {}).get("metrics", ())})
                              for item in part}
                yield [found_run(item) for item in part]

    def count_points(self, run_ids: Sequence[str]) -> int | None:
        """Return None: only reading all points tells how many there are."""
        return None

    def points(self, run: wire.Run) -> Iterator[Sequence[Row]]:
        """Yield the points of a run of the present page, in order of key, timestamp, step, value."""
        yield from self._threads.map(lambda key: self._history(run.id, key), self._keys.get(run.id, ()))

    def _history(self, run_id: str, key: str) -> list[Row]:
        rows: set[Row] = set()
        token: str | None = None
        while True:
            body = self._http.get("/metrics/get-history", run_id=run_id, metric_key=key, max_results=_HISTORY,
                                  page_token=token)
            rows.update(point_of(key, item) for item in body.get("metrics", ()))
            token = body.get("next_page_token")
            if not token:
                return sorted(rows)

    # Models

    def logged_models(self) -> Iterator[list[FoundModel]]:
        """Yield all logged models in pages."""
        ids = [one.source_id for one in self.experiments()]
        for start in range(0, len(ids), _TOGETHER):
            yield from models.logged_models(self._http, ids[start:start + _TOGETHER])

    def registered_models(self) -> Iterator[FoundRegistered]:
        """Yield the registered models."""
        yield from models.registered_models(self._http)

    # Files

    def artifacts(self, owner: Owner) -> Iterator[Found]:
        """Yield the artifacts of a run or logged model."""
        if self._wanted:
            yield from self._below(owner, "")

    def _below(self, owner: Owner, folder: str) -> Iterator[Found]:
        token: str | None = None
        while True:
            if owner.is_model:
                body = self._http.get(f"/logged-models/{owner.id}/artifacts/directories",
                                      artifact_directory_path=folder or None, page_token=token)
            else:
                body = self._http.get("/artifacts/list", run_id=owner.id, path=folder or None, page_token=token)
            for item in body.get("files", ()):
                path = str(item.get("path", ""))
                if not item.get("is_dir"):
                    yield Found(path, self._download(owner, path))
                elif _inside(path, folder):
                    yield from self._below(owner, path)
                else:
                    # Handed on as it is, so that it is refused under its own name.
                    yield Found(f"{path}/", self._download(owner, path))
            token = body.get("next_page_token")
            if not token:
                return

    def _download(self, owner: Owner, path: str) -> Any:
        if owner.is_model:
            return self._http.download(f"/ajax-api/2.0/mlflow/logged-models/{owner.id}/artifacts/files",
                                       {"artifact_file_path": path})
        return self._http.download("/get-artifact", {"run_id": owner.id, "path": path})

    def left_out(self) -> list[str]:
        """Return in words what is there and is not brought."""
        return [] if self._wanted else ["all artifacts (--no-artifacts)"]


def _inside(path: str, folder: str) -> bool:
    try:
        ArtifactKey.parse(path)
    except BadInput:
        return False
    return path.startswith(f"{folder}/") if folder else True


class _Spool:
    """Pages of runs on disk, packed: they are asked for once, counted, and then brought."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - handed from one call to the next
        self._lengths: list[int] = []

    def add(self, page: list[dict[str, Any]]) -> None:
        """Keep a page."""
        packed = zlib.compress(msgspec.json.encode(page), 1)
        self._file.write(packed)
        self._lengths.append(len(packed))

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages and forget them."""
        with self._file:
            self._file.seek(0)
            for length in self._lengths:
                yield msgspec.json.decode(zlib.decompress(self._file.read(length)))


def pairs_of(items: Sequence[dict[str, Any]]) -> list[wire.Pair]:
    """Return keys and values of params or tags, in order."""
    return sorted((str(item.get("key", "")), str(item.get("value", ""))) for item in items)


def experiment_of(item: dict[str, Any]) -> wire.Experiment:
    """Return an experiment as the protocol shows it."""
    created = int(item.get("creation_time") or 0)
    return wire.Experiment(
        source_id=str(item["experiment_id"]), name=str(item["name"]),
        lifecycle="deleted" if item.get("lifecycle_stage") == "deleted" else "active", created_at=created,
        updated_at=int(item.get("last_update_time") or created), tags=pairs_of(item.get("tags", ())))


def found_run(item: dict[str, Any]) -> FoundRun:
    """Return a run as the protocol shows it."""
    info, data, inputs = item["info"], item.get("data", {}), item.get("inputs", {})
    tags = dict(pairs_of(data.get("tags", ())))
    name = str(info.get("run_name") or tags.get(NAME_TAG) or "")
    if name:
        tags[NAME_TAG] = name
    links: list[Any] = [("input", str(one["model_id"]), 0) for one in inputs.get("model_inputs", ())]
    links += [("output", str(one["model_id"]), int(one.get("step") or 0))
              for one in item.get("outputs", {}).get("model_outputs", ())]
    status, end = info.get("status"), info.get("end_time")
    run = wire.Run(
        id=str(info["run_id"]), experiment=str(info["experiment_id"]), name=name,
        user_id=str(info.get("user_id") or ""), status=status if status in _STATUSES else "SCHEDULED",
        lifecycle="deleted" if info.get("lifecycle_stage") == "deleted" else "active",
        start_time=int(info.get("start_time") or 0), end_time=None if end is None else int(end),
        params=pairs_of(data.get("params", ())), tags=sorted(tags.items()),
        inputs=[_input(one) for one in inputs.get("dataset_inputs", ())], models=links)
    return FoundRun(run, Owner(run.id, is_model=False, location=str(info.get("artifact_uri") or "")))


def _input(item: dict[str, Any]) -> wire.Input:
    described = item.get("dataset", {})
    return wire.Input(name=described.get("name", ""), digest=described.get("digest", ""),
                      source_type=described.get("source_type", ""), source=described.get("source", ""),
                      schema=described.get("schema"), profile=described.get("profile"),
                      tags=pairs_of(item.get("tags", ())))


def point_of(key: str, item: dict[str, Any]) -> Row:
    """Return a point as the protocol shows it."""
    value, is_nan = number_of(item.get("value"))
    return key, int(item.get("timestamp") or 0), int(item.get("step") or 0), value, is_nan


def number_of(value: Any) -> tuple[float, int]:
    """Return (value, is NaN) of a number that may be written as a word."""
    number = float(value if value is not None else "nan")
    if number != number:
        return 0.0, 1
    return min(max(number, -LARGEST), LARGEST) + 0.0, 0
