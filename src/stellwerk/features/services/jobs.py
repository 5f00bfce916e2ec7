"""What every job of a service starts with: its bundle taken apart and the environment of its functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stellwerk.engines.child import Limits, run_child
from stellwerk.features.jobs import JobContext
from stellwerk.features.services.bundle import MANIFEST, Bundle, read_bundle
from stellwerk.infra.environments import default_lock, prepare_environment
from stellwerk.kernel.errors import StellwerkError
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


class FunctionFailed(StellwerkError):
    """A function of the service did not do what it has to; the platform is fine and nothing was released."""

    code = "function_failed"
    status = 422

    @classmethod
    def of(cls, error: Mapping[str, Any]) -> FunctionFailed:
        """Return the error that tells a person what the child's failure was and the way out."""
        return cls(str(error["message"]), hint=error.get("hint") or None,
                   details={"kind": error["kind"], "traceback": error.get("traceback") or None})


def run_function(job: JobContext, submission: Submission, task: Mapping[str, Any], *, folder: str) -> dict[str, Any]:
    """Run a function of the service in a child of its own environment; see ``engines.child.run_child``."""
    place = job.folder(folder)
    bundle = place / "bundle"
    if not bundle.exists():
        submission.bundle.unpack(bundle)
    settings, own = job.installation.settings, submission.manifest.limits
    # A service may ask for less than the installation allows, never for more.
    limits = Limits(wall_seconds=min(settings.job_seconds, own.seconds or settings.job_seconds),
                    idle_seconds=settings.job_idle_seconds,
                    memory_mb=min(settings.job_memory_mb, own.memory_mb or settings.job_memory_mb))
    return run_child(Path(job.outputs["environment"]["python"]), place / "child", {"bundle": str(bundle), **task},
                     limits, lambda event: job.emit(str(event.get("message", ""))), job.log, job.cancelled)
