"""Logged and registered models of an MLflow server, by its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stellwerk.cli.transfer.mlflow_database_models import model_point
from stellwerk.cli.transfer.mlflow_http import MlflowHttp
from stellwerk.cli.transfer.owners import VersionPlace, version_place
from stellwerk.cli.transfer.source import FoundModel, FoundRegistered, Owner
from stellwerk.client.http import ApiError
from stellwerk.protocols.transfer import wire

_PAGE = 100
_STATUSES = {"LOGGED_MODEL_PENDING": "PENDING", "LOGGED_MODEL_READY": "READY", "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
             1: "PENDING", 2: "READY", 3: "FAILED"}


def _pairs(items: Sequence[dict[str, Any]]) -> list[wire.Pair]:
    return sorted((str(item.get("key", "")), str(item.get("value", ""))) for item in items)


def logged_models(http: MlflowHttp, experiment_ids: list[str]) -> Iterator[list[FoundModel]]:
    """Yield the logged models of experiments in pages; none where the server is too old to know any."""
    token: str | None = None
    while True:
        try:
            body = http.post("/logged-models/search", {"experiment_ids": experiment_ids, "max_results": _PAGE,
                                                       "page_token": token})
        except ApiError as error:
            if error.status == 404 and error.code != "RESOURCE_DOES_NOT_EXIST":
                return
            raise
        yield [found_model(item) for item in body.get("models", ())]
        token = body.get("next_page_token")
        if not token:
            return


def found_model(item: dict[str, Any]) -> FoundModel:
    """Return a logged model as the protocol shows it."""
    info, data = item["info"], item.get("data", {})
    created = int(info.get("creation_timestamp_ms") or 0)
    model = wire.LoggedModel(
        id=str(info["model_id"]), experiment=str(info["experiment_id"]), name=str(info.get("name") or ""),
        source_run_id=str(info.get("source_run_id") or ""),
        status=_STATUSES.get(info.get("status"), "UNSPECIFIED"),  # type: ignore[arg-type]
        status_message=str(info.get("status_message") or ""), model_type=str(info.get("model_type") or ""),
        created_at=created, updated_at=int(info.get("last_updated_timestamp_ms") or created),
        params=_pairs(data.get("params", ())), tags=_pairs(info.get("tags", ())),
        metrics=[_metric(one) for one in data.get("metrics", ())])
    return FoundModel(model, Owner(model.id, is_model=True, location=str(info.get("artifact_uri") or "")))


def _metric(item: dict[str, Any]) -> wire.ModelPoint:
    value = item.get("value")
    return model_point(str(item["key"]), int(item.get("timestamp") or 0), int(item.get("step") or 0),
                       item.get("run_id"), None if value is None else float(value), item.get("dataset_name"),
                       item.get("dataset_digest"))


def registered_models(http: MlflowHttp) -> Iterator[FoundRegistered]:
    """Yield the registered models; the server leaves prompts out of its own accord."""
    token: str | None = None
    while True:
        body = http.get("/registered-models/search", max_results=_PAGE, page_token=token)
        for item in body.get("registered_models", ()):
            yield found_registered(http, item)
        token = body.get("next_page_token")
        if not token:
            return


def found_registered(http: MlflowHttp, item: dict[str, Any]) -> FoundRegistered:
    """Return a registered model with its versions."""
    name, created = str(item["name"]), int(item.get("creation_timestamp") or 0)
    versions = _versions(http, name)
    return FoundRegistered(
        wire.RegisteredModel(
            name=name, description=item.get("description"), created_at=created,
            updated_at=int(item.get("last_updated_timestamp") or created),
            last_version=max((one.version for one in versions), default=0), tags=_pairs(item.get("tags", ()))),
        versions, sorted((str(one["alias"]), int(one["version"])) for one in item.get("aliases", ())))


def _versions(http: MlflowHttp, name: str) -> list[wire.Version]:
    quote = '"' if "'" in name else "'"
    found: list[wire.Version] = []
    token: str | None = None
    while True:
        body = http.get("/model-versions/search", filter=f"name={quote}{name}{quote}", max_results=_PAGE,
                        page_token=token)
        found += [_version(http, name, item) for item in body.get("model_versions", ()) if item.get("name") == name]
        token = body.get("next_page_token")
        if not token:
            return sorted(found, key=lambda one: one.version)


def _version(http: MlflowHttp, name: str, item: dict[str, Any]) -> wire.Version:
    source, created = str(item.get("source") or ""), int(item.get("creation_timestamp") or 0)
    place = version_place(source)
    if place is None:
        place = version_place(_location(http, name, str(item["version"]))) or VersionPlace(None, None)
    return wire.Version(
        version=int(item["version"]), created_at=created, updated_at=int(item.get("last_updated_timestamp") or created),
        description=item.get("description"), user_id=item.get("user_id"), stage=item.get("current_stage") or "None",
        source=source, owner_id=place.owner_id, path=place.path, run_id=item.get("run_id") or None,
        run_link=item.get("run_link") or None, model_id=item.get("model_id") or place.model_id,
        status=item.get("status") or "READY", status_message=item.get("status_message") or None,
        tags=_pairs(item.get("tags", ())))


def _location(http: MlflowHttp, name: str, version: str) -> str:
    try:
        return str(http.get("/model-versions/get-download-uri", name=name, version=version).get("artifact_uri") or "")
    except ApiError:
        return ""
