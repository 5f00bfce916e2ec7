"""Putting what runs log on the ledger: at their end, and each minute while they are open."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from stellwerk.features import ledger, logged_models
from stellwerk.features.experiments import now_ms
from stellwerk.features.runs.repository import content, inputs, runs
from stellwerk.features.runs.service import ENDED
from stellwerk.infra.tracking_database import Statements, TrackingDatabase
from stellwerk.kernel.actor import SYSTEM, Actor
from stellwerk.kernel.errors import Unavailable

_log = logging.getLogger("stellwerk.runs")
SUBJECT = "run"
_OPEN_MS = 60_000
_REST_MS = 10 * 60_000
_REST_FACTOR = 100
# Open runs that were digested lately, with the moment until which they rest.
_resting: dict[str, float] = {}
_AT_ONCE = 200
_LINES = 5000


def state_of(st: Statements, run_id: str) -> dict[str, Any] | None:
    """Return what of a run stands on the ledger: its head, and a digest over everything that it logged."""
    found = runs.get(st, run_id)
    if found is None:
        return None
    points, metrics = _digest(content.stream_points(st, found.no))
    used = [(dataset, tags) for dataset, tags in inputs.inputs_of(st, [found.no]).get(found.no, ())]
    return {
        "experiment_id": found.experiment_id, "name": found.name, "user_id": found.user_id, "status": found.status,
        "lifecycle": found.lifecycle,
        "start_time": found.start_time, "end_time": found.end_time, "created_by": found.created_by,
        "points": points, "metrics": metrics,
        "params": _digest(content.all_params_of(st, [found.no])[found.no])[1],
        "tags": _digest(content.tags_of(st, [found.no])[found.no])[1],
        "inputs": _digest(used)[1], "models": _digest(logged_models.links_of(st, [run_id]).get(run_id, ()))[1]}


def _digest(rows: Iterable[Any]) -> tuple[int, str]:
    hasher, count = hashlib.sha256(), 0
    encoder, remaining = msgspec.json.Encoder(), iter(rows)
    while some := list(islice(remaining, _LINES)):
        hasher.update(encoder.encode_lines(some))
        count += len(some)
    return count, hasher.hexdigest()


def seal_due(tracking: TrackingDatabase) -> int:
    """Write an event for each run that ended, or was open for a minute, with changes; return how many.

    The digest is taken from one consistent state without holding up writers; a run that was changed meanwhile stays
    due. A run that cannot be read holds up no other: it is named in the log and tried again later.
    """
    now = now_ms()
    due = tracking.read(lambda st: runs.unsealed(st, now=now, open_before=now - _OPEN_MS, limit=_AT_ONCE))
    started = time.monotonic()
    for run_id in [known for known, until in _resting.items() if until <= started]:
        del _resting[run_id]
    return sum(_sealed(tracking, run_id) for run_id, status in due if status in ENDED or run_id not in _resting)


def _sealed(tracking: TrackingDatabase, run_id: str) -> bool:
    try:
        _seal(tracking, run_id)
    except Unavailable:
        raise
    except Exception as error:
        _log.error("a run was not put on the ledger", exc_info=error, extra={"facts": {"run": run_id}})
        tracking.write(lambda st: runs.put_off(st, run_id, now_ms() + _REST_MS))
        return False
    return True


def _seal(tracking: TrackingDatabase, run_id: str) -> None:
    started = time.monotonic()
    changes, state = tracking.read(lambda st: look(st, run_id), seconds=600)
    if state is not None:
        spent = time.monotonic() - started
        # An open run of millions of points is digested whole each time, so the larger it is the longer it rests.
        _resting[run_id] = started + _REST_FACTOR * spent
        verb = "run.ended" if state["status"] in ENDED else "run.logged"
        tracking.write(lambda st: note(st, SYSTEM, verb, run_id, changes, state))


def look(st: Statements, run_id: str) -> tuple[int, dict[str, Any] | None]:
    """Return how many changes of a run wait for their event, and its state with them."""
    found = runs.get(st, run_id)
    return (0 if found is None else runs.changes_of(st, found.no)), state_of(st, run_id)


def note(st: Statements, actor: Actor, verb: str, run_id: str, changes: int, state: dict[str, Any],
         payload: Mapping[str, Any] | None = None) -> None:
    """Write the event of a run as it was after so many changes; later ones wait for the next event."""
    found = runs.get(st, run_id)
    if found is None:
        return
    ledger.record_tracked(st, actor, verb, SUBJECT, run_id, state,
                          {"status": state["status"], "points": state["points"], **(payload or {})})
    runs.mark_sealed(st, found.no, changes, now_ms())


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next ids of runs in order."""
    return runs.ids_after(st, after, limit)


def pending(st: Statements, run_id: str) -> bool:
    """Tell whether a run has changes that wait for their event."""
    found = runs.get(st, run_id)
    return found is not None and runs.changes_of(st, found.no) > 0


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=ids_after, pending=pending)
