"""Requests on registered models and their versions."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Request
from stellwerk.protocols.mlflow.wire.experiments import Tag

_VERSION = ("name", "version")


class CreateRegisteredModel(Request):
    """Make a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    tags: list[Tag] | None = None
    description: str | None = None
    deployment_job_id: str | None = None


class RegisteredModelByName(Request):
    """Name a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None


class RenameRegisteredModel(Request):
    """Give a registered model another name."""

    required: ClassVar[tuple[str, ...]] = ("name", "new_name")
    name: str | None = None
    new_name: str | None = None


class UpdateRegisteredModel(Request):
    """Describe a registered model anew."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    description: str | None = None
    deployment_job_id: str | None = None


class SearchRegistry(Request):
    """Search registered models, or versions."""

    filter: str | None = None
    max_results: int | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class GetLatestVersions(Request):
    """Name a registered model, and stages."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    stages: list[str] | None = None


class SetRegisteredModelTag(Request):
    """Set a tag of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "key")
    name: str | None = None
    key: str | None = None
    value: str | None = None


class DeleteRegisteredModelTag(Request):
    """Remove a tag of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "key")
    name: str | None = None
    key: str | None = None


class SetAlias(Request):
    """Point an alias at a version."""

    required: ClassVar[tuple[str, ...]] = ("name", "alias", "version")
    name: str | None = None
    alias: str | None = None
    version: str | None = None


class Alias(Request):
    """Name an alias."""

    required: ClassVar[tuple[str, ...]] = ("name", "alias")
    name: str | None = None
    alias: str | None = None


class CreateModelVersion(Request):
    """Make a version of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "source")
    name: str | None = None
    source: str | None = None
    run_id: str | None = None
    tags: list[Tag] | None = None
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class ModelVersion(Request):
    """Name a version."""

    required: ClassVar[tuple[str, ...]] = _VERSION
    name: str | None = None
    version: str | None = None


class GetVersionArtifact(Request):
    """Get a file of a version."""

    required: ClassVar[tuple[str, ...]] = (*_VERSION, "path")
    name: str | None = None
    version: str | None = None
    path: str | None = None


class UpdateModelVersion(Request):
    """Describe a version anew."""

    required: ClassVar[tuple[str, ...]] = _VERSION
    name: str | None = None
    version: str | None = None
    description: str | None = None


class TransitionStage(Request):
    """Put a version into a stage."""

    required: ClassVar[tuple[str, ...]] = (*_VERSION, "stage")
    name: str | None = None
    version: str | None = None
    stage: str | None = None
    archive_existing_versions: bool | None = None


class SetModelVersionTag(Request):
    """Set a tag of a version."""

    required: ClassVar[tuple[str, ...]] = (*_VERSION, "key")
    name: str | None = None
    version: str | None = None
    key: str | None = None
    value: str | None = None


class DeleteModelVersionTag(Request):
    """Remove a tag of a version."""

    required: ClassVar[tuple[str, ...]] = (*_VERSION, "key")
    name: str | None = None
    version: str | None = None
    key: str | None = None
