"""Requests on experiments."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Item, Request


class Tag(Item):
    """A key and its value."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None
    value: str | None = None


class CreateExperiment(Request):
    """Make an experiment."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    artifact_location: str | None = None
    tags: list[Tag] | None = None


class ExperimentById(Request):
    """Name an experiment by its id."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str | None = None


class ExperimentByName(Request):
    """Name an experiment by its name."""

    required: ClassVar[tuple[str, ...]] = ("experiment_name",)
    experiment_name: str | None = None


class UpdateExperiment(Request):
    """Give an experiment another name."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id", "new_name")
    experiment_id: str | None = None
    new_name: str | None = None


class SetExperimentTag(Request):
    """Set a tag of an experiment."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")
    experiment_id: str | None = None
    key: str | None = None
    value: str | None = None


class DeleteExperimentTag(Request):
    """Remove a tag of an experiment."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")
    experiment_id: str | None = None
    key: str | None = None


class SearchExperiments(Request):
    """Search experiments."""

    max_results: int | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    view_type: str | int | None = None


class SearchDatasets(Request):
    """List the data sets that runs of experiments used."""

    experiment_ids: list[str] | None = None
