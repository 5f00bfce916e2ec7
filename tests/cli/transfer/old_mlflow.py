"""A database as a stock MLflow server keeps it: its own tables, filled by SQL."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

# (key, timestamp, step, value, is NaN)
Point = tuple[str, int, int, float, bool]
_NUMBERS = itertools.count(1)


def make_tables(url: str) -> None:
    """Let MLflow make its tables in an empty database."""
    from mlflow.store.db.utils import _initialize_tables

    engine = sqlalchemy.create_engine(url)
    _initialize_tables(engine)
    engine.dispose()


class OldMlflow:
    """A database of MLflow's and the folder of its artifacts."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._engine = sqlalchemy.create_engine(url)
        # Experiments of several databases shall not get in each other's way on one target.
        self.number = next(_NUMBERS)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def run_sql(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:
        """Change the database."""
        if rows:
            with self._engine.begin() as connection:
                connection.execute(text(sql), rows)

    def _insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            names = list(rows[0])
            self.run_sql(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{one}' for one in names)})",
                         rows)

    def experiment(self, number: int, name: str, *, stage: str = "active", location: str | None = None,
                   tags: dict[str, str] | None = None) -> int:
        """Add an experiment and return its number."""
        self._insert("experiments", [{
            "experiment_id": number, "name": name, "lifecycle_stage": stage, "creation_time": 1_700_000_000_000 + number,
            "last_update_time": 1_700_000_000_500 + number, "workspace": "default",
            "artifact_location": location or (self.folder / str(number)).as_uri()}])
        self._insert("experiment_tags", [{"experiment_id": number, "key": key, "value": value}
                                         for key, value in (tags or {}).items()])
        return number

    def run(self, experiment: int, run_id: str, *, name: str = "first", status: str = "FINISHED",
            stage: str = "active", points: Iterable[Point] = (), params: dict[str, str] | None = None,
            tags: dict[str, str] | None = None, artifacts: dict[str, bytes] | None = None,
            location: str | None = None) -> str:
        """Add a run with all that it logged and return its id."""
        folder = self.folder / str(experiment) / run_id / "artifacts"
        self._insert("runs", [{
            "run_uuid": run_id, "name": name, "user_id": "bea", "status": status, "lifecycle_stage": stage,
            "start_time": 1_700_000_001_000, "end_time": 1_700_000_009_000 if status == "FINISHED" else None,
            "deleted_time": 1_700_000_010_000 if stage == "deleted" else None, "experiment_id": experiment,
            "artifact_uri": location or folder.as_uri(), "source_type": "LOCAL"}])
        self._insert("params", [{"run_uuid": run_id, "key": key, "value": value}
                                for key, value in (params or {}).items()])
        self._insert("tags", [{"run_uuid": run_id, "key": key, "value": value}
                              for key, value in {"mlflow.runName": name, **(tags or {})}.items()])
        self.points(run_id, points)
        for path, content in (artifacts or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return run_id

    def points(self, run_id: str, points: Iterable[Point]) -> None:
        """Add points to a run."""
        rows = [{"run_uuid": run_id, "key": key, "timestamp": timestamp, "step": step, "value": value,
                 "is_nan": is_nan} for key, timestamp, step, value, is_nan in points]
        self._insert("metrics", rows)
        latest: dict[str, dict[str, Any]] = {}
        for row in rows:
            known = latest.get(row["key"])
            if known is None or (row["step"], row["timestamp"], row["value"]) > (
                    known["step"], known["timestamp"], known["value"]):
                latest[row["key"]] = row
        self._insert("latest_metrics", list(latest.values()))

    def dataset(self, experiment: int, run_id: str, name: str, context: str) -> None:
        """Let a run have used a data set."""
        self._insert("datasets", [{"dataset_uuid": f"d-{name}", "experiment_id": experiment, "name": name,
                                   "digest": "abc1", "dataset_source_type": "local",
                                   "dataset_source": json.dumps({"uri": name}), "dataset_schema": "{}",
                                   "dataset_profile": '{"rows": 3}'}])
        self._insert("inputs", [{"input_uuid": f"i-{name}", "source_type": "DATASET", "source_id": f"d-{name}",
                                 "destination_type": "RUN", "destination_id": run_id, "step": 0}])
        self._insert("input_tags", [{"input_uuid": f"i-{name}", "name": "mlflow.data.context", "value": context}])

    def logged_model(self, experiment: int, model_id: str, run_id: str, artifacts: dict[str, bytes]) -> None:
        """Add a logged model that a run made."""
        folder = self.folder / str(experiment) / "models" / model_id / "artifacts"
        for path, content in artifacts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        self._insert("logged_models", [{
            "model_id": model_id, "experiment_id": experiment, "name": "forest", "artifact_location": folder.as_uri(),
            "creation_timestamp_ms": 1_700_000_002_000, "last_updated_timestamp_ms": 1_700_000_003_000, "status": 2,
            "lifecycle_stage": "active", "model_type": "classifier", "source_run_id": run_id, "status_message": None}])
        self._insert("logged_model_params", [{"model_id": model_id, "experiment_id": experiment, "param_key": "trees",
                                              "param_value": "9"}])
        self._insert("logged_model_tags", [{"model_id": model_id, "experiment_id": experiment, "tag_key": "made",
                                            "tag_value": "here"}])
        self._insert("logged_model_metrics", [{
            "model_id": model_id, "metric_name": "auc", "metric_timestamp_ms": 5, "metric_step": 1,
            "metric_value": 0.75, "experiment_id": experiment, "run_id": run_id, "dataset_uuid": None,
            "dataset_name": "train", "dataset_digest": "abc1"}])
        self._insert("inputs", [{"input_uuid": f"o-{model_id[2:30]}", "source_type": "RUN_OUTPUT", "source_id": run_id,
                                 "destination_type": "MODEL_OUTPUT", "destination_id": model_id, "step": 4}])

    def registered(self, name: str, versions: Sequence[dict[str, Any]], *, aliases: dict[str, int] | None = None,
                   description: str | None = None, tags: dict[str, str] | None = None) -> None:
        """Add a registered model with versions, given by their columns."""
        self._insert("registered_models", [{"name": name, "creation_time": 1_700_000_004_000, "workspace": "default",
                                            "last_updated_time": 1_700_000_005_000, "description": description}])
        self._insert("registered_model_tags", [{"name": name, "key": key, "value": value, "workspace": "default"}
                                               for key, value in (tags or {}).items()])
        for number, version in enumerate(versions, 1):
            self._insert("model_versions", [{
                "name": name, "version": number, "creation_time": 1_700_000_006_000 + number, "workspace": "default",
                "last_updated_time": 1_700_000_007_000, "description": None, "user_id": "bea", "current_stage": "None",
                "source": "", "storage_location": None, "run_id": None, "run_link": None, "status": "READY",
                "status_message": None, **version}])
        self._insert("model_version_tags", [{"name": name, "version": 1, "key": "checked", "value": "yes",
                                             "workspace": "default"}])
        self._insert("registered_model_aliases", [{"name": name, "alias": alias, "version": number,
                                                   "workspace": "default"} for alias, number in (aliases or {}).items()])
