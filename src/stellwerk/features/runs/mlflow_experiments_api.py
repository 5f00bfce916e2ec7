"""What concerns an experiment together with its runs, in MLflow's protocol."""

from __future__ import annotations

from typing import Any

from stellwerk.features import experiments
from stellwerk.features.experiments import READ, WRITE
from stellwerk.features.runs.repository import inputs, runs
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput, Forbidden
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow.wire import experiments as wire

routes = mlflow_routes("/mlflow/experiments")
_MOST_DATASETS = 1000
_MOST_EXPERIMENTS = 20


@routes.post("/delete", allow(WRITE), wire.ExperimentById)
async def delete(call: Call, body: wire.ExperimentById) -> dict[str, Any]:
    """Mark an experiment and its runs as deleted."""
    number = experiments.parse_id(body.experiment_id)

    def change(st: Statements) -> None:
        now = experiments.set_lifecycle(st, call.actor, number, "deleted")
        if runs.has_evidence(st, number):
            raise Forbidden(f"The experiment {number} holds trainings of a service, which stay as they are.",
                            field="experiment_id", value=number)
        runs.set_lifecycle_in(st, number, "deleted", now, now)

    await call.tracking.write_async(change)
    return {}


@routes.post("/restore", allow(WRITE), wire.ExperimentById)
async def restore(call: Call, body: wire.ExperimentById) -> dict[str, Any]:
    """Bring an experiment back, with its runs."""
    number = experiments.parse_id(body.experiment_id)

    def change(st: Statements) -> None:
        now = experiments.set_lifecycle(st, call.actor, number, "active")
        runs.set_lifecycle_in(st, number, "active", None, now)

    await call.tracking.write_async(change)
    return {}


@routes.post("/search-datasets", allow(READ), wire.SearchDatasets)
async def search_datasets(call: Call, body: wire.SearchDatasets) -> dict[str, Any]:
    """List the data sets that runs of experiments used."""
    named = body.experiment_ids or ()
    if not named:
        raise BadInput("SearchDatasets request must specify at least one experiment_id.", field="experiment_ids")
    if len(named) > _MOST_EXPERIMENTS:
        raise BadInput(f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids. "
                       f"Received {len(named)} experiment_ids.", field="experiment_ids")
    wanted = [experiments.parse_id(one) for one in named]

    def query(st: Statements) -> dict[str, Any]:
        ids = [one.id for one in experiments.visible(st, call.actor, wanted)]
        return {"dataset_summaries": [
            {"experiment_id": str(number), "name": name, "digest": digest}
            | ({} if context is None else {"context": context})
            for number, name, digest, context in inputs.summaries(st, ids, _MOST_DATASETS)]}

    return await call.tracking.read_async(query)
