"""Requests on artifacts."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Item, Request


class OfRun(Request):
    """Name a file or folder of a run."""

    run_id: str | None = None
    run_uuid: str | None = None
    path: str | None = None

    @property
    def id(self) -> str:
        """The run's id, in the newer field or the older one."""
        return self.run_id or self.run_uuid or ""


class ListArtifacts(OfRun):
    """List a folder of a run."""

    page_token: str | None = None


class GetArtifact(OfRun):
    """Get a file of a run."""

    required: ClassVar[tuple[str, ...]] = ("path",)


class ListPlace(Request):
    """List a folder by the path that clients make of a location."""

    path: str | None = None


class ListModelArtifacts(Request):
    """List a folder of a logged model."""

    artifact_directory_path: str | None = None
    page_token: str | None = None


class GetModelArtifact(Request):
    """Get a file of a logged model."""

    artifact_file_path: str | None = None


class CreateUpload(Request):
    """Begin an upload in parts; ``path`` is the file on the client's machine."""

    required: ClassVar[tuple[str, ...]] = ("path",)
    path: str | None = None
    num_parts: int | None = None


class Part(Item):
    """A part that was sent, with the tag that was answered."""

    required: ClassVar[tuple[str, ...]] = ("part_number",)
    part_number: int | None = None
    etag: str | None = None
    url: str | None = None


class CompleteUpload(Request):
    """Make one file of all parts."""

    required: ClassVar[tuple[str, ...]] = ("path", "upload_id", "parts")
    path: str | None = None
    upload_id: str | None = None
    parts: list[Part] | None = None


class AbortUpload(Request):
    """Give an upload up."""

    required: ClassVar[tuple[str, ...]] = ("path", "upload_id")
    path: str | None = None
    upload_id: str | None = None


class PartAddress(Request):
    """What the address of a part carries."""

    required: ClassVar[tuple[str, ...]] = ("expires", "signature")
    expires: int | None = None
    signature: str | None = None


class PresignedUrl(Request):
    """Ask for an address in a cloud store."""

    required: ClassVar[tuple[str, ...]] = ("path",)
    run_id: str | None = None
    model_id: str | None = None
    path: str | None = None
    expiration: int | None = None
