"""Reading the database of an MLflow server: any release, since only columns that are there are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from stellwerk.cli.transfer import mlflow_database_models as models
from stellwerk.cli.transfer.places import Places
from stellwerk.cli.transfer.rows import Database
from stellwerk.cli.transfer.source import Found, FoundModel, FoundRegistered, FoundRun, Owner, Row, Totals
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.limits import LARGEST
from stellwerk.protocols.transfer import wire

NAME_TAG = "mlflow.runName"
STATUSES = frozenset({"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"})
_PAGE = 200
_LEFT = {"trace_info": "traces", "webhooks": "webhooks", "evaluation_datasets": "evaluation data sets"}


class MlflowDatabase:
    """An MLflow database and the folders of its artifacts."""

    kind = "MLflow database"

    def __init__(self, database: Database, places: Places, workspace: str = "default") -> None:
        self.label = database.label
        self._db = database
        self._places = places
        self._workspace = workspace
        if not database.columns("experiments") or not database.columns("runs"):
            raise BadInput(f"{database.label} is no database of MLflow: it has no tables experiments and runs.",
                           field="source", value=database.label)
        self._run_columns = database.columns("runs")
        self._has_workspaces = "workspace" in database.columns("experiments")
        self._points_sql = self._select_points()
        # Told before anything is brought, not at the first run that has files.
        for location, in self._db.rows(
                "SELECT DISTINCT e.artifact_location FROM experiments e WHERE EXISTS (SELECT 1 FROM runs r "
                "WHERE r.experiment_id = e.experiment_id) AND " + self._of_workspace("e"), **self._named()):
            places.check(location or "")

    # Which rows count

    def _of_workspace(self, alias: str = "") -> str:
        name = f"{alias}." if alias else ""
        return f"{name}workspace = :workspace" if self._has_workspaces else "1 = 1"

    def _named(self) -> dict[str, Any]:
        return {"workspace": self._workspace} if self._has_workspaces else {}

    def _in_workspace(self) -> str:
        return f"experiment_id IN (SELECT experiment_id FROM experiments WHERE {self._of_workspace()})"

    def _column(self, name: str) -> str:
        return name if name in self._run_columns else "NULL"

    # Counting

    def _count(self, table: str, condition: str = "1 = 1", **parameters: Any) -> int:
        if not self._db.columns(table):
            return 0
        return int(next(self._db.rows(f"SELECT count(*) FROM {table} WHERE {condition}", **parameters))[0])

    def totals(self) -> Totals:
        """Return how much there is."""
        return Totals(experiments=self._count("experiments", self._of_workspace(), **self._named()),
                      runs=self._count("runs", self._in_workspace(), **self._named()), points=self._count("metrics"))

    def count_points(self, run_ids: Sequence[str]) -> int | None:
        """Return how many points runs of one page have."""
        return sum(self._count("metrics", "run_uuid = :run", run=run_id) for run_id in run_ids)

    # Experiments and runs

    def experiments(self) -> list[wire.Experiment]:
        """Return all experiments of the workspace."""
        columns = self._db.columns("experiments")
        times = [name if name in columns else "0" for name in ("creation_time", "last_update_time")]
        tags: dict[int, list[wire.Pair]] = defaultdict(list)
        if self._db.columns("experiment_tags"):
            for number, key, value in self._db.rows("SELECT experiment_id, key, value FROM experiment_tags"):
                tags[number].append((key, value or ""))
        return [
            wire.Experiment(source_id=str(number), name=name, lifecycle=_lifecycle(stage), created_at=created or 0,
                            updated_at=updated or created or 0, tags=sorted(tags[number]))
            for number, name, stage, created, updated in self._db.rows(
                f"SELECT experiment_id, name, lifecycle_stage, {', '.join(times)} FROM experiments "
                f"WHERE {self._of_workspace()} ORDER BY experiment_id", **self._named())]

    def runs(self) -> Iterator[list[FoundRun]]:
        """Yield all runs in pages, without their points."""
        after = ""
        while page := list(self._db.rows(
                "SELECT run_uuid, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time, "
                f"{self._column('deleted_time')}, artifact_uri FROM runs WHERE run_uuid > :after "
                f"AND {self._in_workspace()} ORDER BY run_uuid LIMIT :size", after=after, size=_PAGE,
                **self._named())):
            span = {"after": after, "last": page[-1][0]}
            after = page[-1][0]
            params, tags = self._pairs("params", span), self._pairs("tags", span)
            inputs, links = self._inputs(span), self._links(span)
            yield [FoundRun(_run(row, params[row[0]], tags[row[0]], inputs[row[0]], links[row[0]]),
                            Owner(row[0], is_model=False, location=row[9] or "")) for row in page]

    def _pairs(self, table: str, span: dict[str, Any]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for run_id, key, value in self._db.rows(
                f"SELECT run_uuid, key, value FROM {table} WHERE run_uuid > :after AND run_uuid <= :last", **span):
            found[run_id][key] = value or ""
        return found

    def _inputs(self, span: dict[str, Any]) -> dict[str, list[wire.Input]]:
        found: dict[str, list[wire.Input]] = defaultdict(list)
        if not self._db.columns("inputs") or not self._db.columns("datasets"):
            return found
        tags: dict[str, list[wire.Pair]] = defaultdict(list)
        for input_id, name, value in self._db.rows(
                "SELECT t.input_uuid, t.name, t.value FROM input_tags t JOIN inputs i ON i.input_uuid = t.input_uuid "
                "WHERE i.destination_type = 'RUN' AND i.destination_id > :after AND i.destination_id <= :last", **span):
            tags[input_id].append((name, value))
        for run_id, input_id, *described in self._db.rows(
                "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, "
                "d.dataset_schema, d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
                "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' "
                "AND i.destination_id > :after AND i.destination_id <= :last", **span):
            name, digest, source_type, source, schema, profile = described
            found[run_id].append(wire.Input(name=name, digest=digest, source_type=source_type, source=source,
                                            schema=schema, profile=profile, tags=sorted(tags[input_id])))
        return found

    def _links(self, span: dict[str, Any]) -> dict[str, list[tuple[Any, str, int]]]:
        found: dict[str, list[tuple[Any, str, int]]] = defaultdict(list)
        if "step" not in self._db.columns("inputs"):
            return found
        for kind, role in (("RUN_INPUT", "input"), ("RUN_OUTPUT", "output")):
            for run_id, model_id, step in self._db.rows(
                    "SELECT source_id, destination_id, step FROM inputs WHERE source_type = :kind "
                    "AND source_id > :after AND source_id <= :last", kind=kind, **span):
                found[run_id].append((role, model_id, int(step or 0) if role == "output" else 0))
        return found

    # Points

    def _select_points(self) -> str:
        columns = self._db.columns("metrics")
        is_nan = "CASE WHEN is_nan THEN 1 ELSE 0 END" if "is_nan" in columns else "0"
        value = "CASE WHEN is_nan THEN 0.0 ELSE value END" if "is_nan" in columns else "value"
        step = "step" if "step" in columns else "0"
        by_bytes = 'key COLLATE "C"' if self._db.postgres else "key"
        return (f"SELECT key, timestamp, {step}, {value}, {is_nan} FROM metrics WHERE run_uuid = :run "
                f"ORDER BY {by_bytes}, 2, 3, 4, 5")

    def points(self, run: wire.Run) -> Iterator[Sequence[Row]]:
        """Yield the points of a run in pieces, in order of key, timestamp, step, value."""
        for piece in self._db.pieces(self._points_sql, run=run.id):
            yield plain(piece)

    # Models

    def logged_models(self) -> Iterator[list[FoundModel]]:
        """Yield all logged models in pages."""
        yield from models.logged_models(self._db, self._in_workspace(), self._named())

    def registered_models(self) -> Iterator[FoundRegistered]:
        """Yield the registered models of the workspace."""
        yield from models.registered_models(self._db, self._of_workspace(), self._named())

    # Files, and what stays

    def artifacts(self, owner: Owner) -> Iterator[Found]:
        """Yield the artifacts of a run or logged model."""
        yield from self._places.files(owner)

    def left_out(self) -> list[str]:
        """Return in words what is there and is not brought."""
        found = [f"{count} {words}" for table, words in _LEFT.items() if (count := self._count(table))]
        prompts = models.count_prompts(self._db)
        if prompts:
            found.append(f"{prompts} prompts")
        if self._has_workspaces and (others := self._count("experiments", "workspace <> :workspace", **self._named())):
            found.append(f"{others} experiments of other workspaces (--workspace names one)")
        return [*found, *self._places.notes()]

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def plain(rows: list[Any]) -> list[Row]:
    """Return points with infinities as the largest number, as MLflow's own database keeps them."""
    values = [row[3] for row in rows]
    if values and (max(values) > LARGEST or min(values) < -LARGEST):
        return [(key, timestamp, step, min(max(value, -LARGEST), LARGEST), is_nan)
                for key, timestamp, step, value, is_nan in rows]
    return rows


def _lifecycle(stage: str | None) -> Any:
    return "deleted" if stage == "deleted" else "active"


def _run(row: Sequence[Any], params: dict[str, str], tags: dict[str, str], inputs: list[wire.Input],
         links: list[tuple[Any, str, int]]) -> wire.Run:
    run_id, experiment, name, user, status, stage, start, end, deleted, _ = row
    chosen = name or tags.get(NAME_TAG) or ""
    if chosen:
        tags = {**tags, NAME_TAG: chosen}
    return wire.Run(id=run_id, experiment=str(experiment), name=chosen, user_id=user or "",
                    status=status if status in STATUSES else "SCHEDULED", lifecycle=_lifecycle(stage),
                    start_time=start or 0, end_time=end, deleted_at=deleted, params=sorted(params.items()),
                    tags=sorted(tags.items()), inputs=inputs, models=links)
