"""Logged and registered models in the database of an MLflow server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from stellwerk.cli.transfer.owners import VersionPlace, version_place
from stellwerk.cli.transfer.rows import Database
from stellwerk.cli.transfer.source import FoundModel, FoundRegistered, Owner
from stellwerk.protocols.mlflow.limits import LARGEST
from stellwerk.protocols.transfer import wire

PROMPT_TAG = "mlflow.prompt.is_prompt"
DELETED_STAGE = "Deleted_Internal"
_STATUSES = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
_PAGE = 200


def logged_models(db: Database, condition: str, named: dict[str, Any]) -> Iterator[list[FoundModel]]:
    """Yield all logged models in pages; ``condition`` says which experiments count."""
    if not db.columns("logged_models"):
        return
    after = ""
    while page := list(db.rows(
            "SELECT model_id, experiment_id, name, source_run_id, status, status_message, model_type, lifecycle_stage, "
            "creation_timestamp_ms, last_updated_timestamp_ms, artifact_location FROM logged_models "
            f"WHERE model_id > :after AND {condition} ORDER BY model_id LIMIT :size",
            after=after, size=_PAGE, **named)):
        span = {"after": after, "last": page[-1][0]}
        after = page[-1][0]
        params = _pairs(db, "logged_model_params", "param_key", "param_value", span)
        tags = _pairs(db, "logged_model_tags", "tag_key", "tag_value", span)
        metrics = _metrics(db, span)
        yield [FoundModel(_model(row, params[row[0]], tags[row[0]], metrics[row[0]]),
                          Owner(row[0], is_model=True, location=row[10] or "")) for row in page]


def _model(row: tuple[Any, ...], params: list[wire.Pair], tags: list[wire.Pair],
           metrics: list[wire.ModelPoint]) -> wire.LoggedModel:
    model_id, experiment, name, run_id, status, message, model_type, stage, created, updated, _ = row
    return wire.LoggedModel(
        id=model_id, experiment=str(experiment), name=name, source_run_id=run_id or "",
        status=_STATUSES[status] if 0 <= status < len(_STATUSES) else "UNSPECIFIED",  # type: ignore[arg-type]
        status_message=message or "", model_type=model_type or "",
        lifecycle="deleted" if stage == "deleted" else "active", created_at=created, updated_at=updated,
        params=params, tags=tags, metrics=metrics)


def _pairs(db: Database, table: str, key: str, value: str, span: dict[str, Any]) -> dict[str, list[wire.Pair]]:
    found: dict[str, list[wire.Pair]] = defaultdict(list)
    for model_id, name, content in db.rows(
            f"SELECT model_id, {key}, {value} FROM {table} WHERE model_id > :after AND model_id <= :last", **span):
        found[model_id].append((name, content or ""))
    return found


def _metrics(db: Database, span: dict[str, Any]) -> dict[str, list[wire.ModelPoint]]:
    found: dict[str, list[wire.ModelPoint]] = defaultdict(list)
    for model_id, key, timestamp, step, run_id, value, name, digest in db.rows(
            "SELECT model_id, metric_name, metric_timestamp_ms, metric_step, run_id, metric_value, dataset_name, "
            "dataset_digest FROM logged_model_metrics WHERE model_id > :after AND model_id <= :last", **span):
        found[model_id].append(model_point(key, timestamp, step, run_id, value, name, digest))
    return found


def model_point(key: str, timestamp: int, step: int, run_id: str | None, value: float | None, dataset_name: str | None,
                dataset_digest: str | None) -> wire.ModelPoint:
    """Return a point of a logged model's metric; no value stands for NaN."""
    nothing = value is None or value != value
    plain = 0.0 if nothing or value is None else min(max(float(value), -LARGEST), LARGEST)
    return wire.ModelPoint(key=key, timestamp=timestamp, step=step, run_id=run_id or "", value=plain,
                           is_nan=1 if nothing else 0, dataset_name=dataset_name or "",
                           dataset_digest=dataset_digest or "")


def registered_models(db: Database, condition: str, named: dict[str, Any]) -> Iterator[FoundRegistered]:
    """Yield the registered models; ``condition`` says which workspace counts. Prompts are none."""
    if not db.columns("registered_models"):
        return
    tags: dict[str, list[wire.Pair]] = defaultdict(list)
    for name, key, value in _optional(db, "registered_model_tags", "name, key, value", condition, named):
        tags[name].append((key, value or ""))
    aliases: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, alias, version in _optional(db, "registered_model_aliases", "name, alias, version", condition, named):
        aliases[name].append((alias, version))
    for name, created, updated, description in list(db.rows(
            "SELECT name, creation_time, last_updated_time, description FROM registered_models "
            f"WHERE {condition} ORDER BY name", **named)):
        if dict(tags[name]).get(PROMPT_TAG, "").lower() == "true":
            continue
        last, versions = _versions(db, name, condition, named)
        yield FoundRegistered(
            wire.RegisteredModel(name=name, description=description, created_at=created or 0,
                                 updated_at=updated or created or 0, last_version=last, tags=sorted(tags[name])),
            versions, sorted(aliases[name]))


def _optional(db: Database, table: str, columns: str, condition: str, named: dict[str, Any]) -> list[tuple[Any, ...]]:
    if not db.columns(table):
        return []
    return list(db.rows(f"SELECT {columns} FROM {table} WHERE {condition}", **named))


def _versions(db: Database, name: str, condition: str, named: dict[str, Any]) -> tuple[int, list[wire.Version]]:
    columns = db.columns("model_versions")
    chosen = ", ".join(column if column in columns else "NULL" for column in (
        "creation_time", "last_updated_time", "description", "user_id", "current_stage", "source", "storage_location",
        "run_id", "run_link", "status", "status_message"))
    tags: dict[int, list[wire.Pair]] = defaultdict(list)
    for version, key, value in _optional(db, "model_version_tags", "version, key, value",
                                         f"{condition} AND name = :name", {**named, "name": name}):
        tags[version].append((key, value or ""))
    last, found = 0, []
    for version, *parts in db.rows(f"SELECT version, {chosen} FROM model_versions WHERE {condition} AND name = :name "
                                   "ORDER BY version", name=name, **named):
        created, updated, description, user, stage, source, storage, run_id, link, status, message = parts
        last = max(last, version)
        if stage == DELETED_STAGE:
            continue
        place = version_place(source or "", storage or "") or VersionPlace(None, None)
        found.append(wire.Version(
            version=version, created_at=created or 0, updated_at=updated or created or 0, description=description,
            user_id=user, stage=stage or "None", source=source or "", owner_id=place.owner_id, path=place.path,
            run_id=run_id, run_link=link, model_id=place.model_id, status=status or "READY", status_message=message,
            tags=sorted(tags[version])))
    return last, found


def count_prompts(db: Database) -> int:
    """Return how many prompts there are."""
    if not db.columns("registered_model_tags"):
        return 0
    return int(next(db.rows("SELECT count(*) FROM registered_model_tags WHERE key = :key AND lower(value) = 'true'",
                            key=PROMPT_TAG))[0])
