"""Running a job from the command line: pack, upload, follow, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from stellwerk.cli.local import LocalService, load_local
from stellwerk.cli.output import clean, print_error, print_json
from stellwerk.cli.progress import Progress
from stellwerk.cli.session import Session
from stellwerk.client.bundle import pack_folder
from stellwerk.client.commit import commit_of
from stellwerk.client.follow import Retry, follow_job
from stellwerk.client.http import ApiError, Client, Unreachable
from stellwerk.client.wire import Job, JobKind
from stellwerk.kernel.errors import StellwerkError


def run_job(session: Session, folder: Path, kind: JobKind, *, again: bool = False) -> Job:
    """Bring a folder and follow the job on it to its end; Ctrl-C asks it to stop. Raises StellwerkError."""
    local = load_local(folder)
    with session.client() as client:
        return run_local(client, local, kind, again=again)


def run_local(client: Client, local: LocalService, kind: JobKind, *, again: bool = False) -> Job:
    """Bring a service that was read already and follow the job on it."""
    packed = pack_folder(local.folder, local.data_files)
    client.upload(packed)
    job = client.start_job(local.manifest.service, kind, packed, commit_of(local.folder), again=again)
    with Progress() as progress:
        retry = Retry(lambda error: progress.note(f"connection lost ({error.message}); trying again"))
        try:
            return follow_job(client, job["id"], retry, progress.event)
        except KeyboardInterrupt:
            progress.note("stopping the job")
            client.cancel(job["id"])
            raise
        except (ApiError, Unreachable) as error:
            error.hint = (f"The job {job['id']} goes on without us; "
                          f"stellwerk versions {local.manifest.service} shows its outcome.")
            raise


def exit_code(job: Job) -> int:
    """Return the exit code of a job: its result's, or 1."""
    result = job["result"]
    return result["exit"] if result is not None else 1


def finish(session: Session, job: Job) -> None:
    """Print what a job came to and leave with its exit code."""
    if session.as_json:
        print_json(job)
    else:
        _print_outcome(job)
    sys.exit(exit_code(job))


def _print_outcome(job: Job) -> None:
    error, result = job["error"], job["result"]
    if error is not None:
        print_error(_as_error(error), as_json=False)
        return
    if result is None:
        click.echo(f"{job['kind']} ended as {job['state']}")
        return
    good = {0: "green", 3: "yellow"}.get(result["exit"], "red")
    click.echo(click.style(clean(result["message"]), fg=good))
    for reason in result.get("waits_for") or []:
        if reason not in result["message"]:
            click.echo(f"  waits for  {clean(reason)}")
    version = result.get("version")
    if version is not None and result["exit"] != 0:
        click.echo(f"  see        stellwerk show {job['service']} {version}")
    if result["exit"] == 0 and result["outcome"] == "live":
        click.echo(f"  try        stellwerk decide {job['service']} --input NAME=VALUE …")


def _as_error(body: dict[str, Any]) -> StellwerkError:
    parts = {name: body.get(name) for name in ("field", "value", "allowed", "hint", "details")}
    return StellwerkError(str(body.get("message", "The job failed.")), **parts)
