"""Making, finding and changing logged models within the teams of the caller."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stellwerk.features import experiments, ledger
from stellwerk.features.experiments import READ, WRITE, now_ms
from stellwerk.features.logged_models import checks
from stellwerk.features.logged_models.repository import content, models
from stellwerk.features.logged_models.repository.content import ModelPoint
from stellwerk.features.logged_models.repository.models import LoggedModel
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict, NotFound
from stellwerk.kernel.names import random_name

SUBJECT = "logged_model"
_ID = re.compile(r"[\w\-]{1,34}\Z", re.ASCII)


def artifact_root(model: LoggedModel) -> str:
    """Return where the artifacts of a model stand, as clients see it."""
    return f"{experiments.artifact_root(model.experiment_id)}/models/{model.id}/artifacts"


def get_model(st: Statements, model_id: str, actor: Actor, permission: str = READ, *,
              deleted: bool = False) -> LoggedModel:
    """Return a model in the caller's scope; with ``deleted`` one that is marked as deleted, too.

    Raises NotFound outside of it, Forbidden where the caller may see it but lacks the permission.
    """
    found = models.get(st, model_id) if _ID.match(model_id) else None
    if found is None or (found.lifecycle != "active" and not deleted):
        raise _not_found(model_id)
    try:
        experiments.get_experiment(st, found.experiment_id, actor, permission, into=True)
    except NotFound:
        raise _not_found(model_id) from None
    return found


def _not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id[:100]}' not found.", field="model_id", value=model_id[:100])


def create_model(st: Statements, actor: Actor, experiment_id: int, *, name: str | None = None, model_type: str = "",
                 source_run_id: str = "", params: Sequence[tuple[str, str]] = (),
                 tags: Sequence[tuple[str, str]] = (), model_id: str | None = None) -> LoggedModel:
    """Make a model that is still pending; its artifacts come later.

    Raises NotFound and Conflict for the experiment as ``active_experiment``, BadInput for what may not be kept.
    """
    if name is not None:
        checks.check_name(name)
    checks.check_length(model_type, "model_type", checks.NAME_LENGTH)
    checks.check_length(source_run_id, "source_run_id", checks.RUN_ID_LENGTH)
    checks.check_params(params)
    experiments.active_experiment(st, experiment_id, actor, into=True)
    now = now_ms()
    made = LoggedModel(model_id or f"m-{secrets.token_hex(16)}", experiment_id, name or random_name(), source_run_id,
                       "PENDING", "", model_type, "active", now, now)
    models.add(st, made)
    content.add_params(st, made.id, params)
    content.set_tags(st, made.id, checks.check_tags(tags).items())
    _note(st, actor, "logged_model.created", made.id)
    return made


def finalize(st: Statements, actor: Actor, model_id: str, status: str) -> LoggedModel:
    """Give a model its status and return it."""
    found = get_model(st, model_id, actor, WRITE, deleted=True)
    changed = found._replace(status=status, updated_at=now_ms())
    models.change(st, changed)
    _note(st, actor, "logged_model.finalized", model_id, {"status": status})
    return changed


def delete(st: Statements, actor: Actor, model_id: str) -> None:
    """Mark a model as deleted; one that is marked already stays so."""
    found = get_model(st, model_id, actor, WRITE, deleted=True)
    models.change(st, found._replace(lifecycle="deleted", updated_at=now_ms()))
    _note(st, actor, "logged_model.deleted", model_id)


def log_params(st: Statements, actor: Actor, model_id: str, params: Sequence[tuple[str, str]]) -> None:
    """Add params; raises Conflict where one has another value already: params are written once."""
    checks.check_params(params)
    get_model(st, model_id, actor, WRITE, deleted=True)
    known = dict(content.params_of(st, [model_id])[model_id])
    for key, value in params:
        if known.get(key, value) != value:
            raise Conflict(f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                           f"value='{known[key]}' for model ID='{model_id}'. Attempted logging new value '{value}'.",
                           field=key)
    added = [(key, value) for key, value in params if key not in known]
    if added:
        content.add_params(st, model_id, added)
        _note(st, actor, "logged_model.params_logged", model_id, {"params": len(added)})


def set_tags(st: Statements, actor: Actor, model_id: str, tags: Sequence[tuple[str, str]]) -> None:
    """Set tags; of a key given twice the last value counts."""
    checked = checks.check_tags(tags)
    get_model(st, model_id, actor, WRITE, deleted=True)
    if checked:
        content.set_tags(st, model_id, checked.items())
        _note(st, actor, "logged_model.tags_set", model_id, {"tags": len(checked)})


def delete_tag(st: Statements, actor: Actor, model_id: str, key: str) -> None:
    """Remove a tag; raises NotFound where the model has none of that name."""
    get_model(st, model_id, actor, WRITE, deleted=True)
    if "\x00" in key or not content.delete_tag(st, model_id, key):
        raise NotFound(f"No tag with key {key[:250]!r} found for model with ID {model_id!r}.", field="tag_key",
                       value=key[:250])
    _note(st, actor, "logged_model.tag_deleted", model_id)


def log_points(st: Statements, actor: Actor, points: Sequence[ModelPoint]) -> None:
    """Add points of metrics to the models that they name; raises NotFound for a model that the caller cannot see."""
    for point in points:
        checks.check_length(point.dataset_name, "dataset_name", checks.NAME_LENGTH)
        checks.check_length(point.dataset_digest, "dataset_digest", checks.DIGEST_LENGTH)
    for model_id in dict.fromkeys(point.model_id for point in points):
        get_model(st, model_id, actor, WRITE, deleted=True)
    content.add_points(st, points)


def link_models(st: Statements, actor: Actor, run_id: str, role: str, linked: Sequence[tuple[str, int]]) -> None:
    """Note that a run used ("input") or made ("output") models, given as (id, step).

    A model that is not known here may be linked, since models of other servers are used too. Raises BadInput for what
    can be no id, NotFound for a model of another team.
    """
    for model_id, _ in linked:
        if not _ID.match(model_id):
            raise checks.no_id(model_id)
    for model_id in models.by_ids(st, list(dict.fromkeys(model_id for model_id, _ in linked))):
        get_model(st, model_id, actor, deleted=True)
    content.link(st, run_id, role, linked)


def state_of(st: Statements, model_id: str) -> dict[str, Any] | None:
    """Return what of a model stands on the ledger; its metrics stand there with the runs that logged them."""
    found = models.get(st, model_id)
    if found is None:
        return None
    return {"experiment_id": found.experiment_id, "name": found.name, "source_run_id": found.source_run_id,
            "status": found.status, "status_message": found.status_message, "model_type": found.model_type,
            "lifecycle": found.lifecycle, "created_at": found.created_at,
            "params": _digest(content.params_of(st, [model_id])[model_id]),
            "tags": _digest(content.tags_of(st, [model_id])[model_id])}


def _digest(pairs: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256(msgspec.json.encode(list(pairs))).hexdigest()


def _note(st: Statements, actor: Actor, verb: str, model_id: str, payload: Mapping[str, Any] | None = None) -> None:
    ledger.record_tracked(st, actor, verb, SUBJECT, model_id, state_of(st, model_id), payload)


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=models.ids_after)
