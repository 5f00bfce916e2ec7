"""Taking logged models over from elsewhere: whole, under the ids that they have there, and as often as need be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features import ledger
from stellwerk.features.logged_models import checks
from stellwerk.features.logged_models.repository import content, importing, models
from stellwerk.features.logged_models.repository.content import ModelPoint
from stellwerk.features.logged_models.repository.models import LoggedModel
from stellwerk.features.logged_models.service import SUBJECT, state_of
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.transfer import digests, wire


def import_model(st: Statements, actor: Actor, brought: wire.LoggedModel, experiment_id: int,
                 payload: Mapping[str, Any]) -> None:
    """Put a model into an experiment: a new one is made, a known one gets exactly what comes.

    Raises BadInput naming what a model may not hold.
    """
    checks.check_name(brought.name)
    for text in (brought.status_message, brought.model_type, *(part for pair in brought.params for part in pair),
                 *(part for pair in brought.tags for part in pair)):
        limits.check_text(text, brought.id)
    for key, _ in (*brought.params, *brought.tags):
        limits.check_key(key, f"{brought.id}.key")
    for point in brought.metrics:
        limits.check_key(point.key, f"{brought.id}.metrics")
    importing.put(st, LoggedModel(brought.id, experiment_id, brought.name, brought.source_run_id, brought.status,
                                  brought.status_message, brought.model_type, brought.lifecycle, brought.created_at,
                                  brought.updated_at))
    importing.clear(st, brought.id)
    content.add_params(st, brought.id, dict(brought.params).items())
    content.set_tags(st, brought.id, dict(brought.tags).items())
    content.add_points(st, [
        ModelPoint(brought.id, point.key, point.timestamp, point.step, point.run_id,
                   0.0 if point.is_nan else point.value, point.is_nan, point.dataset_name, point.dataset_digest)
        for point in brought.metrics])
    ledger.record_tracked(st, actor, "logged_model.imported", SUBJECT, brought.id, state_of(st, brought.id), payload)


def relink(st: Statements, linked: Mapping[str, Sequence[tuple[str, str, int]]]) -> None:
    """Let runs have used and made exactly these models, given by run as (role, model, step)."""
    importing.unlink(st, list(linked))
    importing.link_many(st, [(run_id, role, model_id, step) for run_id, found in linked.items()
                             for role, model_id, step in found])


def content_of(st: Statements, model_id: str) -> dict[str, digests.Digest]:
    """Return the digests of what is kept of a model; raises NotFound."""
    found = models.get(st, model_id)
    if found is None:
        raise NotFound(f"Logged model with ID '{model_id[:100]}' not found.", field="model_id", value=model_id[:100])
    return digests.of_logged_model(wire.LoggedModel(
        id=found.id, experiment=str(found.experiment_id), name=found.name, source_run_id=found.source_run_id,
        status=found.status, status_message=found.status_message,  # type: ignore[arg-type]
        model_type=found.model_type, lifecycle=found.lifecycle,  # type: ignore[arg-type]
        created_at=found.created_at, updated_at=found.updated_at,
        params=content.params_of(st, [model_id])[model_id], tags=content.tags_of(st, [model_id])[model_id],
        metrics=[wire.ModelPoint(key=point.key, timestamp=point.timestamp, step=point.step, run_id=point.run_id,
                                 value=point.value, is_nan=point.is_nan,  # type: ignore[arg-type]
                                 dataset_name=point.dataset_name, dataset_digest=point.dataset_digest)
                 for point in content.points_of(st, [model_id])[model_id]]))
