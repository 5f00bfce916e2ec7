"""A small service on made-up data, shipped through the real steps in a home of its own."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stellwerk.apps.kinds import job_kinds
from stellwerk.apps.prepare import prepare_home
from stellwerk.features.jobs import get_job, request_job
from stellwerk.features.jobs.run_step import run_step
from stellwerk.features.services import bring, read_bundle
from stellwerk.infra.environments import default_lock, find_environment, lock_hash
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.infra.settings import Settings
from stellwerk.kernel.actor import Actor
from tests.pages import made_once, sample, visit  # noqa: F401

MANIFEST = """\
service: small
title: Small service
purpose: Decide something small.
team: lending
risk: minimal
data:
  rows: {contract: rows.odcs.yaml, source: data/rows.csv}
target: good
positive: "yes"
subject: id
protected: [group]
train: service:train
params: {C: 1.0}
evaluate: {folds: 3, seed: 7}
gates:
  - {metric: roc_auc, at_least: 0.6}
serve: {threshold: 0.5, below: reject}
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
name: rows
schema:
  - name: rows
    properties:
      - {name: id, logicalType: integer, required: true, unique: true}
      - {name: income, logicalType: number, logicalTypeOptions: {minimum: 0}}
      - {name: region, logicalType: string}
      - {name: group, logicalType: string}
      - {name: good, logicalType: string, required: true, enum: ["yes", "no"]}
"""
CODE = """\
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def train(data, params):
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]))
    return make_pipeline(prepare, LogisticRegression(C=params["C"])).fit(data, data["good"])
"""


def rows(count: int = 400, *, seed: int = 3) -> str:
    """Return a CSV in which income and region tell about the target."""
    draw = random.Random(seed)
    lines = ["id,income,region,group,good"]
    for number in range(count):
        income, region = draw.uniform(0, 100), draw.choice(["north", "south"])
        good = draw.random() < 0.15 + 0.6 * income / 100 + (0.1 if region == "north" else 0)
        shown = "" if draw.random() < 0.05 else f"{income:.2f}"
        lines.append(f"{number},{shown},{region},{draw.choice('ab')},{'yes' if good else 'no'}")
    return "\n".join(lines) + "\n"


def person(name: str, *roles: str, team: str = "lending") -> Actor:
    """Return a person with roles and what they grant."""
    from stellwerk.features.identity import permissions_of

    held = frozenset((team, role) for role in roles)
    return Actor(kind="person", id=name, name=name, person_id=name, roles=held, permissions=permissions_of(held))


@dataclass
class Workshop:
    """A home and the service in it."""

    installation: Installation
    builder: Actor

    def submit(self, *, manifest: str = MANIFEST, contract: str = CONTRACT, code: str = CODE, data: str | None = None,
               kind: str = "ship", again: bool = False, actor: Actor | None = None) -> str:
        """Bring the service and ask for a job; returns its id."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, text in (("stellwerk.yaml", manifest), ("rows.odcs.yaml", contract), ("service.py", code)):
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
        objects = self.installation.objects
        digest = objects.put_bytes(stream.getvalue())
        file = objects.put_bytes((rows() if data is None else data).encode())
        with self.installation.database.write(actor or self.builder) as work:
            brought = bring(work, "small", digest, read_bundle(stream.getvalue()), None)
            return request_job(work, kind, service="small", team=brought.manifest.team, request={
                "bundle": digest, "manifest": brought.manifest_digest, "files": {"data/rows.csv": file},
                "again": again})

    def run(self, job_id: str) -> dict[str, Any]:
        """Run all steps of a job here and return the job."""
        with self.installation.database.read() as connection:
            kind = job_kinds().get(get_job(connection, job_id)["kind"])
        for index in range(len(kind.steps)):
            if not run_step(self.installation, kind, job_id, index):
                break
        with self.installation.database.read() as connection:
            return dict(get_job(connection, job_id))

    def ship(self, **changes: Any) -> dict[str, Any]:
        """Bring the service, run the job and return its result."""
        job = self.run(self.submit(**changes))
        return {**(job["result"] or {}), "error": job["error"]}


@pytest.fixture
def make_workshop(tmp_path: Path) -> Iterator[Callable[[], Workshop]]:
    """Return a maker of workshops, for tests that need several homes."""
    if find_environment(Path(Settings().environments), lock_hash(default_lock())) is None:
        pytest.skip("the default environment is not prepared: make prepared")
    made: list[Workshop] = []

    def make() -> Workshop:
        home = tmp_path / f"home{len(made)}"
        prepare_home(home)
        made.append(Workshop(open_installation(home), person("bob", "builder")))
        return made[-1]

    yield make
    for workshop in made:
        workshop.installation.database.close()


@pytest.fixture
def workshop(make_workshop: Callable[[], Workshop]) -> Workshop:
    """Return one workshop."""
    return make_workshop()
