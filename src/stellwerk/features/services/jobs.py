"""What every job of a service starts with: its bundle taken apart and the environment of its functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stellwerk.features.jobs import JobContext
from stellwerk.features.services.bundle import MANIFEST, Bundle, read_bundle
from stellwerk.infra.environments import default_lock, prepare_environment
from stellwerk.manifest import Manifest, parse_manifest


@dataclass(frozen=True)
class Submission:
    """What a job works on: the bundle as brought, and the manifest in it."""

    job: JobContext

    @cached_property
    def bundle(self) -> Bundle:
        """The files as they were brought."""
        return read_bundle(self.job.installation.objects.read(self.job.request["bundle"]))

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest in the bundle."""
        return parse_manifest(self.bundle.manifest_text, MANIFEST)

    @property
    def lock(self) -> bytes:
        """The lock file of the service, or that of the default environment."""
        named = self.manifest.environment
        return self.bundle.text(named).encode() if named else default_lock()

    def data_file(self, name: str) -> Path | None:
        """Return where a data file that came beside the bundle lies, or None when none came under that name."""
        digest = self.job.request["files"].get(name)
        return self.job.installation.objects.path(digest) if digest else None


def environment_step(job: JobContext) -> Mapping[str, Any]:
    """Make the environment of the service's functions ready; output: lock_hash, python."""
    submission = Submission(job)
    root = Path(job.installation.settings.environments)
    environment = prepare_environment(root, submission.lock, on_line=job.emit)
    return {"lock_hash": environment.lock_hash, "python": str(environment.python),
            "message": f"environment {environment.lock_hash[:12]}"}
