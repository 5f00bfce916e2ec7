"""All tables of all slices of tracking, for making its database."""

from sqlalchemy.engine import Connection

from stellwerk.features.artifacts import tables as artifacts
from stellwerk.features.experiments import tables as experiments
from stellwerk.features.experiments.tables import experiment
from stellwerk.features.ledger import tracking_tables as ledger
from stellwerk.features.logged_models import tables as logged_models
from stellwerk.features.registry import tables as registry
from stellwerk.features.runs import tables as runs
from stellwerk.features.transfer import tables as transfer
from stellwerk.features.webhooks import tables as webhooks
from stellwerk.infra.tracking_database import metadata
from stellwerk.kernel import clock

SLICES = (ledger, experiments, runs, logged_models, artifacts, registry, webhooks, transfer)

__all__ = ["SLICES", "first_rows", "metadata"]


def first_rows(connection: Connection) -> None:
    """Insert what clients take for given: the experiment 0."""
    now = clock.to_us(clock.now()) // 1000
    connection.execute(experiment.insert().values(id=0, name="Default", team=None, lifecycle="active",
                                                  created_at=now, updated_at=now))
