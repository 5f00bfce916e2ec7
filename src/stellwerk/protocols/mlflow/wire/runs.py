"""Requests on runs."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Item, Request
from stellwerk.protocols.mlflow.wire.experiments import Tag


class Metric(Item):
    """One point of a metric; doubles may come as "NaN", "Infinity" and "-Infinity"."""

    required: ClassVar[tuple[str, ...]] = ("key", "value", "timestamp")
    key: str | None = None
    value: float | str | None = None
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class Param(Item):
    """A parameter."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None
    value: str | None = None


class CreateRun(Request):
    """Open a run."""

    experiment_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: int | None = None
    tags: list[Tag] | None = None


class RunById(Request):
    """Name a run."""

    run_id: str | None = None
    run_uuid: str | None = None

    @property
    def id(self) -> str:
        """The run's id, in the newer field or the older one."""
        return self.run_id or self.run_uuid or ""


class UpdateRun(RunById):
    """Change status, end or name of a run."""

    status: str | int | None = None
    end_time: int | None = None
    run_name: str | None = None


class LogMetric(RunById):
    """Log one point."""

    required: ClassVar[tuple[str, ...]] = ("key", "value", "timestamp")
    key: str | None = None
    value: float | str | None = None
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogParam(RunById):
    """Log one parameter."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None
    value: str | None = None


class SetTag(RunById):
    """Set one tag."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None
    value: str | None = None


class DeleteTag(RunById):
    """Remove one tag."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None


class LogBatch(RunById):
    """Log many things at once: all or none."""

    metrics: list[Metric] | None = None
    params: list[Param] | None = None
    tags: list[Tag] | None = None


class LogModel(RunById):
    """Note a model in the older way, as a tag of its run."""

    required: ClassVar[tuple[str, ...]] = ("model_json",)
    model_json: str | None = None


class Dataset(Item):
    """A data set as a client describes it."""

    required: ClassVar[tuple[str, ...]] = ("name", "digest", "source_type", "source")
    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Item):
    """A data set that a run used, and in what role."""

    required: ClassVar[tuple[str, ...]] = ("dataset",)
    dataset: Dataset | None = None
    tags: list[Tag] | None = None


class ModelLink(Item):
    """A logged model that a run used or made."""

    required: ClassVar[tuple[str, ...]] = ("model_id",)
    model_id: str | None = None
    step: int | None = None


class LogInputs(RunById):
    """Note what a run used."""

    datasets: list[DatasetInput] | None = None
    models: list[ModelLink] | None = None


class LogOutputs(RunById):
    """Note the models that a run made."""

    models: list[ModelLink] | None = None


class SearchRuns(Request):
    """Search runs."""

    experiment_ids: list[str] | None = None
    filter: str | None = None
    run_view_type: str | int | None = None
    max_results: int | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class MetricHistory(RunById):
    """All points of a metric, in pages where asked."""

    required: ClassVar[tuple[str, ...]] = ("metric_key",)
    metric_key: str | None = None
    max_results: int | None = None
    page_token: str | None = None


class MetricHistoryInterval(Request):
    """Points of a metric in several runs, thinned to so many for each."""

    required: ClassVar[tuple[str, ...]] = ("run_ids", "metric_key")
    run_ids: list[str] | None = None
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int | None = None


class MetricHistoryBulk(Request):
    """All points of a metric in several runs."""

    run_id: list[str] | None = None
    metric_key: str | None = None
    max_results: int | None = None
