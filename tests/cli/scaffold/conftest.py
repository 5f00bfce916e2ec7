"""The data files of these tests, and a ship job run in this process on a home of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from stellwerk.apps.kinds import job_kinds
from stellwerk.apps.prepare import prepare_home
from stellwerk.cli.local import check_local, load_local
from stellwerk.cli.scaffold import Scaffold, write_service
from stellwerk.client.bundle import pack_folder
from stellwerk.features.jobs import get_job, request_job
from stellwerk.features.jobs.run_step import run_step
from stellwerk.features.services import bring, read_bundle
from stellwerk.infra.environments import default_lock, find_environment, lock_hash
from stellwerk.infra.installation import open_installation
from stellwerk.infra.settings import Home, load_settings
from stellwerk.kernel.actor import Actor

Write = Callable[..., Scaffold]
Ship = Callable[[Path], dict[str, Any]]


def people(rows: int = 200, seed: int = 1) -> dict[str, list[Any]]:
    """Return columns of which amount and plan tell something about the target ``left``."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, rows).round(2)
    plan = rng.choice(["basic", "plus", "pro"], rows)
    left = 0.03 * (100 - amount) + (plan == "basic") + rng.normal(size=rows) > 0.4
    return {"amount_eur": amount.tolist(), "age_years": rng.integers(18, 80, rows).tolist(), "plan": plan.tolist(),
            "left": ["yes" if each else "no" for each in left]}


def write_csv(path: Path, columns: dict[str, list[Any]]) -> Path:
    pl.DataFrame(columns, strict=False).write_csv(path)
    return path


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the default environment lies, made by ``make prepared``."""
    root = Path(load_settings(Home(tmp_path_factory.mktemp("settings"))).environments)
    if find_environment(root, lock_hash(default_lock())) is None:
        pytest.skip("the default environment is not there; make it with: make prepared")
    return root


@pytest.fixture
def write(tmp_path: Path, environments: Path) -> Write:
    """Return a function that writes a service named ``fresh`` from columns or from a file."""

    def run(data: dict[str, list[Any]] | Path, **options: Any) -> Scaffold:
        file = data if isinstance(data, Path) else write_csv(tmp_path / "people.csv", data)
        folder = tmp_path / options.pop("name", "fresh")
        return write_service(folder, file, environments=environments, **{"target": "left", **options})

    return run


@pytest.fixture
def ship(tmp_path: Path) -> Ship:
    """Return a function that checks a folder and runs the whole ship job on it, returning the job's result."""

    def run(folder: Path) -> dict[str, Any]:
        home = tmp_path / "home"
        prepare_home(home)
        installation = open_installation(home)
        local = load_local(folder)
        check_local(local)
        packed = pack_folder(folder, local.data_files)
        files = {file.name: installation.objects.put_bytes(file.path.read_bytes()) for file in packed.data_files}
        digest = installation.objects.put_bytes(packed.data)
        service, team = local.manifest.service, local.manifest.team
        actor = Actor(kind="person", id="bob", name="bob", person_id="bob", roles=frozenset({(team, "builder")}),
                      permissions=frozenset({(team, "jobs.create"), (team, "releases.write")}))
        with installation.database.write(actor) as work:
            bundle = bring(work, service, digest, read_bundle(packed.data), None)
            job = request_job(work, "ship", service=service, team=team, request={
                "bundle": digest, "manifest": bundle.manifest_digest, "files": files, "again": False})
        kind = job_kinds().get("ship")
        for index in range(len(kind.steps)):
            if not run_step(installation, kind, job, index):
                break
        with installation.database.read() as connection:
            result: dict[str, Any] = get_job(connection, job)["result"]
        return result

    return run
