"""All tables of all slices, for making and migrating the control database."""

from stellwerk.features.approvals import tables as approvals
from stellwerk.features.datasets import tables as datasets
from stellwerk.features.evaluations import tables as evaluations
from stellwerk.features.identity import tables as identity
from stellwerk.features.jobs import tables as jobs
from stellwerk.features.ledger import tables as ledger
from stellwerk.features.models import tables as models
from stellwerk.features.releases import tables as releases
from stellwerk.features.services import tables as services
from stellwerk.features.trainings import tables as trainings
from stellwerk.infra.database import metadata

SLICES = (ledger, identity, jobs, approvals, services, datasets, trainings, models, evaluations, releases)

__all__ = ["SLICES", "metadata"]
