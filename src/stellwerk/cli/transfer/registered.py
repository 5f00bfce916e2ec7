"""Bringing and proving registered models with their versions and aliases."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.cli.transfer.bring import Brought, Wishes
from stellwerk.cli.transfer.checks import Refused, sound
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.prove import Proof, compare
from stellwerk.cli.transfer.source import FoundRegistered, Source
from stellwerk.cli.transfer.target import Target, split_by_size
from stellwerk.client.http import ApiError
from stellwerk.protocols.transfer import digests, wire


def registered_of(source: Source, prefix: str, refused: list[Refused]) -> Iterator[FoundRegistered]:
    """Yield the registered models of a source as they are to be called here, without what may not come."""
    for found in source.registered_models():
        found.model.name = prefix + found.model.name
        what = f"registered model {found.model.name[:100]!r}"
        if sound(found.model, what, refused) is None:
            continue
        found.versions = [version for version in found.versions
                          if sound(version, f"version {version.version} of {what}", refused) is not None]
        yield found


def bring_registered(source: Source, target: Target, brought: Brought, wishes: Wishes, meter: Meter) -> None:
    """Bring what has not come whole before; a model that the installation refuses is noted, the others come."""
    for found in registered_of(source, wishes.prefix, brought.refused):
        name = found.model.name
        state = target.known("registered-models", brought.transfer, [name]).get(name)
        if state == "foreign":
            brought.foreign.add(name)
            brought.refused.append(Refused(f"registered model {name!r}", "a model of this name is here already and "
                                           "came from somewhere else; --prefix gives those that come other names"))
            continue
        if state != "complete" or wishes.again:
            try:
                _bring(target, brought.transfer, found)
            except ApiError as error:
                if error.status != 400:
                    raise
                brought.refused.append(Refused(f"registered model {name!r}", error.message))
        meter.add("registered models", 1)


def _bring(target: Target, transfer: int, found: FoundRegistered) -> None:
    name = found.model.name
    target.post("/registered-models", wire.RegisteredModels(transfer=transfer, models=[found.model]))
    for part in split_by_size(found.versions):
        target.post("/versions", wire.Versions(transfer=transfer, name=name, versions=part))
    target.post("/aliases", wire.Aliases(transfer=transfer, name=name, aliases=found.aliases))


def prove_registered(source: Source, target: Target, brought: Brought, wishes: Wishes, proof: Proof) -> None:
    """Compare all registered models."""
    for found in registered_of(source, wishes.prefix, []):
        name = found.model.name
        if name in brought.foreign:
            continue
        here = target.digests("registered-models", brought.transfer, [name])
        proof.count("registered models", 1, int(name in here))
        expected = digests.of_registered_model(found.model, found.versions, found.aliases)
        if name in here:
            compare(proof, f"registered model {name!r}", expected, here[name], only=("versions", "aliases"))
        else:
            proof.differ(f"registered model {name!r}", "there", "missing")


def without_files(source: Source, prefix: str) -> list[str]:
    """Return in words which versions have files that belong to no run or logged model."""
    lost = [f"{found.model.name}/{version.version} ({version.source[:100]})"
            for found in registered_of(source, prefix, []) for version in found.versions if version.owner_id is None]
    if not lost:
        return []
    shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return [f"files of versions whose source is no run's and no logged model's: {shown}"]
