"""Requests on logged models."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Item, Request
from stellwerk.protocols.mlflow.wire.experiments import Tag
from stellwerk.protocols.mlflow.wire.runs import Param

# Names and numbers of a status on the wire, and what it is called elsewhere.
STATUSES = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
WIRE_STATUSES = ("LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                 "LOGGED_MODEL_UPLOAD_FAILED")


class CreateLoggedModel(Request):
    """Make a logged model."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Param] | None = None
    tags: list[Tag] | None = None


class GetLoggedModel(Request):
    """Read a logged model; "true" for ``allow_deleted`` finds a deleted one as well."""

    allow_deleted: str | None = None


class LoggedModelById(Request):
    """Name a logged model; its id stands in the address too, and there it counts."""

    model_id: str | None = None


class FinalizeLoggedModel(LoggedModelById):
    """Give a logged model its status."""

    required: ClassVar[tuple[str, ...]] = ("status",)
    status: str | int | None = None


class SetLoggedModelTags(LoggedModelById):
    """Set tags of a logged model."""

    tags: list[Tag] | None = None


class LogLoggedModelParams(LoggedModelById):
    """Add params to a logged model."""

    params: list[Param] | None = None


class DatasetOfMetrics(Item):
    """A data set, by name or by name and digest, on which metrics count."""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class OrderOfModels(Item):
    """One key of an order; for a metric the data set narrows which points count."""

    field_name: str | None = None
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchLoggedModels(Request):
    """Search logged models."""

    required: ClassVar[tuple[str, ...]] = ("experiment_ids",)
    experiment_ids: list[str] | None = None
    filter: str | None = None
    datasets: list[DatasetOfMetrics] | None = None
    max_results: int | None = None
    order_by: list[OrderOfModels] | None = None
    page_token: str | None = None
