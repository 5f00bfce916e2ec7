"""What comes from elsewhere: who may bring it, into which experiments, and when it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features import experiments, ledger, logged_models, registry, runs
from stellwerk.features.experiments import now_ms
from stellwerk.features.transfer import repository
from stellwerk.features.transfer.repository import Mapped, Transfer
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import AlreadyExists, BadInput, Conflict, NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.transfer import wire

RUN, LOGGED_MODEL, REGISTERED_MODEL = "run", "logged_model", "registered_model"
_SHOWN = 20


def open_transfer(st: Statements, actor: Actor, body: wire.Open) -> Transfer:
    """Return the transfer of a source, making it where it is new; raises Conflict for another team than before."""
    limits.check_plain(body.source, "source")
    known = repository.by_source(st, body.source)
    if known is None:
        team = experiments.team_of_new(actor, body.team)
        person = actor.person_id or actor.id
        made = repository.add(st, Transfer(0, body.source, body.kind, team, now_ms(), person, None))
        _note(st, actor, "transfer.started", made.no, {"source": body.source})
        return made
    if body.team is not None and body.team != known.team:
        raise Conflict(f"What came from {body.source} belongs to {_owner(known)} already.", field="team",
                       value=body.team, hint="Leave the team out, or name the same again.")
    return known


def _owner(transfer: Transfer) -> str:
    return "all" if transfer.team is None else f"the team {transfer.team!r}"


def get_transfer(st: Statements, number: int) -> Transfer:
    """Return a transfer; raises NotFound."""
    found = repository.get(st, number)
    if found is None:
        raise NotFound(f"There is no transfer {number}.", field="transfer", value=number)
    return found


def bring_experiments(st: Statements, actor: Actor, body: wire.Experiments) -> list[Mapped]:
    """Make or refresh experiments and return what they became.

    Raises AlreadyExists naming all whose names are in use for something else, and changes nothing then.
    """
    transfer = get_transfer(st, body.transfer)
    known = {mapped.source_id: mapped for mapped in repository.experiments(st, transfer.no)}
    found: list[Mapped] = []
    taken: list[str] = []
    for brought in body.experiments:
        payload = {"source": transfer.source, "source_id": brought.source_id}
        mapped = known.get(brought.source_id)
        if mapped is None:
            here = experiments.importing.named(st, brought.name)
            if here is None:
                made = experiments.importing.import_experiment(st, actor, brought, transfer.team, payload)
                mapped = Mapped(brought.source_id, made.id, 0)
                repository.put_experiment(st, transfer.no, mapped)
                found.append(mapped)
                continue
            # Everybody's experiment 0 is one and the same thing.
            if not body.merge and not (here.id == 0 and brought.source_id == "0"):
                taken.append(brought.name)
                continue
            mapped = Mapped(brought.source_id, here.id, 1)
            repository.put_experiment(st, transfer.no, mapped)
        experiments.importing.refresh_experiment(st, actor, mapped.experiment_id, brought, payload,
                                                 merged=bool(mapped.merged))
        found.append(mapped)
    if taken:
        raise AlreadyExists(f"Experiments of these names are here already: {_listed(taken)}.", field="name",
                            value=taken[:_SHOWN],
                            hint="Give those that come a prefix (--prefix), or join them by name (--merge).")
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:100]) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def state_of_things(st: Statements, number: int, kind: str, ids: Sequence[str]) -> dict[str, str]:
    """Return of things by id whether they came whole ("complete"), in part ("arriving"), or are here of another
    origin ("foreign"); those that are not here are left out."""
    known = repository.things(st, kind, ids)
    states = {one: ("foreign" if owner != number else "complete" if complete else "arriving")
              for one, (owner, complete) in known.items()}
    for one in _here(st, kind, [one for one in ids if one not in known]):
        states[one] = "foreign"
    return states


def _here(st: Statements, kind: str, ids: Sequence[str]) -> set[str]:
    if kind == RUN:
        return set(runs.importing.numbers_of(st, ids))
    if kind == LOGGED_MODEL:
        return set(logged_models.by_ids(st, ids))
    return {name for name in ids if registry.find_model(st, name) is not None}


def _refuse_foreign(st: Statements, transfer: Transfer, kind: str, ids: Sequence[str]) -> None:
    foreign = [one for one, state in state_of_things(st, transfer.no, kind, ids).items() if state == "foreign"]
    if foreign:
        raise AlreadyExists(f"These are here already and did not come from {transfer.source}: {_listed(foreign)}.",
                            field="id", value=foreign[:_SHOWN],
                            hint="They were logged here, or brought from another address of the same source.")


def _experiment_ids(st: Statements, transfer: Transfer, wanted: Sequence[str]) -> dict[str, int]:
    known = {mapped.source_id: mapped.experiment_id for mapped in repository.experiments(st, transfer.no)}
    lacking = sorted(set(wanted) - set(known))
    if lacking:
        raise BadInput(f"These experiments did not come yet: {_listed(lacking)}.", field="experiment",
                       value=lacking[:_SHOWN])
    return known


def bring_runs(st: Statements, actor: Actor, body: wire.Runs) -> None:
    """Put runs without their points; they stay marked as arriving. Raises AlreadyExists for those of another
    origin."""
    transfer = get_transfer(st, body.transfer)
    ids = [run.id for run in body.runs]
    if len(set(ids)) != len(ids):
        raise BadInput("The batch names a run twice.", field="runs")
    _refuse_foreign(st, transfer, RUN, ids)
    numbers = _experiment_ids(st, transfer, [run.experiment for run in body.runs])
    repository.put_things(st, RUN, ids, transfer.no, complete=0)
    runs.importing.import_runs(st, actor, [(run, numbers[run.experiment]) for run in body.runs])


def bring_points(st: Statements, body: wire.Points) -> int:
    """Add points of runs that are arriving and return how many came; raises NotFound for other runs."""
    ids = list(dict.fromkeys(series.run_id for series in body.series))
    numbers = runs.importing.numbers_of(st, _arriving(st, body.transfer, ids))
    return sum(runs.importing.import_points(st, numbers[series.run_id], series)
               for series in sorted(body.series, key=lambda series: numbers[series.run_id]))


def _arriving(st: Statements, number: int, ids: Sequence[str]) -> list[str]:
    states = state_of_things(st, number, RUN, ids)
    others = [one for one in ids if states.get(one) != "arriving"]
    if others:
        raise NotFound(f"These runs are not arriving from there: {_listed(others)}.", field="run_id",
                       value=others[:_SHOWN])
    return list(ids)


def look(st: Statements, body: wire.Ids) -> dict[str, tuple[int, dict[str, Any] | None]]:
    """Return the states of arriving runs for ``finish``; reads all their points, so it is no part of a change."""
    return {one: runs.importing.look(st, one) for one in _arriving(st, body.transfer, body.ids)}


def finish(st: Statements, actor: Actor, body: wire.Ids,
           seen: Mapping[str, tuple[int, dict[str, Any] | None]]) -> None:
    """Note that runs have come whole, each with its event."""
    transfer = get_transfer(st, body.transfer)
    for one in _arriving(st, transfer.no, body.ids):
        runs.importing.note_imported(st, actor, one, seen[one], {"source": transfer.source})
    repository.put_things(st, RUN, body.ids, transfer.no, complete=1)


def bring_logged_models(st: Statements, actor: Actor, body: wire.LoggedModels) -> None:
    """Put logged models with all but their files; raises AlreadyExists for those of another origin."""
    transfer = get_transfer(st, body.transfer)
    ids = [model.id for model in body.models]
    _refuse_foreign(st, transfer, LOGGED_MODEL, ids)
    numbers = _experiment_ids(st, transfer, [model.experiment for model in body.models])
    repository.put_things(st, LOGGED_MODEL, ids, transfer.no, complete=0)
    for model in body.models:
        logged_models.importing.import_model(st, actor, model, numbers[model.experiment],
                                             {"source": transfer.source})


def finish_logged_models(st: Statements, body: wire.Ids) -> None:
    """Note that logged models have come whole; raises NotFound for others."""
    states = state_of_things(st, body.transfer, LOGGED_MODEL, body.ids)
    others = [one for one in body.ids if states.get(one) not in ("arriving", "complete")]
    if others:
        raise NotFound(f"These logged models did not come from there: {_listed(others)}.", field="ids",
                       value=others[:_SHOWN])
    repository.put_things(st, LOGGED_MODEL, body.ids, body.transfer, complete=1)


def bring_registered_models(st: Statements, actor: Actor, body: wire.RegisteredModels) -> None:
    """Put registered models without their versions; raises AlreadyExists for names of another origin."""
    transfer = get_transfer(st, body.transfer)
    ids = [model.name for model in body.models]
    _refuse_foreign(st, transfer, REGISTERED_MODEL, ids)
    repository.put_things(st, REGISTERED_MODEL, ids, transfer.no, complete=0)
    for model in body.models:
        registry.importing.import_model(st, actor, model, transfer.team, {"source": transfer.source})


def bring_versions(st: Statements, actor: Actor, body: wire.Versions) -> None:
    """Put versions of a registered model that came from there; raises NotFound for another."""
    transfer = check_model(st, body.transfer, body.name)
    registry.importing.import_versions(st, actor, body.name, body.versions, {"source": transfer.source})


def bring_aliases(st: Statements, actor: Actor, body: wire.Aliases) -> None:
    """Set aliases of a registered model, which has come whole then; raises NotFound for another."""
    transfer = check_model(st, body.transfer, body.name)
    registry.importing.import_aliases(st, actor, body.name, body.aliases, {"source": transfer.source})
    repository.put_things(st, REGISTERED_MODEL, [body.name], transfer.no, complete=1)


def check_model(st: Statements, number: int, name: str) -> Transfer:
    """Return the transfer that a registered model came with; raises NotFound where it came from elsewhere."""
    if state_of_things(st, number, REGISTERED_MODEL, [name]).get(name) not in ("arriving", "complete"):
        raise NotFound(f"The registered model {name[:100]!r} did not come from there.", field="name", value=name[:100])
    return get_transfer(st, number)


def check_owner(st: Statements, number: int, owner_id: str) -> None:
    """Raise NotFound unless a run or logged model came from there."""
    if not any(repository.things(st, kind, [owner_id]).get(owner_id, (None, 0))[0] == number
               for kind in (RUN, LOGGED_MODEL)):
        raise NotFound(f"{owner_id[:100]} did not come from there.", field="owner_id", value=owner_id[:100])


def close(st: Statements, actor: Actor, body: wire.Close) -> None:
    """Note what the proof of a transfer found."""
    transfer = get_transfer(st, body.transfer)
    if not body.differences:
        repository.mark_proved(st, transfer.no, now_ms())
    _note(st, actor, "transfer.proved" if not body.differences else "transfer.differs", transfer.no,
          {"source": transfer.source, "counts": body.counts, "differences": body.differences})


def _note(st: Statements, actor: Actor, verb: str, number: int, payload: Mapping[str, Any]) -> None:
    ledger.record_tracked(st, actor, verb, "transfer", str(number), state_of(st, str(number)), payload)


def state_of(st: Statements, number: str) -> dict[str, Any] | None:
    """Return what of a transfer stands on the ledger."""
    found = repository.get(st, int(number))
    return None if found is None else {"source": found.source, "kind": found.kind, "team": found.team,
                                       "started_at": found.started_at, "started_by": found.started_by}


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=repository.numbers_after)
